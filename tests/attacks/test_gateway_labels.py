"""Attacks on rollouts by labels: from whoever may not ask, in numbers without end, and of one answer over and over."""

from __future__ import annotations

import json

from lifecycle.records.access import Quota
from lifecycle.serving.access.credentials import make_key
from tests.attacks.closed_gateway import KEY, OTHER_KEY, granted
from tests.serving.granted import book, key_pass
from tests.serving.packages import MODEL
from tests.serving.rollouts.test_outcomes import WRONG, answer, counted
from tests.serving.rollouts.test_outcomes import book as outcome_book
from tests.serving.running import Caller, RunningGateway, wait_for

ELSEWHERE = "sha256:" + "e" * 64


def label(caller: Caller, prediction_id: str, key: str, said: str = "good") -> int:
    body = json.dumps({"model": MODEL, "prediction_id": prediction_id, "label": said}).encode()
    return int(caller.send("POST", "/v2/feedback", body, key=key)[0])


def labels_of(gateway: RunningGateway) -> list[str]:
    folder = gateway.folder / "predictions" / MODEL / "labels"
    return [line for path in sorted(folder.glob("*")) for line in path.read_text().splitlines()] if folder.exists() else []


def test_a_label_of_whoever_may_ask_no_more_is_not_taken(closed: RunningGateway) -> None:
    """Access whose time is over still knows the ids of what it was answered: nothing that it says of them reaches the log."""
    caller = closed.caller()
    prediction_id = caller.infer(key=KEY)[1]["parameters"]["prediction_id"]
    key = make_key()
    closed.say_who_may_ask(book(granted(closed), granted(closed, key, principal="leaver", seconds=3.0)))
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
    elsewhere = key_pass(closed.key, ELSEWHERE, 1, OTHER_KEY, principal="other", model="elsewhere")
    closed.say_who_may_ask(book(granted(closed), elsewhere))
    before = len(labels_of(closed))
    assert label(caller, prediction_id, OTHER_KEY) == 403
    assert len(labels_of(closed)) == before


def test_labels_without_end_are_refused_at_the_quota(closed: RunningGateway) -> None:
    """Each is a line on the disk: they count as the caller's requests do."""
    caller, key = closed.caller(), make_key()
    few = Quota(requests_per_minute=5, rows_per_day=1_000, concurrent=5)
    closed.say_who_may_ask(book(granted(closed), granted(closed, key, principal="talker", quota=few)))
    before = len(labels_of(closed))
    said = [label(caller, f"p{number}", key) for number in range(30)]
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
