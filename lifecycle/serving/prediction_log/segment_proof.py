"""The path from one row to the root of its segment."""

from __future__ import annotations

from lifecycle.errors import Tampered
from lifecycle.proofs.merkle import Tree, leaf_hash
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.serving.prediction_log.reading import Located
from lifecycle.serving.prediction_log.segment_reading import whole_lines


def segment_path(located: Located, seal: PredictionsSealed) -> tuple[bytes, ...]:
    """The siblings of a row from the leaf up (RFC 6962 §2.1.1): 20 at most, for a million rows.

    Raises Tampered where the rows of the segment are not those that were sealed.
    """
    tree = Tree(leaf_hash(line) for line in whole_lines(located.log.rows(located.segment)))
    if tree.size != seal.rows or f"sha256:{tree.root().hex()}" != seal.root:
        raise Tampered(
            f"The rows of segment {located.segment} are not those that were sealed.",
            "Keep a copy as evidence, run `lifecycle ledger verify`, and restore the segment from its backup.",
        )
    return tree.inclusion_path(located.position)
