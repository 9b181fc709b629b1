"""Who may ask the gateway: keys, quotas, versions, revocations and restarts, on real processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from lifecycle.records.access import Quota
from lifecycle.records.bodies.access import RefusalsSealed
from lifecycle.records.identity import derived_id
from lifecycle.serving.access.credentials import make_key
from lifecycle.serving.answering.protocol import REFERRED
from lifecycle.serving.rollouts.status import AccessStatus
from tests.serving.granted import book, key_pass
from tests.serving.packages import plan
from tests.serving.running import RunningGateway, running_gateway, wait_for

KEY, SMALL_KEY, GONE_KEY = make_key(), make_key(), make_key()
SMALL = Quota(requests_per_minute=4, rows_per_day=3, concurrent=10)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway with two workers that serves version 1 to two callers; the access of a third was revoked."""
    with running_gateway(tmp_path_factory.mktemp("closed"), workers=2) as gateway:
        gateway.serve(1)
        digest = gateway.pack(1).digest
        gateway.say_who_may_ask(
            book(
                key_pass(gateway.key, digest, 1, KEY),
                key_pass(gateway.key, digest, 1, SMALL_KEY, principal="small", quota=SMALL),
                key_pass(gateway.key, digest, 1, GONE_KEY, principal="gone"),
                revoked=(derived_id("grant", "gone"),),
            )
        )
        yield gateway


def test_a_local_gateway_is_open_until_access_is_granted(gateway: RunningGateway) -> None:
    """Nobody needs a key on one's own machine; the status says so. The first grant closes the gateway for good."""
    gateway.serve(1)
    caller = gateway.caller()
    assert caller.infer()[0] == 200
    assert access_of(gateway).open
    gateway.say_who_may_ask(book(key_pass(gateway.key, gateway.pack(1).digest, 1, KEY)))
    assert caller.infer()[0] == 401
    assert caller.infer(key=KEY)[0] == 200
    gateway.say_who_may_ask(book(size=2))
    assert caller.infer(key=KEY)[0] == 401


def test_a_caller_with_a_key_is_answered(closed: RunningGateway) -> None:
    """The key in the header is all that it takes; what it may not ask, others may not either."""
    caller = closed.caller()
    status, said = caller.infer(key=KEY)
    assert (status, said["model_version"]) == (200, "1")
    located = closed.client.predictions.locate(said["parameters"]["prediction_id"])
    assert located.fits
    assert located.asked is not None
    assert located.asked["grant_id"] == derived_id("grant", "portal")
    assert caller.send("GET", "/v2/models/credit", key=KEY)[0] == 200


@pytest.mark.parametrize(
    ("key", "says"),
    [("", "granted"), (make_key(), "nothing that is served"), (GONE_KEY, "revoked")],
    ids=["no key", "a key of nobody's", "a revoked key"],
)
def test_a_caller_without_a_key_that_counts_is_refused(closed: RunningGateway, key: str, says: str) -> None:
    """No key, a key that nobody was given, one that was revoked: 401, how to come back, and nothing of the models."""
    caller = closed.caller()
    status, said = caller.infer(key=key)
    assert status == 401
    assert says in said["error"]
    assert caller.headers["www-authenticate"] == "Bearer"
    assert caller.send("GET", "/v2/models/credit", key=key)[0] == 401
    assert caller.infer(model="nothing_by_this_name", key=key)[0] == 401
    assert caller.send("POST", "/v2/feedback", b"{}", key=key)[0] == 401


def test_health_and_metrics_need_no_key(closed: RunningGateway) -> None:
    """Probes and Prometheus ask without one: what they hear is of no caller and of no request."""
    caller = closed.caller()
    for path in ("/v2", "/v2/health/live", "/v2/health/ready", "/metrics"):
        assert caller.send("GET", path)[0] == 200


def test_a_quota_counts_over_all_workers(closed: RunningGateway) -> None:
    """Each request over a connection of its own: rows run out after three, whichever worker answers; others are not affected."""
    statuses = []
    for _ in range(6):
        caller = closed.caller()
        statuses.append(caller.infer(key=SMALL_KEY)[0])
        if statuses[-1] == 429:
            assert int(caller.headers["retry-after"]) >= 1
    assert statuses == [200, 200, 200, 429, 429, 429]
    assert closed.caller().infer(key=KEY)[0] == 200


def test_a_version_that_a_caller_may_not_ask_does_not_answer_it(closed: RunningGateway) -> None:
    """While a canary takes all of the traffic that is drawn, a caller without leave for its version gets the champion."""
    rollout = closed.deploy(2, plan((0.9, 0, 3_600.0), (1.0, 0, 0.0)))
    closed.await_weight(rollout, 0.9)
    caller = closed.caller()
    arms = {caller.infer(key=KEY)[1]["parameters"]["arm"] for _ in range(50)}
    assert arms == {"champion"}
    closed.say_who_may_ask(
        book(
            key_pass(closed.key, closed.pack(1).digest, 1, KEY),
            key_pass(closed.key, closed.pack(2).digest, 2, KEY),
            key_pass(closed.key, closed.pack(1).digest, 1, GONE_KEY, principal="gone"),
            revoked=(derived_id("grant", "gone"),),
            size=3,
        )
    )
    arms = {caller.infer(key=KEY)[1]["parameters"]["arm"] for _ in range(400)}
    assert arms == {"champion", "canary"}
    closed.client.abort(rollout, "the test is over", "cancelled")


