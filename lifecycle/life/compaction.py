"""The sealed segments of the prediction log as Parquet, with what proves that no row of them is another.

Rows alone: what was asked has to be erasable, and stays in the log, where an erasure finds it. The segments stay as well; the
files are for whoever counts and compares over months.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lifecycle import durable
from lifecycle.errors import LifecycleError, Tampered, Unavailable
from lifecycle.life.compaction_proof import PROOF, ROWS, content_of, proof_beside, proven_rows, root_of, written
from lifecycle.life.signing import signed_now
from lifecycle.lineage.selection import ANSWERS, every_event
from lifecycle.proofs.merkle import Frontier, leaf_hash
from lifecycle.proofs.notes import open_note
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.compaction import CompactedPredictions, CompactedSegment
from lifecycle.records.record import Digest, Id, Name, digest_of
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.records.prediction import Prediction
    from lifecycle.serving.prediction_log.segments import ModelLog

#: So many rows in one file at most, and so many segments, however few their rows.
MOST_ROWS = 1_000_000
MOST_SEGMENTS = 1_500


@dataclass(frozen=True)
class _Seal:
    """A segment that is not compacted yet, and the record that sealed it."""

    index: int
    log: ModelLog
    body: PredictionsSealed

    @property
    def model(self) -> Name:
        return self.log.model


@dataclass(frozen=True)
class Compacted:
    """What was written, file by file, and which segments were not, with the reason."""

    files: tuple[CompactedPredictions, ...]
    faults: tuple[str, ...]
    #: Segments whose seal no ledger checkpoint covers yet: the next time.
    waiting: int = 0

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.files)

    def require_whole(self) -> None:
        """Raises Tampered where a segment is not what was sealed. Whatever else there was is written by then."""
        if self.faults:
            more = f" And {len(self.faults) - 1} more." if len(self.faults) > 1 else ""
            raise Tampered(
                f"{self.faults[0].rstrip('.')}.{more}",
                "Run `lifecycle ledger verify`, keep a copy as evidence, and restore the segment from its backup.",
            )

    @property
    def digest(self) -> Digest:
        """Of everything that was written."""
        return digest_of("".join(one.digest for one in self.files).encode())


def compact_predictions(departments: Departments, folder: Path) -> Compacted:
    """Writes every sealed segment of this home's gateways that lies in no file yet, below `folder`: model, stream, file.

    A segment whose rows are not those that were sealed goes into none, and is named. Raises Unavailable where a file can't be
    written, the ledger does not answer, or nobody signs it; Tampered where a file that was written before is not what it was.
    """
    own = _own_streams(departments)
    seals = list(_seals(departments, own)) if own else []
    known = {stream: _compacted(folder / log.model / stream, _roots(seals, stream)) for stream, log in own.items()}
    fresh = [seal for seal in seals if seal.body.number not in known[seal.body.stream]]
    if not fresh:
        return Compacted((), ())
    signed = open_note(signed_now(departments), departments.ledger_keys).size
    covered = [seal for seal in fresh if seal.index < signed]
    faults = {seal: fault for seal in covered if (fault := _fault(seal))}
    parts = _parts(sorted((seal for seal in covered if seal not in faults), key=_place))
    files = tuple(_write(departments, folder / part[0].model / part[0].body.stream, part) for part in parts)
    return Compacted(files, tuple(faults.values()), len(fresh) - len(covered))


def _write(departments: Departments, folder: Path, part: Sequence[_Seal]) -> CompactedPredictions:
    from lifecycle.data.prediction_columns import write_rows

    first, last = part[0], part[-1]
    file = folder / f"{first.body.number:09d}-{last.body.number:09d}{ROWS}"
    # What has no proof beside it does not count: a crash in between is written over.
    part_file = file.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_rows(part_file, ((seal.body.segment, _lines(seal)) for seal in part), written)
        durable.sync_file(part_file)
        part_file.replace(file)
        proof = CompactedPredictions(
            model=first.model,
            stream=first.body.stream,
            rows=sum(seal.body.rows for seal in part),
            file=file.name,
            digest=digest_of(file.read_bytes()),
            segments=tuple(_proven(departments, seal) for seal in part),
        )
        durable.replace(proof_beside(file), proof.canonical() + b"\n", mode=0o644)
    except OSError as error:
        part_file.unlink(missing_ok=True)
        raise Unavailable(f"{file} can't be written: {error.strerror}.", "Free space there, or give write access.") from error
    # What is handed out was opened as whoever gets it will open it.
    return proven_rows(file, departments.ledger_keys)


def _proven(departments: Departments, seal: _Seal) -> CompactedSegment:
    body = seal.body
    proof = departments.ledger.proof(seal.index)
    return CompactedSegment(segment=body.segment, number=body.number, rows=body.rows, root=body.root, seal=proof)


def _lines(seal: _Seal) -> Iterator[tuple[bytes, Prediction]]:
    from lifecycle.serving.prediction_log.segment_reading import parsed_row, whole_lines

    path = seal.log.rows(seal.body.segment)
    for position, line in enumerate(whole_lines(path)):
        yield line, parsed_row(path, position, line)


def _fault(seal: _Seal) -> str:
    """How a segment is not what was sealed; "" where it is."""
    name = f"segment {seal.body.segment} of {seal.model}"
    tree = Frontier()
    try:
        for line, _ in _lines(seal):
            tree.append(leaf_hash(line))
    except FileNotFoundError:
        return f"{name} is missing, with {seal.body.rows} rows"
    except LifecycleError as error:
        return f"{name} was altered: {error.what}"
    except OSError as error:
        return f"{name} can't be read: {error.strerror}"
    return "" if (tree.size, root_of(tree)) == (seal.body.rows, seal.body.root) else f"{name} does not have the rows that were sealed"


def _parts(seals: Sequence[_Seal]) -> list[list[_Seal]]:
    """Consecutive segments of one stream, as many as go into one file."""
    parts: list[list[_Seal]] = []
    for seal in seals:
        part = parts[-1] if parts else []
        if (
            part
            and _follows(part[-1], seal)
            and sum(one.body.rows for one in part) + seal.body.rows <= MOST_ROWS
            and len(part) < MOST_SEGMENTS
        ):
            part.append(seal)
        else:
            parts.append([seal])
    return parts


def _follows(before: _Seal, seal: _Seal) -> bool:
    return (seal.model, seal.body.stream, seal.body.number) == (before.model, before.body.stream, before.body.number + 1)


def _place(seal: _Seal) -> tuple[Name, Id, int]:
    return seal.model, seal.body.stream, seal.body.number


def _own_streams(departments: Departments) -> Mapping[Id, ModelLog]:
    from lifecycle.serving.prediction_log.segment_check import OwnSegments

    return OwnSegments.look(*departments.gateway_folders).streams


def _seals(departments: Departments, own: Mapping[Id, ModelLog]) -> Iterator[_Seal]:
    for recorded in every_event(departments.ledger, types=ANSWERS):
        body = recorded.event.body
        if isinstance(body, PredictionsSealed) and body.stream in own and own[body.stream].model == recorded.event.subject.name:
            yield _Seal(recorded.index, own[body.stream], body)


def _roots(seals: Sequence[_Seal], stream: Id) -> Mapping[int, Digest]:
    return {seal.body.number: seal.body.root for seal in seals if seal.body.stream == stream}


def _compacted(folder: Path, sealed: Mapping[int, Digest]) -> frozenset[int]:
    """The numbers of the segments whose rows stand in a file here; what a proof says without its file does not count.

    Raises Tampered where a file is not the one that its proof is of, or a proof names what nobody sealed: neither may keep a segment
    from being compacted, nor stand beside the file that has its rows.
    """
    found: set[int] = set()
    for beside in sorted(folder.glob(f"*{PROOF}")):
        file = beside.with_name(beside.name.removeprefix("_").removesuffix(PROOF) + ROWS)
        if not file.exists():
            continue
        proof = CompactedPredictions.parse(content_of(beside))
        if digest_of(content_of(file)) != proof.digest or any(sealed.get(one.number) != one.root for one in proof.segments):
            raise Tampered(f"{file} is not what was compacted.", "Keep it elsewhere as evidence, with its proof, and compact again.")
        found.update(one.number for one in proof.segments)
    return frozenset(found)
