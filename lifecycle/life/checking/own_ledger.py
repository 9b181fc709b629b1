"""What a check of this home's files asks of the ledger that it holds them against."""

from __future__ import annotations

from lifecycle.errors import LifecycleError, UnknownName
from lifecycle.records.record import Id
from lifecycle.wiring import Departments


def ledger_is_here(departments: Departments) -> bool:
    """Whether the ledger is a file of this home, to which no gateway elsewhere can write: then every sealed segment must be here."""
    return departments.settings.ledger_url == f"sqlite:///{departments.settings.home / 'ledger' / 'ledger.db'}"


def pruned_in(departments: Departments, event_id: Id) -> bool:
    """Whether the ledger has this event without its bytes, by a record that says so."""
    try:
        departments.ledger.find(event_id)
    except UnknownName:
        return True
    except LifecycleError:
        return False
    return False
