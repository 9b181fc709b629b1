"""What signing needs to know of a kind of statement: whose keys count, how it is recorded, and how an attempt is kept that is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol

from lifecycle.records.approval import Envelope, StatementT
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


class Matter(Protocol, Generic[StatementT]):
    """One kind of statement. A call that raises leaves nothing behind, but for the record of an attempt that it says it makes."""

    @property
    def kind(self) -> type[StatementT]:
        """Its statements."""

    def name(self, statement: StatementT) -> str:
        """What it is about, such as `credit:7`."""

    def page(self, departments: Departments, statement: StatementT) -> str:
        """The path of the page that shows what came of it."""

    def judges(self, departments: Departments, statement: StatementT) -> Registry:
        """The people whose keys count under it at this moment."""

    def recorded_before(self, departments: Departments, statement: StatementT) -> bool:
        """Whether the ledger has it, and all that follows from it."""

    def told_before(self, statement: StatementT) -> str:
        """What its signer is told where it was recorded before."""

    def record(self, departments: Departments, envelope: Envelope) -> str:
        """Records what was signed, once, and returns what its signer is told.

        Raises Refused where the person may not, with the attempt kept; Tampered where the signature does not hold; Unavailable.
        """

    def bar(self, departments: Departments, statement: StatementT, rules: tuple[str, ...], why: str) -> None:
        """Keeps an attempt to sign it that was refused, as one of nobody who has shown who they are."""
