"""Erasing what is kept of somebody: values and salts go, commitments stay, and the ledger says that it was done.

    intent (a file)  →  the effects, each of which can be done again  →  SubjectErased  →  the intent goes

The values beside the ledger are overwritten first, so that SubjectErased never says more than is true. What lies in the
ledger's own database goes in the transaction that appends it. A process that is killed anywhere leaves its intent; the
next erasure, of whomever, finishes it. Leaves and rows of the prediction log are never touched: every proof holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeVar

from lifecycle.errors import InvalidDeclaration, Unavailable, UnknownName
from lifecycle.life.gates.standing import body_of
from lifecycle.life.keeping.beyond_reach import FoundValues, places_beyond_reach, rows_out_of_sight
from lifecycle.life.keeping.erasure_intent import ErasureIntent, IntendedPrediction, IntendedRows, Intents
from lifecycle.life.keeping.holding import holds_of
from lifecycle.life.keeping.ledgers_aside import erase_aside, openings_aside
from lifecycle.life.keeping.row_erasure import (
    FoundRows,
    erase_unrecorded_rows,
    plan_rows,
    rows_about_subject,
    rows_by_number,
    up_to_date,
)
from lifecycle.life.recording import COMMAND_LINE, require_prose
from lifecycle.records.bodies.keeping import ErasedRows, SubjectErased
from lifecycle.records.events import Event, Recorded, Subject
from lifecycle.records.identity import new_id
from lifecycle.records.record import Digest
from lifecycle.wiring import Departments

T = TypeVar("T")

#: How many commitments, and how many numbers of rows, one event names: so that it stays far below what a record may have.
_DIGESTS_IN_AN_EVENT, _ROWS_IN_AN_EVENT = 300, 2_500


@dataclass(frozen=True)
class Erasure:
    """What was erased, or what would be (`dry_run`)."""

    erasure_id: str | None
    dry_run: bool
    #: How many values of events went, how many of rows of the prediction log, and which rows of which dataset versions.
    openings: int
    predictions: int
    datasets: tuple[FoundRows, ...]
    #: The person of the registry whose name and addresses went.
    person: str | None
    #: The records that say so.
    indexes: tuple[int, ...]
    #: Erasures that an earlier run had begun, and that this one finished first.
    finished: tuple[str, ...]
    #: Where the values may still be, in words: out of reach of this command.
    beyond_reach: tuple[str, ...]


def erase(
    departments: Departments, subject: str | None, *, rows: tuple[tuple[str, tuple[int, ...]], ...] = (), reason: str, dry_run: bool = False
) -> Erasure:
    """Erases everything that is kept of a subject, and rows that are named by their number.

    `subject` is the id of a person in the registry, a caller's request id, the `subject` parameter of predictions, or the
    value of a dataset's declared subject column; `rows` are (model, numbers in its newest dataset version). Raises
    UnknownName where nothing is kept of it, Refused (LEGAL_HOLD) where a hold covers a part of it, InvalidDeclaration
    without a name or a reason, Unavailable where something does not answer: what was begun is finished by the next call.
    """
    from lifecycle.ledger.keeping.erasing import require_eraser
    from lifecycle.ledger.keeping.holds import require_free

    require_prose(reason, "An erasure")
    departments.require_ledger()
    if subject is not None and not subject.strip():
        raise InvalidDeclaration("An empty name is everybody's who gave none.", "Name the subject whose values are to be erased.")
    if not dry_run:
        _ = departments.ledger
        require_eraser(departments.settings.ledger_url)
    intents = Intents(departments.folder("erasures", 0o700))
    with intents.alone():
        finished = () if dry_run else tuple(finish_open(departments, intents))
        found = _found(departments, subject, rows)
        if not found.anything:
            if finished:
                return Erasure(None, dry_run, 0, 0, (), None, (), finished, ())
            hidden = next(rows_out_of_sight(departments), None)
            if hidden is not None:
                raise Unavailable(
                    f"Nothing that can be looked through has anything of {subject!r}, which leaves {hidden}.",
                    "Restore the artifact store from its backup; `lifecycle ledger verify` names everything that it lacks.",
                )
            raise UnknownName(
                f"Nothing is kept here of {subject!r}: it was erased, or never was.",
                "Check the spelling; `lifecycle ledger log --type SubjectErased` lists the erasures, which name nobody.",
            )
        names = {name for name in (subject, found.person) if name is not None}
        names |= {kept.model for kept in found.predictions} | {rows.dataset for rows in found.datasets}
        require_free(holds_of(departments), names)
        beyond_reach = tuple(places_beyond_reach(departments, found))
        erasure_id, indexes = (None, ()) if dry_run else _run(departments, intents, _intent(departments, found, reason))
    return Erasure(
        erasure_id=erasure_id,
        dry_run=dry_run,
        openings=len(found.openings),
        predictions=len(found.predictions),
        datasets=found.datasets,
        person=found.person,
        indexes=indexes,
        finished=finished,
        beyond_reach=beyond_reach,
    )


def finish_open(departments: Departments, intents: Intents) -> Iterator[str]:
    """Finishes every erasure that was begun, and gives its id. A hold that was placed since comes too late for what is half gone."""
    for intent in intents.open():
        yield _run(departments, intents, intent)[0]


def _run(departments: Departments, intents: Intents, intent: ErasureIntent) -> tuple[str, tuple[int, ...]]:
    """One erasure from its intent to its end; its id, and the records that say so."""
    intents.write(intent)
    indexes = _carry_out(departments, intent)
    intents.finish(intent)
    return intent.erasure_id, indexes


def _found(departments: Departments, subject: str | None, rows: tuple[tuple[str, tuple[int, ...]], ...]) -> FoundValues:
    from lifecycle.ledger.keeping.erasing import openings_about

    numbered = rows_by_number(departments, rows)
    if subject is None:
        return FoundValues((), (), numbered, None)
    _ = departments.ledger
    people = departments.people
    person = people.people.get(subject)
    return FoundValues(
        openings=tuple(dict.fromkeys((*openings_about(departments.settings.ledger_url, subject), *openings_aside(departments, subject)))),
        predictions=departments.kept_values.of(subject),
        datasets=_joined(rows_about_subject(departments, subject), numbered),
        person=subject if person is not None and (person.display_name or person.git) else None,
        in_project=people.origin.get(subject) == "project",
    )


def _joined(*found: tuple[FoundRows, ...]) -> tuple[FoundRows, ...]:
    """One entry for each dataset version."""
    by_digest: dict[Digest, FoundRows] = {}
    for one in (one for some in found for one in some):
        before = by_digest.get(one.dataset_digest)
        rows = one.rows if before is None else tuple(sorted({*before.rows, *one.rows}))
        by_digest[one.dataset_digest] = FoundRows(one.dataset, one.dataset_digest, rows)
    return tuple(by_digest.values())


def _intent(departments: Departments, found: FoundValues, reason: str) -> ErasureIntent:
    return ErasureIntent(
        erasure_id=new_id(),
        environment=departments.environment,
        reason=reason,
        person=found.person,
        openings=found.openings,
        predictions=tuple(
            IntendedPrediction(model=k.model, prediction_id=k.prediction_id, commitment=k.commitment) for k in found.predictions
        ),
        datasets=tuple(plan_rows(departments, rows) for rows in found.datasets),
    )


def _carry_out(departments: Departments, intent: ErasureIntent) -> tuple[int, ...]:
    """Does what is intended, whatever of it was done before; returns the indexes of the records that say so."""
    from lifecycle.ledger.keeping.erasing import wipe_traces
    from lifecycle.serving.prediction_log.kept_values import Kept

    _forget(departments, intent.person)
    erase_unrecorded_rows(departments, intent.datasets)
    departments.kept_values.erase(Kept(one.model, one.prediction_id, one.commitment) for one in intent.predictions)
    with departments.ledger.writing() as writer:
        # Nobody else erases while this has its turn: what is planned now is what is recorded.
        datasets = tuple(up_to_date(departments, rows) for rows in intent.datasets)
        for doomed in dict.fromkeys(digest for rows in datasets for digest in rows.doomed):
            departments.artifacts.erase(doomed)
        standing = [recorded for recorded in writer.events(types=("SubjectErased",)) if _is_of(recorded, intent)]
        indexes = tuple(recorded.index for recorded in standing)
        if not indexes:
            indexes = tuple(receipt.index for receipt in writer.append_all(_events(intent, datasets)))
        writer.drop_openings(intent.openings)
    if intent.openings:
        wipe_traces(departments.settings.ledger_url)
    erase_aside(departments, intent.openings)
    return indexes


def _is_of(recorded: Recorded, intent: ErasureIntent) -> bool:
    return body_of(recorded, SubjectErased).erasure_id == intent.erasure_id


def _forget(departments: Departments, person: str | None) -> None:
    """Takes what the registries say of a person beyond what counts out of them, and whatever a killed enrolment left there."""
    from lifecycle.approvals.enrolment import forget_directory_entry

    for file in (departments.settings.project / "governance" / "people.yaml", departments.settings.home / "people.yaml"):
        forget_directory_entry(file, person)
    departments.forget("people", "gate_keeper")


def _events(intent: ErasureIntent, datasets: tuple[IntendedRows, ...]) -> list[Event]:
    """The events that say what is gone, as many as it takes."""
    openings = list(_parts(intent.openings, _DIGESTS_IN_AN_EVENT))
    predictions = list(_parts(tuple(one.commitment for one in intent.predictions if one.commitment is not None), _DIGESTS_IN_AN_EVENT))
    erased = [
        ErasedRows(dataset_digest=rows.dataset_digest, rows=part, remaining_digest=rows.remaining_digest)
        for rows in datasets
        for part in _parts(rows.rows, _ROWS_IN_AN_EVENT)
    ]
    bodies = [
        SubjectErased(
            erasure_id=intent.erasure_id,
            reason=intent.reason,
            openings=some_openings or (),
            predictions=some_predictions or (),
            datasets=() if rows is None else (rows,),
        )
        for some_openings, some_predictions, rows in zip_longest(openings, predictions, erased)
    ]
    # A person whose name stood in a registry alone had nothing committed to; that it was taken out is recorded all the same.
    bodies = bodies or [SubjectErased(erasure_id=intent.erasure_id, reason=intent.reason, openings=(), predictions=(), datasets=())]
    about = Subject(kind="ledger", name="ledger")
    return [Event.happened(body, subject=about, actor=COMMAND_LINE, environment=intent.environment) for body in bodies]


def _parts(whole: tuple[T, ...], most: int) -> Iterator[tuple[T, ...]]:
    return (whole[start : start + most] for start in range(0, len(whole), most))
