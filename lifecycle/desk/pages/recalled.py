"""What a version that was taken out told callers: the newest recall of it, as the ledger and the store have it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lifecycle.errors import Unavailable, UnknownName
from lifecycle.life.gates import standing
from lifecycle.life.recall_export import listed_as_csv
from lifecycle.records.bodies.recalls import DecisionsRecalled
from lifecycle.records.events import Recorded
from lifecycle.records.recall import DifferingDecision, RecallList
from lifecycle.records.record import Microseconds
from lifecycle.records.states import State
from lifecycle.wiring import Departments

#: So many decisions stand on the page; the file has all.
SHOWN = 20
#: What somebody took out, and did not only follow with another.
TAKEN_OUT: tuple[State, ...] = ("rolled_back", "revoked")


@dataclass(frozen=True)
class RecalledRow:
    """One recall."""

    body: DecisionsRecalled
    at_us: Microseconds
    index: int
    #: The first of those that would be others now; None where the store has lost the list.
    first: tuple[DifferingDecision, ...] | None


def newest_recall(departments: Departments, model: str, version: int) -> RecalledRow | None:
    """The newest recall of a version here; None where nobody looked yet. Raises Tampered where its list is another one."""
    found = _newest(departments, model, version)
    if found is None:
        return None
    body = standing.body_of(found, DecisionsRecalled)
    kept = departments.artifacts.has(body.list_digest)
    first = RecallList.parse(departments.artifacts.read(body.list_digest)).differing[:SHOWN] if kept else None
    return RecalledRow(body, found.event.occurred_at_us, found.index, first)


def is_recallable(state: State, recorded: Iterable[Recorded], environment: str) -> bool:
    """Whether a version was taken out here that callers were told anything by, as far as its records say."""
    served = any(one.event.type == "RolloutRequested" and one.event.environment == environment for one in recorded)
    return state in TAKEN_OUT and served


def recall_file(departments: Departments, model: str, version: int) -> bytes:
    """The list of the newest recall as CSV: ids, decisions and probabilities, and nothing personal.

    Raises UnknownName where there was none, Unavailable where the store has lost it, Tampered where it is another one.
    """
    found = _newest(departments, model, version)
    if found is None:
        raise UnknownName(f"Nobody recalled {model}:{version} here.", f"`lifecycle recall {model}:{version}` does.")
    digest = standing.body_of(found, DecisionsRecalled).list_digest
    if not departments.artifacts.has(digest):
        raise Unavailable(
            f"The artifact store does not have the list of the recall of {model}:{version}.",
            f"Recall it again: `lifecycle recall {model}:{version}`.",
        )
    return listed_as_csv(RecallList.parse(departments.artifacts.read(digest)))


def _newest(departments: Departments, model: str, version: int) -> Recorded | None:
    found = departments.ledger.events(
        types=("DecisionsRecalled",), name=model, version=version, environment=departments.environment, newest_first=True, limit=1
    )
    return found[0] if found else None
