"""Who asks, and may they: a worker's own copy of what the supervisor has verified. Nothing here asks a policy or a ledger.

Where the gateway is open everybody may ask, and no header is looked at. Where it is closed, a request without a credential that was
granted is refused before its body is read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifecycle.errors import Unavailable
from lifecycle.records.access import LabelRight, Quota
from lifecycle.records.identity import now_us
from lifecycle.records.record import Digest
from lifecycle.serving.access.credentials import certificate_digest, presented_key
from lifecycle.serving.access.refusing import AccessRefused
from lifecycle.serving.failures import OUT_OF_REACH

if TYPE_CHECKING:
    from lifecycle.serving.access.quotas import CallerQuota, Quotas
    from lifecycle.serving.access.shared_counts import SharedCounts
    from lifecycle.serving.answering.protocol import InferRequest

#: Where the connection leaves the name in the caller's certificate, in the scope of its requests.
CERTIFICATE = "lifecycle.certificate"


@dataclass(frozen=True, slots=True)
class Caller:
    """A grant whose credential was shown: what it may ask, of whose predictions it may send labels, and what is left of its quota."""

    grant_id: str
    principal: str
    models: frozenset[str]
    #: By the digest of each version that it may ask, whether one serves or not: until when.
    passes: Mapping[Digest, int]
    labels: LabelRight | None
    quota: CallerQuota

    def admitted(self, request: InferRequest, model: str) -> InferRequest:
        """The request with whom it is of, its rows counted.

        Raises AccessRefused where its time or its quota is over, and for a model that it may ask no version of: nobody else looks where
        none serves.
        """
        answerable = self.answerable()
        if model not in self.models:
            raise AccessRefused(f"This access is not for {model}.", "not_allowed", 403, grant_id=self.grant_id)
        self.quota.spend_rows(request.rows)
        return request._replace(grant_id=self.grant_id, principal=self.principal, answerable=answerable)

    def answerable(self) -> frozenset[Digest]:
        """The versions that this caller may ask now, by digest. Raises AccessRefused where the time of the access is over."""
        now = now_us()
        found = frozenset(digest for digest, until_us in self.passes.items() if until_us > now)
        if not found:
            raise AccessRefused("The time of this access is over.", "expired_credential", 403, grant_id=self.grant_id)
        return found

    def require_labels(self) -> None:
        """Raises AccessRefused for a caller who may ask, and was not granted to say what turned out to be true."""
        if self.labels is None:
            raise AccessRefused("This access is for predictions, and not for labels.", "not_allowed", 403, grant_id=self.grant_id)

    def sent_label_of(self, model: str, digests: Collection[Digest]) -> dict[str, str]:
        """What is kept with a label of this model: by which grant, and whose prediction it must be where it may not be anybody's.

        Raises AccessRefused for a caller who may send none, or may ask none of the versions of the model that are served.
        """
        self.require_labels()
        if self.answerable().isdisjoint(digests):
            raise AccessRefused(f"This access is not for {model}.", "not_allowed", 403, grant_id=self.grant_id)
        # Whatever is not "any" is the narrower right.
        return {"grant_id": self.grant_id} if self.labels == "any" else {"grant_id": self.grant_id, "asked_by": self.principal}


class Doorkeeper:
    """One worker's. It is closed until it is told otherwise."""

    def __init__(self, make_counts: Callable[[], SharedCounts]) -> None:
        self.open = False
        self._make_counts = make_counts
        self._quotas: Quotas | None = None
        self._callers: dict[Digest, Caller] = {}
        self._revoked: frozenset[Digest] = frozenset()
        self._out_of_reach = False

    def learn(self, said: Mapping[str, Any]) -> None:
        """Takes over what the supervisor says: `book.as_message`. In force for the next request."""
        callers = {
            told["credential_digest"]: Caller(
                told["grant_id"],
                told["principal"],
                frozenset(told["models"]),
                dict(told["passes"]),
                told["labels"],
                self._quota(told["grant_id"], Quota.of(told["quota"])),
            )
            for told in said["callers"]
        }
        self._callers, self._revoked, self.open = callers, frozenset(said["revoked"]), said["open"] is True
        self._out_of_reach = said["out_of_reach"] is True

    def identify(self, scope: Mapping[str, Any]) -> Caller | None:
        """Who asks; None where the gateway is open.

        Raises AccessRefused for who is not known, or not any more, and Unavailable while nobody can know who is.
        """
        if self.open:
            return None
        if self._out_of_reach:
            raise Unavailable(OUT_OF_REACH, "Send the request again once the ledger answers.")
        digest = presented_key(scope["headers"])
        if digest is None:
            name = scope.get(CERTIFICATE)
            if not name:
                raise AccessRefused("This gateway answers whom access was granted: send `Authorization: Bearer KEY`.", "no_credential", 401)
            digest = certificate_digest(name)
        caller = self._callers.get(digest)
        if caller is not None:
            return caller
        if digest in self._revoked:
            raise AccessRefused("This access was revoked.", "revoked_credential", 401)
        raise AccessRefused("What was shown gives access to nothing that is served here.", "unknown_credential", 401)

    def _quota(self, grant_id: str, quota: Quota) -> CallerQuota:
        if self._quotas is None:
            # `limits` is for gateways that ask for credentials; an open one starts without it.
            from lifecycle.serving.access.quotas import Quotas

            self._quotas = Quotas(self._make_counts())
        made: CallerQuota = self._quotas.of(grant_id, quota)
        return made
