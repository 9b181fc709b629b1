"""Sealed predictions as Parquet: the rows that were sealed, provable by whoever has the files and the ledger's key, and none other."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.data.prediction_columns import read_lines, write_rows
from lifecycle.errors import Tampered, Unavailable
from lifecycle.life import compaction
from lifecycle.life.compaction import Compacted, compact_predictions
from lifecycle.life.compaction_proof import proof_beside, proven_rows, written
from lifecycle.records.compaction import CompactedPredictions
from lifecycle.records.prediction import PredictedOutput, Prediction
from lifecycle.serving.homes import PODS
from tests.life.compacting_home import CompactingHome
from tests.scenarios.homes import departments_at
from tests.serving.prediction_log.rows import row
from tests.serving.sealed_log import MODEL, SealedLog


@pytest.fixture
def kept(tmp_path: Path) -> CompactingHome:
    return CompactingHome(tmp_path / "home")


def test_what_was_sealed_is_what_the_file_has(kept: CompactingHome) -> None:
    """Row by row the very bytes of the log, in one file for both segments, and readable as a table."""
    done = kept.compact()
    assert (done.rows, done.faults, done.waiting) == (6, (), 0)
    (file,) = kept.files()
    lines = [line for _, line in read_lines(file, written)]
    assert lines == [line for path in kept.log.log.files("rows") for line in path.read_bytes().splitlines()]
    # The whole folder, as its reader would: proofs and all.
    table = pd.read_parquet(kept.home / "exports" / MODEL)
    assert list(table["id"]) == [f"p{number}" for number in range(6)]
    assert set(table["probability"]) == {0.5}
    assert table["as_written"].isna().all()


def test_the_segments_of_a_clusters_pods_are_compacted_with_the_rest(kept: CompactingHome) -> None:
    """Each stream in files of its own, also of a pod that is gone; the same rows, provable in the same way."""
    pod = SealedLog(kept.home / PODS / "credit-v1-a", segments=0)
    pod.write([6, 7])
    pod.seal()
    for event in pod.events:
        kept.departments.ledger.append(event)
    assert (kept.compact().rows, kept.compact().files) == (8, ())
    assert {proven_rows(file, kept.departments.ledger_keys).rows for file in kept.files()} == {6, 2}
    assert sorted(pd.read_parquet(kept.home / "exports" / MODEL)["id"]) == [f"p{number}" for number in range(8)]


def test_whoever_has_the_files_and_the_key_needs_nothing_else(kept: CompactingHome, tmp_path: Path) -> None:
    """The file and its proof are carried off and hold there; nothing that was asked of anybody is in them."""
    kept.compact()
    (file,) = kept.files()
    away = tmp_path / "away"
    away.mkdir()
    for one in (file, proof_beside(file)):
        (away / one.name).write_bytes(one.read_bytes())
    proof = proven_rows(away / file.name, kept.departments.ledger_keys)
    assert [(one.number, one.rows) for one in proof.segments] == [(1, 3), (2, 3)]
    assert b"somebody@example.org" not in b"".join(one.read_bytes() for one in away.iterdir())


def test_what_is_compacted_already_is_left_alone(kept: CompactingHome) -> None:
    """A second time writes nothing; what was sealed since goes into a file of its own."""
    kept.compact()
    assert kept.compact().files == ()
    kept.log.write([7, 8])
    kept.log.seal()
    kept.tell()
    (new,) = kept.compact().files
    assert (new.rows, [one.number for one in new.segments]) == (2, [3])
    assert len(kept.files()) == 2


def test_a_file_without_a_proof_does_not_count(kept: CompactingHome) -> None:
    """A crash between the two leaves one: the next time it is written again."""
    kept.compact()
    (file,) = kept.files()
    before = file.read_bytes()
    proof_beside(file).unlink()
    file.write_bytes(before[:100])
    assert kept.compact().rows == 6
    assert file.read_bytes() == before


def test_a_file_that_was_carried_off_without_its_proof_is_told_so(kept: CompactingHome, tmp_path: Path) -> None:
    """By the name of what lacks: read access would not help."""
    kept.compact()
    (file,) = kept.files()
    alone = tmp_path / "alone.parquet"
    alone.write_bytes(file.read_bytes())
    with pytest.raises(Unavailable, match=r"no proof _alone\.proof\.json beside"):
        proven_rows(alone, kept.departments.ledger_keys)


def test_a_file_takes_only_so_many_rows(kept: CompactingHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """More go into the next."""
    monkeypatch.setattr(compaction, "MOST_ROWS", 5)
    assert [one.rows for one in kept.compact().files] == [3, 3]


def test_attack_a_row_that_was_edited_after_its_seal_gets_into_no_file(kept: CompactingHome) -> None:
    """Its segment is named and left out; the other one is compacted. Put right, it follows."""
    path = kept.log.rows(0)
    sealed = path.read_bytes()
    path.write_bytes(sealed.replace(b'"probability":0.5', b'"probability":0.4', 1))
    done = kept.compact()
    assert [[one.number for one in file.segments] for file in done.files] == [[2]]
    assert [path.name in fault and "not have the rows that were sealed" in fault for fault in done.faults] == [True]
    path.write_bytes(sealed)
    assert [[one.number for one in file.segments] for file in kept.compact().files] == [[1]]


def test_a_segment_that_is_gone_is_named(kept: CompactingHome) -> None:
    """The others are compacted, and so is nothing in its place."""
    kept.log.rows(0).unlink()
    done = kept.compact()
    assert done.rows == 3
    assert "is missing, with 3 rows" in done.faults[0]


def test_attack_a_row_that_was_changed_in_the_parquet_does_not_hold(kept: CompactingHome) -> None:
    """Also where the digest in the proof was changed with it: the row leads to another root than the ledger has."""
    kept.compact()
    (file,) = kept.files()
    rows = [(segment, line) for segment, line in read_lines(file, written)]
    changed = [(segment, line.replace(b'"bad"', b'"good"') if b'"p2"' in line else line) for segment, line in rows]
    parsed = {segment: [(line, Prediction.parse(line)) for of, line in changed if of == segment] for segment, _ in rows}
    write_rows(file, parsed.items(), written)
    keys = kept.departments.ledger_keys
    with pytest.raises(Tampered, match="not the file that its proof is of"):
        proven_rows(file, keys)
    beside = proof_beside(file)
    proof = CompactedPredictions.parse(beside.read_bytes())
    forged = proof.model_copy(update={"digest": _digest(file)})
    beside.write_bytes(forged.canonical())
    with pytest.raises(Tampered, match="does not have the rows of segment"):
        proven_rows(file, keys)


def test_attack_a_proof_for_other_segments_does_not_hold(kept: CompactingHome) -> None:
    """One segment left out, one seal put in another's place: neither is the file's proof."""
    kept.compact()
    (file,) = kept.files()
    beside = proof_beside(file)
    proof = CompactedPredictions.parse(beside.read_bytes())
    first, second = proof.segments
    for segments in ((first,), (second, first), (first.model_copy(update={"seal": second.seal}), second)):
        beside.write_bytes(proof.model_copy(update={"segments": segments}).canonical())
        with pytest.raises(Tampered):
            proven_rows(file, kept.departments.ledger_keys)


def test_attack_a_segment_that_was_taken_out_of_the_middle_shows(kept: CompactingHome) -> None:
    """With its rows, its proof and the digest of the file all made to fit: segments of a file follow each other without a gap."""
    kept.log.write([7])
    kept.log.seal()
    kept.tell()
    kept.compact()
    (file,) = kept.files()
    proof = CompactedPredictions.parse(proof_beside(file).read_bytes())
    first, middle, last = proof.segments
    lines = [(segment, line) for segment, line in read_lines(file, written) if segment != middle.segment]
    left = {one.segment: [(line, Prediction.parse(line)) for of, line in lines if of == one.segment] for one in (first, last)}
    write_rows(file, left.items(), written)
    forged = {"segments": (first, last), "rows": len(lines), "digest": _digest(file)}
    proof_beside(file).write_bytes(proof.model_copy(update=forged).canonical())
    with pytest.raises(Tampered, match="lacks a segment between"):
        proven_rows(file, kept.departments.ledger_keys)


def test_a_row_in_an_earlier_form_is_kept_as_it_was_written(tmp_path: Path) -> None:
    """Its columns can be counted with the others, and its line is the one that was sealed."""
    made = Prediction.of(row(1))
    earlier = b'{"id":"p1",' + written(made.as_json()).replace(b'"id":"p1",', b"")[1:]
    write_rows(tmp_path / "rows.parquet", [("a", [(earlier, made)])], written)
    assert list(read_lines(tmp_path / "rows.parquet", written)) == [("a", earlier)]


def test_attack_columns_that_say_something_else_than_the_line_beside_them_are_named(tmp_path: Path) -> None:
    """Whoever counts reads the columns, and whoever proves reads the line: they must say the same."""
    line = b'{"id":"p1",' + written(Prediction.of(row(1)).as_json()).replace(b'"id":"p1",', b"")[1:]
    other = Prediction.of(row(1) | {"output": {"probability": 0.9, "decision": "good"}})
    write_rows(tmp_path / "rows.parquet", [("a", [(line, other)])], written)
    with pytest.raises(Tampered, match="says in its columns"):
        list(read_lines(tmp_path / "rows.parquet", written))


@given(
    probability=st.none() | st.floats(0.0, 1.0),
    version=st.none() | st.integers(1, 2**31),
    fallback=st.none() | st.integers(1, 2**31),
    cached=st.sampled_from([None, True]),
    shadow=st.sampled_from([None, "p7"]),
    arm=st.sampled_from(["champion", "canary", "shadow", "holdout", "backup", "referral"]),
)
def test_every_row_comes_back_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory,
    probability: float | None,
    version: int | None,
    fallback: int | None,
    cached: bool | None,
    shadow: str | None,
    arm: str,
) -> None:
    """Whatever a row says, its line is made again from its columns alone."""
    said = row(1) | {"version": version, "fallback_from": fallback, "arm": arm, "output": None}
    if probability is not None or arm == "referral":
        said["output"] = PredictedOutput(probability=probability, decision="bad").as_json()
    commitment = said.pop("input_commitment")
    said |= {"cached": cached} if cached else {}
    said |= {"shadow_of": shadow} if shadow else {}
    line = written(said | {"input_commitment": commitment})
    file = tmp_path_factory.mktemp("rows") / "rows.parquet"
    write_rows(file, [("a", [(line, Prediction.parse(line))])], written)
    assert list(read_lines(file, written)) == [("a", line)]
    assert pd.read_parquet(file)["as_written"].isna().all()


def test_a_home_without_a_gateway_has_nothing_to_compact(tmp_path: Path) -> None:
    """The daily run of the first night does not fail."""
    departments = departments_at(tmp_path / "home")
    assert compact_predictions(departments, tmp_path / "exports") == Compacted((), ())


def _digest(file: Path) -> str:
    from lifecycle.records.record import digest_of

    return digest_of(file.read_bytes())


def test_the_model_of_the_log_is_that_of_the_file(kept: CompactingHome) -> None:
    """Files lie by model and stream, under the numbers of their first and last segment."""
    (done,) = kept.compact().files
    (file,) = kept.files()
    assert (file.parent.parent.name, file.parent.name, file.name) == (MODEL, done.stream, "000000001-000000002.parquet")
