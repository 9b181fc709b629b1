"""States are kept in a table, in the transaction that appends: what it says is what a fold over every event says."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.errors import IllegalTransition
from lifecycle.ledger.appending.projections import Projections
from lifecycle.ledger.appending.writer import Writer
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.looking import LookingLedger
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.records.bodies import Body, DecisionMade, RolledBack
from lifecycle.records.events import Event, Subject
from lifecycle.records.states import SILENT, Fold
from tests.ledger.happenings import ORIGIN, SERVICE, digest, evaluated, happening, revoked, tamper, trained
from tests.records.samples.happenings import happenings

PLACES = ("local", "production")
#: A body of each type that is about a version.
BODIES = {event.type: event.body for event in happenings() if event.subject.kind == "model" and event.type not in SILENT}


def about(body: Body, version: int, environment: str) -> Event:
    subject = Subject(kind="model", name="credit", version=version, digest=digest(f"credit {version}"))
    return Event.happened(body, subject=subject, actor=SERVICE, environment=environment)


@st.composite
def happened(draw: st.DrawFn) -> Event:
    """Anything that can happen to one of three versions in one of two environments, possible or not."""
    body = BODIES[draw(st.sampled_from(sorted(BODIES)))]
    version = draw(st.integers(1, 3))
    if isinstance(body, DecisionMade):
        result = body.decision.result.model_copy(update={"outcome": draw(st.sampled_from(["allow", "allow", "deny", "needs_approval"]))})
        body = body.model_copy(update={"decision": body.decision.model_copy(update={"gate": "deployment", "result": result})})
    elif isinstance(body, RolledBack):
        body = body.model_copy(update={"from_version": version, "to_version": draw(st.none() | st.integers(1, 3))})
    return about(body, version, draw(st.sampled_from(PLACES)))


def possible(folds: dict[str, Fold], event: Event) -> bool:
    """Whether a fold over all that happened before, in every environment, takes the event; they go on with it where they do."""
    tried = {place: Fold(place, folded.states) for place, folded in folds.items()}
    try:
        for folded in tried.values():
            folded.apply(event)
    except IllegalTransition:
        return False
    folds |= tried
    return True


def takes(writer: Writer, event: Event) -> bool:
    try:
        writer.append(event)
    except IllegalTransition:
        return False
    return True


@settings(max_examples=40, deadline=None)
@given(batches=st.lists(st.lists(happened(), max_size=25), max_size=6))
def test_the_table_says_what_a_fold_says(batches: list[list[Event]]) -> None:
    """Whatever happens in whatever transactions: the ledger takes exactly what a fold takes, and both end in the same states."""
    folds = {place: Fold(place) for place in PLACES}
    with (
        tempfile.TemporaryDirectory(prefix="projections-") as folder,
        Ledger.open(f"sqlite:///{folder}/ledger.db", origin=ORIGIN) as ledger,
    ):
        for batch in batches:
            with ledger.writing() as writer:
                for event in batch:
                    assert takes(writer, event) == possible(folds, event), event
        for place, folded in folds.items():
            assert ledger.states(place) == folded.states
            with LookingLedger(ledger.url, origin=ORIGIN) as looking:
                assert looking.states(place) == folded.states


def test_a_version_is_everywhere_what_its_bytes_are(ledger: Ledger) -> None:
    """Training and evaluation count in environments in which nothing happened yet, a revocation only in its own."""
    with ledger.writing() as writer:
        writer.append_all([trained(1), evaluated(1), trained(2), revoked(1, environment="production")])
    assert ledger.states("local") == {("credit", 1): "evaluated", ("credit", 2): "trained"}
    assert ledger.states("production") == {("credit", 1): "revoked", ("credit", 2): "trained"}


def test_what_is_refused_moves_no_state(ledger: Ledger) -> None:
    """A batch that can't happen leaves the table as it was, also for what else is appended in its transaction."""
    with ledger.writing() as writer:
        with pytest.raises(IllegalTransition):
            writer.append_all([trained(1), evaluated(1), trained(1)])
        writer.append(trained(1))
    assert ledger.states("local") == {("credit", 1): "trained"}


def kept(file: Path) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """The tables of states and streams."""
    with closing(sqlite3.connect(file)) as connection:
        states = connection.execute("SELECT * FROM states ORDER BY 1, 2, 3").fetchall()
        return states, connection.execute("SELECT * FROM streams ORDER BY 1").fetchall()


def test_a_ledger_of_the_first_schema_gets_its_projections_when_it_is_opened(ledger: Ledger, ledger_file: Path) -> None:
    """They are what they would be, had they been kept from the start; places go on after what was not counted then."""
    with ledger.writing() as writer:
        writer.append_all([trained(1), happening(1), evaluated(1), revoked(1, environment="production"), trained(2)])
    ledger.close()
    before = kept(ledger_file)
    tamper(ledger_file, "DROP TABLE states; DROP TABLE streams; DROP TABLE anchors; UPDATE alembic_version SET version_num = '0001'")
    with LookingLedger(ledger.url, origin=ORIGIN) as looking:
        assert looking.states("production") == {("credit", 1): "revoked", ("credit", 2): "trained"}
    with Ledger.open(ledger.url, origin=ORIGIN) as upgraded:
        assert kept(ledger_file) == before
        upgraded.append(happening(2))
        assert upgraded.events(newest_first=True, limit=1)[0].event.sequence == 2


def test_projections_can_be_made_again_from_the_leaves(ledger: Ledger, ledger_file: Path) -> None:
    """A fold over the stored bytes gives the rows of both tables."""
    with ledger.writing() as writer:
        writer.append_all([trained(1), happening(1), evaluated(1), revoked(1, environment="production")])
    with LedgerRows(ledger.url) as rows:
        again = Projections.of(rows.records())
    states, streams = kept(ledger_file)
    assert sorted((*place, *standing) for place, standing in again.states.items()) == states
    assert sorted(again.streams.items()) == streams
