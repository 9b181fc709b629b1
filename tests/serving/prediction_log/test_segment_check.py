"""Whatever is done to a sealed segment, or to what was asked, shows; an erasure does not look like an attack."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.serving.prediction_log.kept_values import KeptValues
from lifecycle.serving.prediction_log.reading import PredictionLog
from lifecycle.serving.prediction_log.segment_check import OwnSegments, SegmentFinding, check_segments
from tests.serving.sealed_log import SealedLog


def findings(log: SealedLog, erased: frozenset[str] = frozenset(), pruned: bool = False, all_here: bool = False) -> list[SegmentFinding]:
    return list(check_segments(OwnSegments.look(log.folder), log.sealed(), erased, lambda _: pruned, all_here=all_here))


def what(log: SealedLog) -> str:
    """What is broken, as one text; something must be."""
    found = [one.what for one in findings(log) if one.broken]
    assert found
    return "\n".join(found)


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    content = path.read_bytes()
    assert change(content) != content
    path.write_bytes(change(content))


def test_what_nobody_touched_holds(tmp_path: Path) -> None:
    """Two segments, sealed and entered: nothing to find and nothing to tell."""
    assert findings(SealedLog(tmp_path)) == []


def test_an_edited_row_shows(tmp_path: Path) -> None:
    """A decision that was turned round: the segment and the record that sealed it are named."""
    log = SealedLog(tmp_path)
    edit(log.rows(1), lambda content: content.replace(b'"decision":"bad"', b'"decision":"fad"', 1))
    (found,) = findings(log)
    assert found.index == 1
    assert found.what == f"segment {log.rows(1).name} of credit was altered: one or more of its 3 rows are not those that were sealed"


def test_a_dropped_row_shows(tmp_path: Path) -> None:
    """A row that is not there any more is counted."""
    log = SealedLog(tmp_path)
    edit(log.rows(), lambda content: b"".join(content.splitlines(keepends=True)[1:]))
    assert "1 row was dropped from its 3" in what(log)


def test_an_added_row_shows(tmp_path: Path) -> None:
    """So is one that was slipped in after the seal."""
    log = SealedLog(tmp_path)
    edit(log.rows(), lambda content: content + content.splitlines(keepends=True)[0].replace(b'"p0"', b'"p9"'))
    assert "1 row was added to its 3" in what(log)


def test_rows_that_changed_places_show(tmp_path: Path) -> None:
    """The order of the rows is sealed as well."""
    log = SealedLog(tmp_path)
    edit(log.rows(), lambda content: b"".join(reversed(content.splitlines(keepends=True))))
    assert "not those that were sealed" in what(log)


def test_what_is_written_after_the_last_row_shows(tmp_path: Path) -> None:
    """Half a line is no row for a reader; after the seal there is none."""
    log = SealedLog(tmp_path)
    edit(log.rows(), lambda content: content + b'{"half')
    assert "something was written after its last row" in what(log)


def test_a_line_that_is_no_row_shows(tmp_path: Path) -> None:
    """It is named with its file and place."""
    log = SealedLog(tmp_path)
    edit(log.rows(), lambda content: b"{}\n" + content)
    assert "Line 1 of" in what(log)


def test_a_missing_segment_shows(tmp_path: Path) -> None:
    """Its number and its rows stand in the ledger."""
    log = SealedLog(tmp_path)
    name = log.rows(0).name
    log.rows(0).unlink()
    assert f"segment {name} of credit is missing, with 3 rows" in what(log)


def test_a_log_that_is_gone_as_a_whole_shows(tmp_path: Path) -> None:
    """The journal still knows the stream for its own, so its segments are no other gateway's."""
    log = SealedLog(tmp_path)
    log.log.folder.rename(tmp_path / "elsewhere")
    assert what(log).count("is missing") == 2


def test_a_seal_that_the_ledger_lacks_shows(tmp_path: Path) -> None:
    """Whether the first or the last of the stream was dropped from the ledger."""
    log = SealedLog(tmp_path)
    last = log.events.pop()
    assert "the ledger does not have its seal" in what(log)
    log.events[:] = [last]
    assert "number 1 is missing before it" in what(log)


def test_pruned_seals_are_no_gap(tmp_path: Path) -> None:
    """Where the ledger says that the bytes of an event were pruned, nothing is missing."""
    log = SealedLog(tmp_path, segments=3)
    log.events[:] = [log.events[2]]
    assert findings(log, pruned=True) == []


def test_a_segment_that_is_sealed_twice_shows(tmp_path: Path) -> None:
    """One number, or one segment, given twice."""
    log = SealedLog(tmp_path)
    log.events.append(log.events[0])
    assert "which was given before" in what(log)
    assert "was sealed before, by record 0" in what(log)


def test_a_seal_that_waits_in_the_journal_is_no_gap(tmp_path: Path) -> None:
    """A ledger that is behind is not one that lacks something."""
    log = SealedLog(tmp_path)
    log.write([9])
    log.seal()
    entered = log.events.pop()
    own = OwnSegments.look(log.folder)
    before = OwnSegments(own.streams, own.handed_over[:-1], own.faults)
    assert list(check_segments(before, log.sealed(), frozenset(), lambda _: False, all_here=False)) == []
    assert entered.id not in {event.id for event in log.events}


