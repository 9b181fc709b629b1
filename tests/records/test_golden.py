"""What was written once stays as it was: the stored lines of every kind of record are read, and written, the same for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.records.bodies import BODIES
from lifecycle.records.events import Event
from lifecycle.records.record import Record
from tests.records.samples import samples
from tests.records.samples.documents import documents
from tests.records.write_golden import GOLDEN, bytes_of

FILES = sorted(GOLDEN.glob("*.jsonl"))
DOCUMENTS = {type(record).__name__: type(record) for record in documents()}


def lines(file: Path) -> list[bytes]:
    return file.read_bytes().splitlines()


def kind(file: Path) -> type[Record]:
    return DOCUMENTS.get(file.name.partition(".")[0], Event)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_stored_line_is_read_and_its_bytes_come_out_the_same(file: Path) -> None:
    """A field that is added, dropped, renamed or written otherwise changes the hash of every leaf that stands."""
    for line in lines(file):
        assert bytes_of(kind(file).parse(line)) == line


@pytest.mark.parametrize("name", samples())
def test_what_is_written_today_is_what_was_written_then(name: str) -> None:
    """The same record made anew has the stored bytes, on every machine. A new form of a record gets a version and a file of its own."""
    assert [bytes_of(record) for record in samples()[name]] == lines(GOLDEN / f"{name}.jsonl")


@pytest.mark.parametrize("name", [name for name in samples() if name.partition(".")[0] in BODIES])
def test_an_event_at_a_place_has_the_bytes_of_one_that_was_put_there(name: str) -> None:
    """The ledger writes a record at its place in one go; verification makes the same bytes in two."""
    for record in samples()[name]:
        assert isinstance(record, Event)
        assert record.canonical_at(7) == record.with_sequence(7).canonical()


def test_every_type_of_event_has_its_line() -> None:
    """Whoever adds one adds a sample, and has its line written by `python -m tests.records.write_golden`."""
    stored = {file.stem for file in FILES}
    assert {f"{name}.{body.model_fields['body_version'].default}" for name, body in BODIES.items()} <= stored


def test_every_stored_line_is_of_a_type_that_is_known() -> None:
    """Nothing that was ever written may become unreadable because its type was forgotten."""
    assert {file.name.partition(".")[0] for file in FILES} <= {*BODIES, *DOCUMENTS}


@pytest.mark.parametrize("name", [name for name in samples() if name.partition(".")[0] in BODIES])
def test_a_sample_has_something_in_every_field(name: str) -> None:
    """A field that is empty in every sample could change its form unseen."""
    seen: dict[str, bool] = {}
    for record in samples()[name]:
        assert isinstance(record, Event)
        for field in type(record.body).model_fields:
            seen[field] = seen.get(field, False) or getattr(record.body, field) not in (None, "", (), {})
    # A dataset that leaks is rejected, so an ingested one has no leaking columns.
    empty = {field for field, filled in seen.items() if not filled}
    assert empty <= ({"leaking_columns"} if name.startswith("DatasetIngested") else set())
