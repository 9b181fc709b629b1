"""Who may ask a gateway, how much, and the proofs of both that lie beside it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lifecycle.records.record import INTEGER_BOUND, Count, Id, Microseconds, Record
from lifecycle.records.rollout import LedgerProof

#: What a caller shows: a key in a header, or a certificate of an authority that the gateway was given.
CredentialKind = Literal["api_key", "certificate"]

#: Of whose predictions a caller may say what turned out to be true: those that it asked for itself (under any grant of that
#: application), or anybody's. Who was granted neither may send no labels.
LabelRight = Literal["own", "any"]

_AtLeastOne = Annotated[int, Field(ge=1, lt=INTEGER_BOUND)]


class Quota(Record):
    """How much one grant may ask of a gateway, over all its workers and all models together."""

    requests_per_minute: _AtLeastOne
    #: A row is one application, and so one prediction.
    rows_per_day: _AtLeastOne
    #: Requests that are being answered at one moment.
    concurrent: _AtLeastOne


class AccessBook(Record):
    """What a gateway believes of its callers. It lies beside the gateway, which so starts without a ledger."""

    schema_version: Literal["lifecycle.access/1"] = "lifecycle.access/1"
    #: Whether a request needs a credential. Only the environment `local` is ever open, and only until the first grant.
    closed: bool
    #: How many records the ledger had when this was read from it.
    ledger_size: Count
    read_at_us: Microseconds
    #: Grants that were taken back: their credentials are known, and refused as such.
    revoked: tuple[Id, ...] = ()
    #: The decisions of the gate serving_access that allowed, each proven: one for each grant and version that the gateway holds, and the
    #: last one for each grant and model of which it holds none: whose caller is known is told that nothing serves, or sent to a person.
    passes: tuple[LedgerProof, ...] = ()
