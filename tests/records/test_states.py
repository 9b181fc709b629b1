"""The states of a version: every legal way, and no other."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import IllegalTransition
from lifecycle.records.bodies.body import Body
from lifecycle.records.bodies.decisions import VersionRetired
from lifecycle.records.bodies.revocations import VersionRevoked
from lifecycle.records.bodies.serving import RolledBack, RolloutAborted, RolloutCompleted, Trigger
from lifecycle.records.bodies.training import ModelEvaluated, TrainingFailed
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.states import TRANSITIONS, Fold, State, fold, happened_to, step, touched

DIGEST = "sha256:" + "0" * 64
PERSON = Actor(id="ada", kind="human")
TRIGGER = Trigger(kind="person", metric="", value=None, limit=None, detail="because")


def event(body: Body, version: int | None = 1, environment: str = "local") -> Event:
    subject = Subject(kind="model", name="credit", version=version, digest=DIGEST)
    return Event.happened(body, subject=subject, actor=PERSON, environment=environment)


def completed(version: int, superseded: int | None = None) -> Event:
    body = RolloutCompleted(rollout_id="r", superseded_version=superseded, superseded_digest=None, observed=())
    return event(body, version)


def rolled_back(leaving: int, back_to: int | None) -> Event:
    body = RolledBack(
        rollback_id="b",
        trigger=TRIGGER,
        from_version=leaving,
        from_digest=DIGEST,
        to_version=back_to,
        to_digest=None,
        decided_at_us=0,
        actuation_us=0,
        observed=(),
    )
    return event(body, leaving)


def evaluated(environment: str = "local") -> Event:
    body = ModelEvaluated(
        model_digest=DIGEST,
        dataset_digest=DIGEST,
        evidence_digest=DIGEST,
        report_json_digest=DIGEST,
        report_html_digest=DIGEST,
        headline={},
        champion_version=None,
    )
    return event(body, environment=environment)


happenings = sorted({happened for _, happened in TRANSITIONS})
ANY = event(VersionRevoked(reason="x"))


@given(st.sampled_from([None, *get_args(State)]), st.sampled_from(happenings))
def test_what_the_table_does_not_list_cannot_happen(state: Any, happened: str) -> None:
    """For every state and happening: either the table says where it leads, or it raises and changes nothing."""
    if (state, happened) in TRANSITIONS:
        assert step(state, happened, ANY) == TRANSITIONS[state, happened]
    else:
        with pytest.raises(IllegalTransition):
            step(state, happened, ANY)


def test_every_state_can_be_reached_and_only_retired_is_final() -> None:
    """No state of the list is unreachable, and from every state but `retired` there is a way on."""
    reached: set[Any] = {None}
    while True:
        further = reached | {after for (before, _), after in TRANSITIONS.items() if before in reached}
        if further == reached:
            break
        reached = further
    assert reached - {None} == set(get_args(State))
    assert set(get_args(State)) - {before for (before, _), following in TRANSITIONS.items() if following != before} == {"retired"}


def test_revoked_never_serves_again() -> None:
    """From revoked no sequence of happenings leads to serving."""
    reached: set[Any] = {"revoked"}
    for _ in range(len(get_args(State))):
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}
    assert reached == {"revoked", "retired"}


def test_a_rollback_moves_both_versions_at_once() -> None:
    """The version that leaves is rolled back, and the one that comes back serves."""
    folded = Fold("local", {("credit", 1): "superseded", ("credit", 2): "serving"})
    folded.apply(rolled_back(2, 1))
    assert folded.states == {("credit", 1): "serving", ("credit", 2): "rolled_back"}


def test_one_version_of_a_model_serves_at_most() -> None:
    """A completed rollout supersedes whatever served, also where its body names nobody."""
    folded = Fold("local", {("credit", 1): "serving", ("credit", 2): "rolling_out", ("loans", 1): "serving"})
    folded.apply(completed(2, superseded=None))
    assert folded.states == {("credit", 1): "superseded", ("credit", 2): "serving", ("loans", 1): "serving"}


@pytest.mark.parametrize("state", ["allowed", "rolling_out", "serving", "superseded", "rolled_back", "expired", "revoked"])
def test_a_new_evaluation_moves_nothing_that_is_decided(state: State) -> None:
    """More evidence on a version that is decided is evidence, and neither breaks the fold nor takes a permission back."""
    folded = Fold("local", {("credit", 1): state})
    folded.apply(evaluated())
    assert folded.states == {("credit", 1): state}


@pytest.mark.parametrize(("made_in", "then"), [("local", "evaluated"), ("staging", "waiting")])
def test_an_evaluation_elsewhere_leaves_who_waits_here(made_in: str, then: State) -> None:
    """Only an evaluation in the same environment asks for a new decision."""
    folded = Fold("local", {("credit", 1): "waiting"})
    folded.apply(evaluated(environment=made_in))
    assert folded.states == {("credit", 1): then}


def test_an_event_that_can_not_happen_changes_nothing() -> None:
    """A fold that refuses an event is what it was before."""
    folded = Fold("local", {("credit", 1): "serving", ("credit", 2): "retired"})
    with pytest.raises(IllegalTransition):
        folded.apply(rolled_back(1, 2))
    assert folded.states == {("credit", 1): "serving", ("credit", 2): "retired"}


def test_events_that_move_nothing_are_left_out() -> None:
    """A failed training is no state of any version."""
    failed = TrainingFailed(dataset_digest=DIGEST, training_id="t", reason="x", last_epoch=1)
    assert touched(event(failed, None)) == ()
    assert fold([event(failed, None)], "local") == {}


def test_the_fold_names_the_event_that_cannot_happen() -> None:
    """An event that the state forbids is named with what could have happened instead."""
    with pytest.raises(IllegalTransition) as illegal:
        fold([completed(1)], "local")
    assert "credit:1" in illegal.value.what
    assert "ModelTrained" in illegal.value.next_step


def test_an_event_of_another_environment_moves_nothing_here() -> None:
    """States belong to (version, environment)."""
    elsewhere = event(VersionRetired(reason="x"), environment="production")
    assert fold([elsewhere], "local") == {}


def test_an_aborted_rollout_can_be_tried_again_unless_it_was_rolled_back() -> None:
    """Cancelled: allowed as before. Taken out for cause: rolled back, and aborting says nothing more."""
    aborted = event(RolloutAborted(rollout_id="r", cause="cancelled", reason="x", observed=()))
    happened = happened_to(1, aborted, "local")
    assert happened is not None
    assert step("rolling_out", happened, aborted) == "allowed"
    assert step("rolled_back", happened, aborted) == "rolled_back"
