"""The gateway's prediction log held against the ledger, and the places that the ledger gave to events held against each other."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cli import main
from lifecycle.ledger.looking import LookingLedger
from lifecycle.life.reconciling.reconciled import Reconciliation
from lifecycle.life.reconciling.reconciliation import reconcile
from lifecycle.life.reconciling.reconciling_rows import RowReconciliation
from lifecycle.records.bodies.access import RefusalsSealed
from lifecycle.records.bodies.keeping import BodiesPruned, LeafRange, LedgerRestored, LegalHoldPlaced
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.events import Event, Recorded
from lifecycle.records.identity import derived_id
from lifecycle.serving.access.logged_refusals import REFUSALS, logged_refusals
from lifecycle.serving.prediction_log.reconciling import LoggedRows
from lifecycle.wiring import Departments
from tests.ledger.happenings import revoked, trained
from tests.records.samples.happenings import happenings
from tests.scenarios.homes import departments_at
from tests.serving.access.test_refusal_check import RefusalBooks
from tests.serving.packages import MODEL
from tests.serving.running import running_gateway

STREAM = derived_id("stream")


def sealed(number: int, rows: int = 10, stream: str = STREAM) -> Event:
    """A segment of the credit model's rows."""
    sample = next(event for event in happenings() if isinstance(event.body, PredictionsSealed))
    body = sample.body.model_copy(update={"number": number, "rows": rows, "stream": stream})
    return sample.model_copy(update={"body": body, "id": derived_id(stream, str(number))})


def pruned(start: int, end: int) -> Event:
    """Records from one index to before another are gone by the retention policy."""
    sample = next(event for event in happenings() if isinstance(event.body, BodiesPruned))
    return sample.model_copy(update={"body": sample.body.model_copy(update={"ranges": (LeafRange(start=start, end=end),)})})


def logged(*, segments: int = 2, rows: int = 20, waiting: int = 0, still_open: int = 0, counted: int | None = None) -> LoggedRows:
    """What the gateway has: by default, all of it sealed and counted."""
    total = rows + waiting + still_open
    return LoggedRows("credit", STREAM, segments, rows, rows, waiting, still_open, total if counted is None else counted)


def looked(events: Iterable[Event], *, all_here: bool = False) -> RowReconciliation:
    held = RowReconciliation(all_here=all_here)
    for index, event in enumerate(events):
        held.look_at(Recorded(index=index, event=event))
    return held


def kinds(held: RowReconciliation, *rows: LoggedRows) -> list[str]:
    return [found.kind for found in held.contradictions(rows)]


def test_segments_and_rows_that_fit_each_other_contradict_nothing() -> None:
    """Two segments of ten rows; the gateway has sealed twenty and counted twenty-five, of which five are open."""
    held = looked([sealed(1), sealed(2)])
    assert kinds(held, logged(still_open=5)) == []
    assert list(held.told((logged(still_open=5),))) == []


def test_rows_that_were_counted_and_are_not_in_the_log_are_a_contradiction() -> None:
    """A row is counted once it is in the log; so whoever takes one out is seen."""
    held = looked([sealed(1), sealed(2)])
    (found,) = held.contradictions((logged(counted=23),))
    assert found.kind == "rows_missing"
    assert found.what.endswith("3 are gone")


def test_a_segment_that_the_ledger_lacks_between_two_is_a_contradiction() -> None:
    """Segments 1 and 3 stand, and 2 was never entered or was left out."""
    (found,) = looked([sealed(1), sealed(3)]).contradictions(())
    assert (found.kind, found.index) == ("gap", 1)
    assert "segments 2 of credit" in found.what


def test_pruning_explains_a_gap_only_where_it_took_as_much() -> None:
    """One record pruned between two seals explains one missing seal there; elsewhere, or for more, it explains nothing."""
    between = next(event for event in happenings() if isinstance(event.body, LegalHoldPlaced))
    assert kinds(looked([sealed(1), between, sealed(3), pruned(1, 2)])) == []
    assert kinds(looked([sealed(1), sealed(3), pruned(0, 1)])) == ["gap"]
    assert kinds(looked([sealed(1), between, sealed(4), pruned(1, 2)])) == ["gap"]