def test_segments_of_another_gateway_are_told(tmp_path: Path) -> None:
    """They can't be looked at from here, which is said and breaks nothing."""
    here, there = SealedLog(tmp_path / "here"), SealedLog(tmp_path / "there")
    here.events += there.events
    (told,) = findings(here)
    assert (told.broken, "2 segments of stream" in told.what) == (False, True)


def test_a_value_that_was_changed_shows(tmp_path: Path) -> None:
    """What was asked is held against the commitment in its row."""
    log = SealedLog(tmp_path)
    edit(log.values(), lambda content: content.replace(b'"income":1}', b'"income":7}'))
    assert "what was asked of prediction p1 is not what its row was committed to" in what(log)


def test_a_value_that_is_gone_without_an_erasure_shows(tmp_path: Path) -> None:
    """Overwritten or deleted, it is tampering unless an event says that it was erased."""
    log = SealedLog(tmp_path)
    kept = KeptValues(log.folder.predictions)
    kept.erase(kept.of("somebody@example.org")[:1])
    assert "what was asked of prediction p0 is gone, and nothing says that it was erased" in what(log)
    log.values(1).unlink()
    assert "p3, p4, p5 is gone" in what(log)


def test_a_value_of_no_row_is_told(tmp_path: Path) -> None:
    """A crash leaves one; whoever adds one adds personal data that nobody committed to. It is no fault of the rows."""
    log = SealedLog(tmp_path)
    lines = log.values().read_bytes().splitlines(keepends=True)
    log.values().write_bytes(b"".join([*lines, lines[0].replace(b'"p0"', b'"p7"'), lines[1]]))
    (told,) = findings(log)
    assert not told.broken
    assert told.what.startswith("2 lines of what was asked are beside the rows of segment")
    assert "(p7, p1)" in told.what


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_value_that_stands_twice_is_told(tmp_path: Path, place: int) -> None:
    """Wherever the second one stands, and in whatever order the others do."""
    log = SealedLog(tmp_path)
    lines = log.values().read_bytes().splitlines(keepends=True)
    log.values().write_bytes(b"".join([*lines[:place], lines[1], *lines[place:]]))
    (told,) = findings(log)
    assert (told.broken, "1 line of what was asked is" in told.what, "(p1)" in told.what) == (False, True, True)
    log.values().write_bytes(b"".join(reversed(lines)))
    assert findings(log) == []


def test_an_erased_value_is_not_missing(tmp_path: Path) -> None:
    """With its commitment in an erasure, the row stands as it did; with the value back from a backup, it shows."""
    log = SealedLog(tmp_path)
    kept, before = KeptValues(log.folder.predictions), log.values().read_bytes()
    going = kept.of("somebody@example.org")[:1]
    kept.erase(going)
    erased = frozenset(str(one.commitment) for one in going)
    assert findings(log, erased) == []
    log.values().write_bytes(before)
    assert [found.what for found in findings(log, erased)] == [
        "what was asked of prediction p0 was erased, and is there again: erase it once more"
    ]


def test_a_changed_byte_that_says_the_same_shows(tmp_path: Path) -> None:
    """A salt in capitals opens the same commitment; it is not what was written."""
    log = SealedLog(tmp_path)
    salt = log.values().read_text().partition('"salt":"')[2][:64]
    edit(log.values(), lambda content: content.replace(salt.encode(), salt.upper().encode()))
    assert "is not what its row was committed to" in what(log)


def test_more_than_a_few_are_counted(tmp_path: Path) -> None:
    """A whole segment of missing values is one line."""
    log = SealedLog(tmp_path, segments=0)
    log.write(list(range(8)))
    log.seal()
    log.values().unlink()
    assert "p0, p1, p2 and 5 more is gone" in what(log)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> SealedLog:
    return SealedLog(tmp_path_factory.mktemp("sealed"))


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(["rows", "values"]), segment=st.integers(0, 1), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_flipped_bit_goes_unnoticed(standing: SealedLog, kind: str, segment: int, place: float, bit: int) -> None:
    """Any bit of any sealed row, and of any value beside it."""
    path = standing.log.files(kind)[segment]
    content = path.read_bytes()
    at = int(place * len(content))
    changed = bytearray(content)
    changed[at] ^= 1 << bit
    path.write_bytes(changed)
    try:
        found = findings(standing)
    finally:
        path.write_bytes(content)
    assert any(one.broken for one in found)


def test_one_prediction_of_many_is_found_where_it_lies(tmp_path: Path) -> None:
    """Its segment and its place in it are those of its leaf."""
    log = SealedLog(tmp_path)
    found = PredictionLog(log.folder.predictions).locate("p4")
    assert (found.segment, found.position) == (log.rows(1).name, 1)
    assert found.stored == log.rows(1).read_bytes().splitlines()[1]


def test_a_log_that_was_dropped_with_its_journal_shows(tmp_path: Path) -> None:
    """Journal, seals and rows gone: where no other gateway can write to the ledger, what it sealed is missing, and not elsewhere."""
    log = SealedLog(tmp_path)
    sealed = log.sealed()
    shutil.rmtree(log.folder.path)
    log.folder.path.mkdir()
    own = OwnSegments.look(log.folder)
    (found,) = check_segments(own, sealed, frozenset(), lambda _: False, all_here=True)
    assert found.broken
    assert found.index == sealed[-1].index
    assert "are missing: the gateway of this home knows nothing of stream" in found.what
    (told,) = check_segments(own, sealed, frozenset(), lambda _: False, all_here=False)
    assert not told.broken
