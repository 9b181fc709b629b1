"""Attacks on rollouts by labels: from whoever may send none, of answers of others, in numbers without end, and of one answer over
and over."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.records.access import Quota
from lifecycle.records.identity import derived_id, new_id, now_us
from lifecycle.records.rollout import Guardrail
from lifecycle.serving.access.credentials import make_key
from lifecycle.serving.rollouts.seen import Labels
from tests.attacks.closed_gateway import KEY, OTHER_KEY, granted
from tests.serving.granted import book, key_pass
from tests.serving.packages import MODEL, plan
from tests.serving.rollouts.test_outcomes import WRONG, answer, counted
from tests.serving.rollouts.test_outcomes import book as outcome_book
from tests.serving.running import Caller, RunningGateway, running_gateway, wait_for

ELSEWHERE = "sha256:" + "e" * 64


def label(caller: Caller, prediction_id: str, key: str, said: str = "good") -> int:
    body = json.dumps({"model": MODEL, "prediction_id": prediction_id, "label": said}).encode()
    return int(caller.send("POST", "/v2/feedback", body, key=key)[0])


def counts_as(gateway: RunningGateway, prediction_id: str) -> str | None:
    """The label of a prediction, as monitoring and guardrails read it."""
    return gateway.client.predictions.locate(prediction_id).label


def refused(gateway: RunningGateway, grant_id: str) -> int:
    """The requests of a grant that the log of refusals has as not allowed."""
    lines = [json.loads(line) for path in (gateway.folder / "refusals").glob("*.jsonl") for line in path.read_text().splitlines()]
    return sum(line["requests"] for line in lines if (line["grant_id"], line["reason"]) == (grant_id, "not_allowed"))


def labels_of(gateway: RunningGateway) -> list[str]:
    folder = gateway.folder / "predictions" / MODEL / "labels"
    return [line for path in sorted(folder.glob("*")) for line in path.read_text().splitlines()] if folder.exists() else []


@pytest.mark.parametrize("path", ["/v2/feedback", f"/v2/models/{MODEL}/feedback"])
def test_a_label_of_whoever_may_only_ask_is_refused_unread(closed: RunningGateway, path: str) -> None:
    """Labels take versions out: a grant of predictions is none of labels, old ones included. Nothing of the body is read, no line is
    written, and the refusal stands in the log under its grant."""
    closed.say_who_may_ask(book(granted(closed)))
    caller, before = closed.caller(), len(labels_of(closed))
    prediction_id = caller.infer(key=KEY)[1]["parameters"]["prediction_id"]
    known = refused(closed, derived_id("grant", "portal"))
    body = json.dumps({"model": MODEL, "prediction_id": prediction_id, "label": "bad"}).encode()
    status, said = caller.send("POST", path, body, key=KEY)
    assert (status, said) == (403, {"error": "This access is for predictions, and not for labels."})
    assert closed.caller().send("POST", path, b"nonsense", key=KEY)[0] == 403
    assert len(labels_of(closed)) == before
    wait_for(lambda: refused(closed, derived_id("grant", "portal")) == known + 2, "both refusals are in the log")
    assert counts_as(closed, prediction_id) is None


def test_a_label_of_an_answer_that_somebody_else_asked_for_counts_for_nothing(closed: RunningGateway) -> None:
    """Whoever may label its own answers, and got hold of the id of another's, neither labels it nor takes its label away."""
    closed.say_who_may_ask(book(granted(closed, labels="own"), granted(closed, OTHER_KEY, principal="other", labels="own")))
    caller = closed.caller()
    prediction_id = caller.infer(key=KEY)[1]["parameters"]["prediction_id"]
    label(caller, prediction_id, OTHER_KEY, "bad")
    assert counts_as(closed, prediction_id) is None
    assert label(caller, prediction_id, KEY, "good") == 200
    label(caller, prediction_id, OTHER_KEY, "bad")
    assert counts_as(closed, prediction_id) == "good"
    (row,) = [row for row in closed.client.predictions.rows(MODEL) if row["id"] == prediction_id]
    (bare,) = [row for row in closed.client.predictions.rows(MODEL, with_values=False) if row["id"] == prediction_id]
    assert (row["label"], bare["label"], bare["values"]) == ("good", "good", None)


