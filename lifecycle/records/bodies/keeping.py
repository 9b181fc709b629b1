"""What happens to the ledger itself: its key, what is erased or pruned beside its leaves, what is held, and restores."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from lifecycle.errors import MalformedRecord
from lifecycle.records.bodies.body import Body
from lifecycle.records.identity import Commitment
from lifecycle.records.record import Count, Digest, Id, Microseconds, Name, Prose, Record, Version, is_none

#: A C2SP verifier key: name+hexid+base64.
VerifierKeyText = Annotated[str, StringConstraints(pattern=r"^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$")]
#: An Ed25519 signature in base64.
SignatureText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{86}==$")]


class LogKeyRotated(Body):
    """The log signs with another key. Both keys signed `proofs.rotation.statement` over this, so neither came or went alone."""

    old_key: VerifierKeyText
    new_key: VerifierKeyText
    #: Ledger checkpoints of this many records and more are signed by the new key.
    from_size: Count
    #: Those of more records than this are not signed by the old key any more; until then both sign.
    old_until_size: Count
    reason: Prose
    old_signature: SignatureText
    new_signature: SignatureText


class ErasedRows(Record):
    """Rows of a dataset version whose values are gone, by their number, and the digest of what is left of it."""

    dataset_digest: Digest
    rows: tuple[Count, ...]
    remaining_digest: Digest


class SubjectErased(Body):
    """What was kept of a person is gone: the values and the salts. Whom it was about stands nowhere in here.

    The commitments stay in their leaves and rows, and every proof with them. One erasure may need several of these. One that is
    recorded again after a restore has the `erasure_id` that it had before.
    """

    erasure_id: Id
    reason: Prose
    #: Commitments of events whose openings are gone.
    openings: tuple[Digest, ...]
    #: Commitments of rows of the prediction log (`input_commitment`) whose values are gone.
    predictions: tuple[Digest, ...]
    datasets: tuple[ErasedRows, ...]


class LeafRange(Record):
    """Records from one index to before another."""

    start: Count
    end: Count

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.end <= self.start:
            raise MalformedRecord(
                f"The range {self.start} to {self.end} holds nothing.", "Give the first index, and the one after the last."
            )
        return self


class ClosedVersion(Record):
    """A version that was retired in every environment: its past may be pruned, because nothing can follow from it."""

    model: Name
    version: Version


class BodiesPruned(Body):
    """Bytes of records are gone, as the retention policy says. Their leaf hashes stay, and what this says of their columns."""

    #: What let them go: the type of an observation, or `closed versions`.
    rule: str
    ranges: tuple[LeafRange, ...]
    count: Count
    #: Over the index and the columns of each, in order, as they were while the bytes were there (`ledger.columns_digest`).
    columns_digest: Digest
    #: Records of before this may go.
    before_us: Microseconds
    policy_digest: Digest
    closed_versions: tuple[ClosedVersion, ...]


class LegalHoldPlaced(Body):
    """Nothing of what is named may be pruned or erased until the hold is released.

    `name` is one that stands in the ledger anyway (a model, a dataset, a person of the registry); `subject` is to whom the hold is
    about otherwise, such as a customer's number, which is no more for a leaf than a name is. Neither holds everything.
    """

    hold_id: Id
    name: str | None = Field(default=None, max_length=200)
    reason: Prose
    subject: Commitment | None = Field(default=None, exclude_if=is_none)


class LegalHoldReleased(Body):
    hold_id: Id
    reason: Prose


class LedgerRestored(Body):
    """The ledger goes on from a backup. What was known to have stood after it is lost, and this says so."""

    #: How many records the backup holds: this event is the next.
    backup_size: Count
    backup_root: Digest
    #: The last ledger checkpoint that is known from outside the backup (the signer's memory, an anchor), as a signed note; None where
    #: nothing outside it is known. Records from `backup_size` to before its size are lost.
    last_known: str | None
    lost: Count
    reason: Prose
