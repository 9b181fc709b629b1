"""Opens a ledger proof offline: a signed checkpoint, the leaf under it, and nothing else to trust but one key."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from lifecycle.errors import MalformedRecord
from lifecycle.proofs.merkle import leaf_hash, verify_inclusion
from lifecycle.proofs.notes import Checkpoint, VerifierKey, open_note
from lifecycle.proofs.signature_lines import SignatureLine, with_signatures
from lifecycle.proofs.tlog_proof import TlogProof
from lifecycle.records.rollout import LedgerProof


def proven_leaf(proof: LedgerProof, keys: Sequence[VerifierKey]) -> tuple[bytes, Checkpoint]:
    """The stored bytes that the proof shows to stand in the log that one of the keys signs, and that log's checkpoint.

    Raises Tampered where a signature or the path does not hold, MalformedRecord for what is no proof.
    """
    checkpoint = open_note(proof.checkpoint, keys)
    try:
        leaf = base64.b64decode(proof.leaf, validate=True)
        path = [base64.b64decode(sibling, validate=True) for sibling in proof.path]
    except (binascii.Error, ValueError) as error:
        raise MalformedRecord("The ledger proof is not in base64.", "Fetch the proof again from the ledger.") from error
    verify_inclusion(leaf_hash(leaf), proof.index, checkpoint.size, path, checkpoint.root_hash)
    return leaf, checkpoint


def as_tlog_proof(proof: LedgerProof, cosignatures: Sequence[SignatureLine] = ()) -> TlogProof:
    """The same proof in the form of C2SP, without the leaf, and with these signatures on its ledger checkpoint as well."""
    path = tuple(base64.b64decode(sibling) for sibling in proof.path)
    return TlogProof(proof.index, path, with_signatures(proof.checkpoint, cosignatures) if cosignatures else proof.checkpoint)