def test_a_label_of_anybodys_answer_counts_where_that_was_granted(closed: RunningGateway) -> None:
    """Who knows the outcomes is often not who asked: the last word of whoever may say it counts, and the log has whose it was."""
    closed.say_who_may_ask(book(granted(closed, labels="own"), granted(closed, OTHER_KEY, principal="other", labels="any")))
    caller = closed.caller()
    prediction_id = caller.infer(key=KEY)[1]["parameters"]["prediction_id"]
    assert label(caller, prediction_id, KEY, "good") == 200
    assert label(caller, prediction_id, OTHER_KEY, "bad") == 200
    assert counts_as(closed, prediction_id) == "bad"
    own, anybodys = (json.loads(line) for line in labels_of(closed)[-2:])
    assert (own["grant_id"], own["asked_by"]) == (derived_id("grant", "portal"), "portal")
    assert (anybodys["grant_id"], "asked_by" in anybodys) == (derived_id("grant", "other"), False)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v2/feedback", {"model": MODEL, "prediction_id": new_id(), "label": "GOOD"}, "label"),
        ("/v2/feedback", {"model": MODEL, "prediction_id": "my own id of the request", "label": "good"}, "prediction_id"),
        ("/v2/feedback", {"model": MODEL, "prediction_id": new_id().upper(), "label": "good"}, "prediction_id"),
        ("/v2/feedback", {"prediction_id": new_id(), "label": "good"}, "model"),
        (f"/v2/models/{MODEL}/feedback", {"model": "another", "prediction_id": new_id(), "label": "good"}, "model"),
        (f"/v2/models/{MODEL}/feedback", {"prediction_id": new_id()}, "label"),
    ],
    ids=["no outcome", "no id of ours", "another form of the id", "no model", "two models", "no label"],
)
def test_what_can_be_no_label_is_refused_by_its_field(closed: RunningGateway, path: str, body: dict[str, str], field: str) -> None:
    """A label that is no outcome would count as wrong for whoever answered; one of no id would be joined with nothing."""
    closed.say_who_may_ask(book(granted(closed, labels="any")))
    before = len(labels_of(closed))
    status, said = closed.caller().send("POST", path, json.dumps(body).encode(), key=KEY)
    assert (status, said.get("field")) == (400, field)
    assert len(labels_of(closed)) == before


def test_a_label_names_no_time_of_its_own(closed: RunningGateway) -> None:
    """Nobody dates a label before its prediction, or so far ahead that no later one would count: its time is the gateway's."""
    closed.say_who_may_ask(book(granted(closed, labels="own")))
    caller = closed.caller()
    prediction_id = caller.infer(key=KEY)[1]["parameters"]["prediction_id"]
    begun_us = now_us()
    told = {"model": MODEL, "prediction_id": prediction_id, "label": "bad", "at_us": 2**52, "grant_id": "x", "asked_by": ""}
    assert caller.send("POST", "/v2/feedback", json.dumps(told).encode(), key=KEY)[0] == 200
    line = json.loads(labels_of(closed)[-1])
    assert begun_us <= line["at_us"] <= now_us()
    assert (line["grant_id"], line["asked_by"]) == (derived_id("grant", "portal"), "portal")
    assert label(caller, prediction_id, KEY, "good") == 200
    assert counts_as(closed, prediction_id) == "good"


def test_a_label_of_whoever_may_ask_no_more_is_not_taken(closed: RunningGateway) -> None:
    """Access whose time is over still knows the ids of what it was answered: nothing that it says of them reaches the log."""
    caller = closed.caller()
    prediction_id = caller.infer(key=KEY)[1]["parameters"]["prediction_id"]
    key = make_key()
    leaver = granted(closed, key, principal="leaver", seconds=3.0, labels="any")
    closed.say_who_may_ask(book(granted(closed, labels="own"), leaver))
    before = len(labels_of(closed))
    wait_for(lambda: caller.infer(key=key)[0] == 403, "the access is over")
    assert label(caller, prediction_id, key) == 403
    assert caller.send("GET", "/v2/models", b"", key=key)[0] == 403
    assert len(labels_of(closed)) == before
    assert label(caller, prediction_id, KEY) == 200
    assert len(labels_of(closed)) == before + 1


def test_a_label_of_whoever_may_ask_another_model_alone_is_not_taken(closed: RunningGateway) -> None:
    """Whoever was let in for one model says nothing about the answers of another."""
    caller = closed.caller()
    prediction_id = caller.infer(key=KEY)[1]["parameters"]["prediction_id"]
    elsewhere = key_pass(closed.key, ELSEWHERE, 1, OTHER_KEY, principal="other", model="elsewhere", labels="any")
    closed.say_who_may_ask(book(granted(closed), elsewhere))
    before = len(labels_of(closed))
    assert label(caller, prediction_id, OTHER_KEY) == 403
    assert len(labels_of(closed)) == before


def test_labels_without_end_are_refused_at_the_quota(closed: RunningGateway) -> None:
    """Each is a line on the disk: they count as the caller's requests do."""
    caller, key = closed.caller(), make_key()
    few = Quota(requests_per_minute=5, rows_per_day=1_000, concurrent=5)
    closed.say_who_may_ask(book(granted(closed), granted(closed, key, principal="talker", quota=few, labels="own")))
    before = len(labels_of(closed))
    said = [label(caller, new_id(), key) for _ in range(30)]
    assert 429 in said
    assert len(labels_of(closed)) - before == said.count(200) <= 10


def test_a_label_that_is_sent_over_and_over_is_remembered_once() -> None:
    """A caller who knows one answer fills no memory by it, and its last word before it counts is the one that does."""
    outcomes = outcome_book(WRONG)
    outcomes.answered("a", answer(1.0))
    for number in range(1_000):
        outcomes.labelled("a", "bad" if number % 2 else "good")
    assert len(outcomes._due) == 1
    assert counted(outcomes, 11.0)[0][0].canary_bad == 0