def test_access_that_is_over_is_refused(tmp_path: Path) -> None:
    """A pass ends by itself, to the second, with nothing to tell the gateway so."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.say_who_may_ask(book(key_pass(gateway.key, gateway.pack(1).digest, 1, KEY, seconds=2.0)))
        caller = gateway.caller()
        wait_for(lambda: caller.infer(key=KEY)[0] == 403, "the access is over")
        assert "over" in caller.infer(key=KEY)[1]["error"]


@pytest.mark.parametrize(("without_champion", "status"), [("refer", 200), ("refuse", 503)])
def test_a_known_caller_hears_that_nothing_serves_any_more(
    tmp_path: Path, without_champion: Literal["refer", "refuse"], status: int
) -> None:
    """What it may ask was revoked, and nothing stood by: a person decides, or nobody can. Whoever may ask another model only, or nothing,
    is refused as ever."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1, plan(without_champion=without_champion))
        mine = key_pass(gateway.key, gateway.pack(1).digest, 1, KEY)
        other = key_pass(gateway.key, gateway.pack(1, model="churn").digest, 1, SMALL_KEY, principal="other", model="churn")
        gateway.say_who_may_ask(book(mine, other))
        caller = gateway.caller()
        assert caller.infer(key=KEY)[1]["model_version"] == "1"
        gateway.take_back(1)
        wait_for(lambda: gateway.model().versions == (), "nothing serves")
        found, said = caller.infer(key=KEY)
        assert found == status
        if status == 200:
            assert said["outputs"][0]["data"] == [REFERRED]
        else:
            assert "No version may answer" in said["error"]
        assert [caller.infer(key=key)[0] for key in (SMALL_KEY, make_key(), "")] == [403, 401, 401]


def test_while_nobody_can_know_who_may_call_everybody_is_told_so(tmp_path: Path) -> None:
    """A ledger that is away for too long is nobody's fault who calls: 503, and the key is good again once the ledger answers."""
    with running_gateway(tmp_path, offline_seconds=2.0) as gateway:
        gateway.serve(1)
        gateway.say_who_may_ask(book(key_pass(gateway.key, gateway.pack(1).digest, 1, KEY)))
        caller = gateway.caller()
        with gateway.ledger_down():
            wait_for(lambda: access_of(gateway).callers == 0, "nobody is let in")
            for key in (KEY, make_key(), ""):
                status, said = caller.infer(key=key)
                assert (status, "out of reach of its ledger" in said["error"]) == (503, True)
            assert caller.send("GET", "/v2/models/credit", key=KEY)[0] == 503
        wait_for(lambda: caller.infer(key=KEY)[0] == 200, "it is let in again")


def test_a_restart_without_a_ledger_goes_on_as_it_was(tmp_path: Path) -> None:
    """The book and its proofs lie beside the gateway: granted callers are answered, revoked ones are not."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        digest = gateway.pack(1).digest
        passes = key_pass(gateway.key, digest, 1, KEY), key_pass(gateway.key, digest, 1, GONE_KEY, principal="gone")
        gateway.say_who_may_ask(book(*passes, revoked=(derived_id("grant", "gone"),)))
        gateway.kill()
        gateway.ledger.with_name("down").touch()
        gateway.start()
        caller = gateway.caller()
        assert caller.infer(key=KEY)[0] == 200
        assert caller.infer(key=GONE_KEY)[0] == 401
        assert caller.infer()[0] == 401
        wait_for(lambda: "down" in access_of(gateway).fault, "the status says that the ledger is down")
        gateway.ledger.with_name("down").unlink()


def access_of(gateway: RunningGateway) -> AccessStatus:
    found = gateway.client.status().access
    assert found is not None
    return found


def test_an_environment_that_is_not_local_answers_nobody_by_default(tmp_path: Path) -> None:
    """Without a ledger that ever said who may ask, and whatever a book claims, it is closed."""
    gateway = RunningGateway(tmp_path)
    gateway.more = {"environment": "staging"}
    try:
        gateway.start()
        assert gateway.caller().infer()[0] == 401
        gateway.say_who_may_ask(book(closed=False))
        assert gateway.caller().infer()[0] == 401
        assert not access_of(gateway).open
    finally:
        gateway.stop()


def test_refusals_are_sealed_in_one_leaf(tmp_path: Path) -> None:
    """However many requests are refused, the ledger hears of them in one event for each worker and segment, with true counts."""
    with running_gateway(tmp_path, seal_seconds=0.5) as gateway:
        gateway.serve(1)
        gateway.say_who_may_ask(book(key_pass(gateway.key, gateway.pack(1).digest, 1, KEY)))
        threads = [threading.Thread(target=ask_in_vain, args=(gateway,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        def sealed() -> dict[str, int]:
            found: dict[str, int] = {}
            for event in gateway.events("RefusalsSealed"):
                assert isinstance(event.body, RefusalsSealed)
                for one in event.body.refused:
                    found[one.reason] = found.get(one.reason, 0) + one.requests
            return found

        wait_for(lambda: sealed() == {"no_credential": 200}, "all refusals are sealed")
        bodies = [event.body for event in gateway.events("RefusalsSealed") if isinstance(event.body, RefusalsSealed)]
        assert [body.number for body in bodies] == list(range(1, len(bodies) + 1))
        assert sum(body.lines for body in bodies) < 40


def ask_in_vain(gateway: RunningGateway) -> None:
    caller = gateway.caller()
    for _ in range(50):
        assert caller.infer()[0] == 401
