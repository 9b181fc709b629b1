"""A file of compacted predictions, held against its proof: by whoever has the two and the ledger's key, and nothing else of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecycle.errors import Tampered, Unavailable
from lifecycle.proofs.merkle import Frontier, leaf_hash
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.compaction import CompactedPredictions
from lifecycle.records.events import Event
from lifecycle.records.record import Digest, digest_of

if TYPE_CHECKING:
    from lifecycle.proofs.notes import VerifierKey

#: How a file of rows ends, and, in the same folder, its proof.
ROWS, PROOF = ".parquet", ".proof.json"


def proof_beside(file: Path) -> Path:
    """Where the proof of a file lies. Whoever reads a folder as one table passes over names that begin like this."""
    return file.with_name(f"_{file.stem}{PROOF}")


def proven_rows(file: Path, keys: Sequence[VerifierKey]) -> CompactedPredictions:
    """What is in a file of rows, once everything about it held: its digest, each row under the root of its segment, each root in a
    ledger that one of these keys signed. Needs no ledger and no log.

    Raises Tampered that says what does not hold, Unavailable where a file can't be read, MalformedRecord for what is no proof.
    """
    from lifecycle.data.prediction_columns import read_lines
    from lifecycle.proofs.inclusion import proven_leaf

    beside = proof_beside(file)
    if not beside.exists():
        raise Unavailable(
            f"There is no proof {beside.name} beside {file}.", "Lay it there: `lifecycle predictions compact` writes the two together."
        )
    proof = CompactedPredictions.parse(content_of(beside))
    if digest_of(content_of(file)) != proof.digest:
        raise Tampered(f"{file} is not the file that its proof is of.", "Compact those segments again.")
    trees: dict[str, Frontier] = {}
    for segment, line in read_lines(file, written):
        trees.setdefault(segment, Frontier()).append(leaf_hash(line))
    if [one.segment for one in proof.segments] != list(trees):
        raise Tampered(f"{file} has rows of other segments than its proof.", "Compact those segments again.")
    if not proof.segments:
        raise Tampered(f"{file} is of no segment, and proves nothing.", "Compact those segments again.")
    first = proof.segments[0].number
    if [one.number for one in proof.segments] != list(range(first, first + len(proof.segments))):
        raise Tampered(f"{file} lacks a segment between its first and its last.", "Compact those segments again.")
    for one in proof.segments:
        leaf, _ = proven_leaf(one.seal, keys)
        event, tree = Event.parse(leaf), trees[one.segment]
        body = event.body
        if not isinstance(body, PredictionsSealed) or (event.subject.name, body.stream) != (proof.model, proof.stream):
            raise Tampered(f"The proof of segment {one.segment} leads to another record.", "Compact those segments again.")
        sealed = (body.segment, body.number, body.rows, body.root)
        if sealed != (one.segment, one.number, one.rows, one.root) or (tree.size, root_of(tree)) != (body.rows, body.root):
            raise Tampered(f"{file} does not have the rows of segment {one.segment} that were sealed.", "Compact that segment again.")
    if proof.rows != sum(one.rows for one in proof.segments):
        raise Tampered(f"The proof of {file} counts other rows than its segments have.", "Compact those segments again.")
    return proof


def written(row: Mapping[str, Any]) -> bytes:
    """The line of a row, as the gateway writes it, without its line feed."""
    from lifecycle.serving.prediction_log.lines import line_of

    return line_of(row).removesuffix(b"\n")


def root_of(tree: Frontier) -> Digest:
    """The root of a tree, as records name it."""
    return f"sha256:{tree.root().hex()}"


def content_of(file: Path) -> bytes:
    """The bytes of a file. Raises Unavailable."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise Unavailable(f"{file} can't be read: {error.strerror}.", "Give read access to it.") from error