def test_a_label_for_anothers_answer_takes_no_canary_out_and_hides_no_label() -> None:
    """Whether it comes before its answer or after: what counts for the arms is what whoever asked said, and whoever may say it of all."""
    for early in (True, False):
        outcomes = outcome_book(WRONG)
        if not early:
            outcomes.answered("a", replace(answer(1.0), principal="portal"))
        outcomes.labelled("a", "bad", "portal")
        outcomes.labelled("a", "good", "other")
        if early:
            outcomes.answered("a", replace(answer(1.0), principal="portal"))
        assert counted(outcomes, 11.0)[0][0] == Labels(canary=1)
    outcomes.answered("b", replace(answer(1.0), principal="portal"))
    outcomes.labelled("b", "good", "other")
    assert counted(outcomes, 20.0)[0][0] == Labels(canary=1)
    outcomes.labelled("b", "good")
    assert counted(outcomes, 30.0)[0][0] == Labels(canary=2, canary_bad=1)


@pytest.mark.slow
def test_false_labels_of_anothers_answers_take_no_canary_out(tmp_path: Path) -> None:
    """On real processes: somebody who overhears the ids of a canary's answers says of each that it was wrong. It is accepted, and the
    arms count the labels of whoever asked and no others; the rollout stands, and the ledger has no rollback."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        rollout = gateway.deploy(2, plan((0.5, 1_000_000, 600.0), (1.0, 1, 0.0), guardrails=(Guardrail(kind="wrong_labels"),)))
        gateway.await_weight(rollout, 0.5)
        digests = ((gateway.pack(1).digest, 1), (gateway.pack(2).digest, 2))
        callers = ((KEY, "portal"), (OTHER_KEY, "other"))
        passes = [key_pass(gateway.key, *one, key, principal=who, labels="own") for one in digests for key, who in callers]
        gateway.say_who_may_ask(book(*passes))
        caller, arms = gateway.caller(), []
        for _ in range(200):
            said = caller.infer(key=KEY)[1]["parameters"]
            arms.append(said["arm"])
            assert label(caller, said["prediction_id"], OTHER_KEY, "good" if said["arm"] == "canary" else "bad") == 200
        last = caller.infer(key=KEY)[1]["parameters"]
        assert label(caller, last["prediction_id"], KEY, "bad") == 200
        wait_for(lambda: told_of(gateway, rollout) == [last["arm"]], "the label of whoever asked has counted, and no other")
        assert arms.count("canary") > 50
        assert gateway.client.rollout(rollout).state == "baking"
        assert gateway.events("RolledBack") == []


def told_of(gateway: RunningGateway, rollout: str) -> list[str]:
    """The arm of each label that counts."""
    (rail,) = gateway.client.rollout(rollout).guardrails
    assert (rail.canary_bad, rail.control_bad) == (0, 0)
    return ["canary"] * rail.canary + ["champion"] * rail.control


IDS, CALLERS = st.sampled_from("abc"), st.sampled_from(("portal", "other"))
TOLD = st.lists(st.tuples(IDS, st.sampled_from(("good", "bad")), st.sampled_from(("", "portal", "other"))), max_size=12)


@given(askers=st.dictionaries(IDS, CALLERS), told=TOLD, answered_after=st.integers(0, 12))
def test_labels_for_the_answers_of_others_change_no_count(
    askers: dict[str, str], told: list[tuple[str, str, str]], answered_after: int
) -> None:
    """Whatever is sent, and in whatever order: the arms count what they would had nobody spoken of what was not theirs."""
    counts = []
    for heard in (told, [one for one in told if one[2] in ("", askers.get(one[0]))]):
        outcomes, sent = outcome_book(WRONG), 0
        for place, one in enumerate([*told, None]):
            if place == min(answered_after, len(told)):
                for prediction_id, principal in askers.items():
                    outcomes.answered(prediction_id, replace(answer(1.0), principal=principal))
            if one is not None and sent < len(heard) and heard[sent] is one:
                outcomes.labelled(*one)
                sent += 1
        counts.append(counted(outcomes, 20.0))
    assert counts[0] == counts[1]


def test_nobodys_outcome_is_displaced_by_somebody_else_who_names_the_same_person() -> None:
    """A person counts once for each arm: whoever asks and labels first under other applications' customer ids takes no outcome of theirs
    out of the comparison. Within one application the first counts, as ever."""
    outcomes = outcome_book(WRONG)
    for prediction_id, principal, said in (("a", "other", "bad"), ("b", "portal", "good"), ("c", "portal", "good")):
        outcomes.answered(prediction_id, replace(answer(1.0, subject="customer-4711"), principal=principal))
        outcomes.labelled(prediction_id, said, principal)
    assert counted(outcomes, 20.0)[0][0] == Labels(canary=2, canary_bad=1)


def test_a_label_for_ones_own_answer_counts_for_none_of_whoever_showed_no_key() -> None:
    """What was asked before the gateway was closed, or what was erased since, is nobody's own."""
    outcomes = outcome_book(WRONG)
    outcomes.answered("a", answer(1.0))
    outcomes.labelled("a", "good", "portal")
    assert counted(outcomes, 20.0)[0][0] == Labels()