def test_a_restore_explains_a_gap_only_where_it_stands() -> None:
    """Segments that were left out long before or after it are as missing as ever."""
    restored = next(event for event in happenings() if isinstance(event.body, LedgerRestored))
    assert kinds(looked([sealed(1), sealed(3), restored])) == ["gap"]
    assert kinds(looked([restored, sealed(1), sealed(3)])) == ["gap"]


def test_a_stream_that_the_only_gateway_does_not_know_is_a_contradiction() -> None:
    """Where no other gateway can write to the ledger, a folder that was made anew is a log that was dropped; elsewhere it is told."""
    (found,) = looked([sealed(1), sealed(2)], all_here=True).contradictions(())
    assert (found.kind, found.index) == ("stream_unknown", 1)
    elsewhere = looked([sealed(1), sealed(2)])
    assert kinds(elsewhere) == []
    assert "of another gateway" in next(one.what for one in elsewhere.told(()))


def refusals_sealed(number: int, lines: int = 4) -> Event:
    sample = next(event for event in happenings() if isinstance(event.body, RefusalsSealed))
    body = sample.body.model_copy(update={"number": number, "lines": lines, "stream": STREAM})
    return sample.model_copy(update={"body": body, "id": derived_id("refusals", STREAM, str(number))})


@pytest.mark.parametrize(("numbers", "lying", "kind"), [((1, 2), 8, None), ((1, 3), 8, "gap"), ((1, 2), 7, "rows_missing")])
def test_refused_requests_are_held_against_their_seals_as_well(numbers: tuple[int, ...], lying: int, kind: str | None) -> None:
    """A segment that the ledger lacks, and a line that the gateway's log lacks, contradict what was sealed."""
    held = looked([refusals_sealed(number) for number in numbers])
    rows = LoggedRows(REFUSALS, STREAM, max(numbers), 8, lying, 0, 0, lying)
    assert kinds(held, rows) == ([] if kind is None else [kind])


def test_a_line_that_was_dropped_from_the_log_of_refusals_is_a_contradiction(tmp_path: Path) -> None:
    """Attack: whoever flooded the gateway takes a sealed line out of its log; its journal knows how many there were."""
    folder = RefusalBooks(tmp_path).folder
    (before,) = logged_refusals(folder)
    assert (before.segments, before.missing) == (3, 0)
    segment = min(folder.refusals.glob("*.jsonl"))
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[1:]))
    (after,) = logged_refusals(folder)
    assert (after.sealed, after.missing) == (before.sealed, 1)


def test_a_segment_that_was_lost_with_a_restore_is_told() -> None:
    """The ledger says itself that it has lost records, so that a gap in it contradicts nothing."""
    restored = next(event for event in happenings() if isinstance(event.body, LedgerRestored))
    held = looked([sealed(1), restored, sealed(3)])
    assert kinds(held) == []
    assert any(one.source == "ledger" and "segments 2 of credit are gone" in one.what for one in held.told(()))


def test_a_journal_that_was_put_back_is_a_contradiction() -> None:
    """The ledger holds a segment that the gateway's own journal does not know any more."""
    held = looked([sealed(1), sealed(2), sealed(3)])
    assert kinds(held, logged(segments=2)) == ["journal_behind"]


def test_another_number_of_sealed_rows_is_a_contradiction() -> None:
    """The same segments, and not the same rows in them."""
    assert kinds(looked([sealed(1), sealed(2, rows=11)]), logged()) == ["rows_differ"]


def test_what_is_on_its_way_is_told(tmp_path: Path) -> None:
    """A segment in the journal only, rows of a killed worker, a stream of another gateway: none of them is wrong."""
    held = looked([sealed(1), sealed(1, stream=derived_id("elsewhere"))])
    told = [one.what for one in held.told((logged(counted=18),))]
    assert len(told) == 3
    assert told[0].startswith("1 sealed segments")
    assert told[1].startswith("2 rows of credit were logged")
    assert "another gateway" in told[2]
    assert kinds(held, logged(counted=18)) == []


# A whole home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Departments]:
    departments = departments_at(tmp_path / "home")
    yield departments
    departments.ledger.close()


