"""Sending lineage to the receiver that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.errors import InvalidDeclaration
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.lineage.outbox import Outbox
    from lifecycle.lineage.receiver import Receiver
    from lifecycle.lineage.sending import Patience, Sent


def send_lineage(departments: Departments, patience: Patience | None = None, *, url: str | None = None, since: int | None = None) -> Sent:
    """Tells the receiver (that of the settings, or this one) what it does not know of the ledger yet; see `lineage.sending.send`.

    Raises InvalidDeclaration where no receiver is named, and whatever `send` raises.
    """
    from lifecycle.lineage.sending import Patience, send

    return send(departments.ledger, _receiver(departments, url), _outbox(departments, url), patience or Patience(), since=since)


def rests_until_us(departments: Departments) -> int:
    """Until when the receiver of the settings is left alone because it was not reached; 0 where it was. Microseconds."""
    return _outbox(departments, None).place().not_before_us


def _receiver(departments: Departments, url: str | None) -> Receiver:
    from lifecycle.lineage.receiver import Receiver

    settings = departments.settings
    # The key belongs to the receiver of the settings: it is shown to no other.
    key = settings.openlineage_api_key if url in (None, settings.openlineage_url) else None
    return Receiver(_address(departments, url), key)


def _outbox(departments: Departments, url: str | None) -> Outbox:
    from lifecycle.lineage.outbox import Outbox
    from lifecycle.lineage.receiver import endpoint

    return Outbox(departments.settings.home / "outbox", endpoint(_address(departments, url)))


def _address(departments: Departments, url: str | None) -> str:
    address = url or departments.settings.openlineage_url
    if address is None:
        raise InvalidDeclaration("No receiver of lineage is named.", "Set LIFECYCLE_OPENLINEAGE_URL, or name one with --url.")
    return address
