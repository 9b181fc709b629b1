"""The states of a version: every legal way, and no other."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import IllegalTransition
from lifecycle.records.bodies.body import Body
from lifecycle.records.bodies.decisions import VersionRetired, VersionRevoked
from lifecycle.records.bodies.serving import RolledBack, RolloutAborted, RolloutCompleted, Trigger
from lifecycle.records.bodies.training import TrainingFailed
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.states import TRANSITIONS, State, fold, moves, step

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
    assert set(get_args(State)) - {before for before, _ in TRANSITIONS} == {"retired"}


def test_revoked_never_serves_again() -> None:
    """From revoked no sequence of happenings leads to serving."""
    reached: set[Any] = {"revoked"}
    for _ in range(len(get_args(State))):
        reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}
    assert reached == {"revoked", "retired"}


def test_a_rollback_moves_both_versions_at_once() -> None:
    """The version that leaves is rolled back, and the one that comes back serves."""
    assert moves(rolled_back(2, 1)) == [(2, "RolledBack:from"), (1, "RolledBack:to")]
    assert moves(completed(2, superseded=1)) == [(1, "RolloutCompleted:other"), (2, "RolloutCompleted")]


def test_events_that_move_nothing_are_left_out() -> None:
    """A failed training is no state of any version."""
    failed = TrainingFailed(dataset_digest=DIGEST, training_id="t", reason="x", last_epoch=1)
    assert moves(event(failed, None)) == []
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
    assert step("rolling_out", moves(aborted)[0][1], aborted) == "allowed"
    assert step("rolled_back", moves(aborted)[0][1], aborted) == "rolled_back"
