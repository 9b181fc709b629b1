"""What signing needs to know of a kind of statement: whose keys count, how it is recorded, and how an attempt is kept that is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from lifecycle.records.approval import Envelope
from lifecycle.records.record import ActorId, Digest
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


class Signed(Protocol):
    """Any record that a person signs here."""

    def canonical(self) -> bytes: ...
    def content_digest(self) -> Digest: ...


SignedT = TypeVar("SignedT", bound=Signed)


class Matter(Protocol, Generic[SignedT]):
    """One kind of statement. A call that raises leaves nothing behind, but for the record of an attempt that it says it makes."""

    @property
    def payload_type(self) -> str:
        """As what it is signed (DSSE)."""

    def parse(self, content: bytes) -> SignedT:
        """The statement that these bytes are. Raises MalformedRecord."""

    def signer(self, statement: SignedT) -> ActorId:
        """In whose name it is."""

    def name(self, statement: SignedT) -> str:
        """What it is about, such as `credit:7`."""

    def page(self, statement: SignedT) -> str:
        """The path of the page that shows what came of it."""

    def judges(self, departments: Departments, statement: SignedT) -> Registry:
        """The people whose keys count under it at this moment."""

    def recorded_before(self, departments: Departments, statement: SignedT) -> bool:
        """Whether the ledger has it, and all that follows from it."""

    def told_before(self, statement: SignedT) -> str:
        """What its signer is told where it was recorded before."""

    def record(self, departments: Departments, envelope: Envelope) -> str:
        """Records what was signed, once, and returns what its signer is told.

        Raises Refused where the person may not, with the attempt kept; Tampered where the signature does not hold; Unavailable.
        """

    def bar(self, departments: Departments, statement: SignedT, rules: tuple[str, ...], why: str) -> None:
        """Keeps an attempt to sign it that was refused, as one of nobody who has shown who they are."""
