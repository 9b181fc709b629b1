"""Opens the proof of one prediction offline: row → segment root → ledger root → the log's signature."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from lifecycle.errors import MalformedRecord, Tampered
from lifecycle.proofs.inclusion import proven_leaf
from lifecycle.proofs.merkle import leaf_hash, verify_inclusion
from lifecycle.proofs.notes import Checkpoint, VerifierKey
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.events import Event
from lifecycle.records.prediction import Prediction, PredictionProof


@dataclass(frozen=True)
class ProvenPrediction:
    """What the proof shows: the row, the seal that it stands under, and the ledger checkpoint that covers the seal."""

    row: Prediction
    seal: PredictionsSealed
    checkpoint: Checkpoint


def proven_prediction(proof: PredictionProof, keys: Sequence[VerifierKey]) -> ProvenPrediction:
    """What one of these keys of the log vouches for.

    Raises Tampered where a signature, a path or a root does not hold, or the row is not one of the sealed model's; MalformedRecord
    for what is no proof.
    """
    leaf, checkpoint = proven_leaf(proof.seal, keys)
    event = Event.parse(leaf)
    if not isinstance(event.body, PredictionsSealed):
        raise Tampered(f"The proof leads to a {event.type}, and not to the seal of a segment.", "Ask for the proof again.")
    try:
        row = base64.b64decode(proof.row, validate=True)
        path = [base64.b64decode(sibling, validate=True) for sibling in proof.path]
    except (binascii.Error, ValueError) as error:
        raise MalformedRecord("The proof of the prediction is not in base64.", "Ask for the proof again.") from error
    root = bytes.fromhex(event.body.root.removeprefix("sha256:"))
    try:
        verify_inclusion(leaf_hash(row), proof.position, event.body.rows, path, root)
    except Tampered as error:
        # In a tree of rows that one speaks of records and ledgers.
        what = (
            f"The row is not number {proof.position + 1} of the {event.body.rows} rows of the segment {event.body.segment} that was sealed."
        )
        raise Tampered(what, error.next_step) from error
    prediction = Prediction.parse(row)
    if prediction.model != event.subject.name:
        raise Tampered(
            f"The row is one of {prediction.model}, and its segment one of {event.subject.name}.", "Run `lifecycle ledger verify`."
        )
    return ProvenPrediction(prediction, event.body, checkpoint)
