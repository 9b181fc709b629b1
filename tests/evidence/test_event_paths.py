"""Paths into events: whatever stands in an event can be asked for, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import JsonValue

from lifecycle.evidence.event_paths import Scalar, fits, wrong_path
from lifecycle.records.events import Event
from tests.lineage.lives import whole_life
from tests.records.samples.happenings import happenings

EVENTS = [*happenings(), *(one.event for one in whole_life().recorded)]


def standing(value: JsonValue, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Scalar]]:
    """Every path that ends in a text, a whole number or a truth value, and what stands there."""
    if isinstance(value, dict):
        for key, part in value.items():
            # A key with a dot in it can't be a part of a path.
            if "." not in key:
                yield from standing(part, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from standing(item, path)
    elif isinstance(value, str | int):
        yield ".".join(path), value


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_whatever_stands_in_an_event_can_be_asked_for_and_is_found(event: Event) -> None:
    """No path that occurs is refused, no value that occurs is called impossible, and each is found where it stands."""
    for path, value in standing(event.as_json()):
        # A statement lies in its envelope as text; what is within is no field of the event.
        assert wrong_path(event.type, path, (value,)) is None, path
        assert fits(event, {path: (value,)}, [path] if value != "" else []), path


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_another_value_than_the_one_that_stands_there_does_not_fit(event: Event) -> None:
    """What is asked for is compared, and not only looked for."""
    for path, value in standing(event.as_json()):
        others = {one for found, one in standing(event.as_json()) if found == path}
        if not isinstance(value, bool):
            wanted: Scalar = f"not {value}" if isinstance(value, str) else value + 1
            assert not fits(event, {path: (wanted,)}) or wanted in others, path


@pytest.mark.parametrize(
    ("event_type", "path"),
    [
        ("ModelEvaluated", "body.decision.gate"),
        ("DecisionMade", "body.decision.outcome"),
        ("DecisionMade", "decision.gate"),
        ("DecisionMade", "body.decision.gate.name"),
        ("ModelTrained", "subject.colour"),
        ("ModelTrained", "body.nothing"),
    ],
)
def test_a_path_that_leads_nowhere_is_named(event_type: str, path: str) -> None:
    """One misspelt part is enough."""
    said = wrong_path(event_type, path)
    assert said is not None
    assert path in said


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("body.decision.gate", "promotoin"),
        ("body.decision.allow", True),
        ("body.decision.result.allow", "true"),
        ("body.decision.result.allow", 1),
        ("body.decision.input.subject.version", "1"),
        ("body.decision.input", "everything"),
    ],
)
def test_a_value_that_can_never_stand_there_is_named(path: str, value: Scalar) -> None:
    """Types are held as strictly as names: true is not 1, and a number is not its text."""
    assert wrong_path("DecisionMade", path, (value,)) is not None


def test_true_is_not_one() -> None:
    """Python takes True for 1; a map does not."""
    (decided,) = [event for event in EVENTS if event.id == "decided-deployment-1"]
    assert fits(decided, {"body.decision.result.allow": (True,)})
    assert not fits(decided, {"body.decision.result.allow": (1,)})