def held_against(home: Departments) -> Reconciliation:
    looking = Departments(home.settings, make=False)
    try:
        return reconcile(looking, None)
    finally:
        looking.ledger.close()


def test_the_command_claims_no_more_than_numbers_and_counts(
    home: Departments, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the rows of a sealed segment say is not read: who asks whether they were edited is sent to the verb that reads them."""
    home.ledger.append(trained(1))
    home.ledger.close()
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(home.settings.project))
    monkeypatch.setenv("LIFECYCLE_HOME", str(home.settings.home))
    assert main.run(["ledger", "reconcile"]) == 0
    said = capsys.readouterr().out
    assert "Nothing contradicts" not in said
    assert "`lifecycle ledger verify` holds them against their seals" in said


def test_a_home_without_dagster_and_gateway_is_told_so(home: Departments) -> None:
    """Nothing was held against it, which is not the same as nothing being wrong."""
    home.ledger.append(trained(1))
    found = held_against(home)
    assert found.ok
    assert found.looked_at["streams"] == 1
    assert ["Dagster has no history" in one.what for one in found.told] == [True]
    assert not (home.settings.home / "gateway").exists()
    assert not (home.settings.home / "dagster").exists()


def test_a_place_in_a_stream_that_is_missing_is_a_contradiction(home: Departments, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who rebuilds the ledger without one of its events leaves a gap in the places of its subject."""
    for version in (1, 2, 3):
        home.ledger.append(trained(version))

    def without_one(_: LookingLedger, **wanted: Any) -> list[Recorded]:
        return [one for one in home.ledger.events(**wanted) if one.index != 1]

    monkeypatch.setattr(LookingLedger, "events", without_one)
    (found,) = held_against(home).contradictions
    assert (found.kind, found.index) == ("gap", 2)
    assert "model/credit" in found.what


@pytest.mark.parametrize(("gone", "kinds"), [((1, 2), []), ((0, 1), ["gap"]), ((3, 4), ["gap"])])
def test_a_gap_is_explained_by_as_many_pruned_records_within_it(
    home: Departments, monkeypatch: pytest.MonkeyPatch, gone: tuple[int, int], kinds: list[str]
) -> None:
    """A pruning of records elsewhere says nothing of it, whoever appended it so that it would."""
    for version in (1, 2, 3):
        home.ledger.append(trained(version))
    home.ledger.append(pruned(*gone).model_copy(update={"body": _only(*gone)}))

    def without_one(_: LookingLedger, **wanted: Any) -> list[Recorded]:
        return [one for one in home.ledger.events(**wanted) if one.index != 1]

    monkeypatch.setattr(LookingLedger, "events", without_one)
    assert [found.kind for found in held_against(home).contradictions] == kinds


def _only(start: int, end: int) -> BodiesPruned:
    """Of these records, and closing no version."""
    body = pruned(start, end).body
    assert isinstance(body, BodiesPruned)
    return body.model_copy(update={"closed_versions": ()})


def test_streams_of_two_subjects_do_not_get_into_each_other_s_way(home: Departments) -> None:
    """Each subject counts for itself, however their events take turns."""
    for version in (1, 2):
        home.ledger.append(trained(version))
        home.ledger.append(trained(version, model="other"))
    home.ledger.append(revoked(1))
    found = held_against(home)
    assert found.ok
    assert found.looked_at["streams"] == 2


@pytest.mark.slow
def test_a_row_that_was_dropped_from_the_gateway_s_log_is_a_contradiction(home: Departments, tmp_path: Path) -> None:
    """The gateway was killed with rows in an open segment: as it lies it agrees, and without one of them it does not."""
    home.ledger.append(trained(1))
    gateway_folder = home.settings.home / "gateway"
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.caller().infer_many(5)
        gateway.kill()
        shutil.copytree(gateway.folder, gateway_folder, ignore=shutil.ignore_patterns("*.sock"))
    agreed = held_against(home)
    assert agreed.ok
    assert agreed.looked_at["logged_rows"] == 5
    segment = next((gateway_folder / "predictions" / MODEL / "rows").iterdir())
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:-1]))
    (found,) = held_against(home).contradictions
    assert (found.source, found.kind) == ("gateway", "rows_missing")
