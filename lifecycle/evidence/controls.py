"""The maps from regulation to evidence: governance/controls/frameworks/*.yaml, read strictly.

A map says of each clause what it asks for in our own words, and which events of the ledger speak to it. It never says that a
clause is met: that is for whoever reads the evidence. A clause that no event can speak to says so, and what would close the gap.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from lifecycle.errors import InvalidDeclaration, LifecycleError, UnknownName
from lifecycle.evidence.event_paths import Scalar, wrong_path
from lifecycle.records.bodies import BODIES
from lifecycle.records.documents import parse_yaml
from lifecycle.records.record import Name, Prose, Record

#: Within a project's governance/controls.
FOLDER = "frameworks"
#: No map and nothing made from one may claim what only a person can judge.
_CLAIM = re.compile(r"complian|conformant|certified", re.IGNORECASE)

ClauseId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9()./_-]{0,40}$")]
DottedPath = Annotated[str, StringConstraints(pattern=r"^[a-z_]+(\.[a-z_0-9]+)*$")]


class Applicability(Record):
    """From when a text binds whom."""

    since: str
    to_whom: Prose

    @model_validator(mode="after")
    def _is_a_day(self) -> Applicability:
        date.fromisoformat(self.since)
        return self


class Selector(Record):
    """Which events speak to a clause, and what they show."""

    shows: Prose
    #: Types of event; one of any of them is enough.
    events: tuple[str, ...] = Field(min_length=1)
    #: `version`: what belongs to the life of the version (or model) that is asked about. `ledger`: all that the ledger holds.
    scope: Literal["version", "ledger"] = "version"
    #: Path into the event → the value, or one of the values, that it must have.
    where: dict[DottedPath, Scalar | tuple[Scalar, ...]] = Field(default_factory=dict)
    #: Paths at which something must stand: no empty text, list or mapping.
    has: tuple[DottedPath, ...] = ()
    #: Roles of the event's inputs and outputs whose files are part of the evidence.
    files: tuple[Name, ...] = ()
    #: It does not always happen (a rollback): told where it did, missed by nobody where it did not.
    optional: bool = False
    #: What would bring such an event about.
    closes: Prose | None = None

    def wanted(self, path: str) -> tuple[Scalar, ...]:
        """The values that `where` takes at a path."""
        value = self.where[path]
        return value if isinstance(value, tuple) else (value,)

    @model_validator(mode="after")
    def _can_select(self) -> Selector:
        unknown = [name for name in self.events if name not in BODIES]
        if unknown:
            raise ValueError(f"{unknown[0]} is not a type of event")
        for event_type in self.events:
            for path in (*self.where, *self.has):
                wrong = wrong_path(event_type, path, self.wanted(path) if path in self.where else ())
                if wrong is not None:
                    raise ValueError(wrong)
        if self.optional == (self.closes is not None):
            raise ValueError("a selector says what closes its gap, unless it is optional: then nothing is missing")
        return self


class Gap(Record):
    """Why nothing speaks to a clause, and what would."""

    why: Prose
    closes: Prose


class Clause(Record):
    """One thing that a text asks for, in our own words."""

    id: ClauseId
    title: Prose
    asks: Prose
    #: Where it differs from that of the framework.
    applies: tuple[Applicability, ...] = ()
    evidence: tuple[Selector, ...] = ()
    #: What a reader must still judge, because no event shows it.
    leaves_open: Prose | None = None
    gap: Gap | None = None

    @model_validator(mode="after")
    def _is_evidence_or_gap(self) -> Clause:
        if (self.gap is None) == (not self.evidence):
            raise ValueError(f"{self.id}: a clause has selectors of evidence, or a gap that says why there are none")
        if self.evidence and all(selector.optional for selector in self.evidence):
            raise ValueError(f"{self.id}: every selector is optional, so that nothing would ever be missing")
        if bool(self.evidence) != (self.leaves_open is not None):
            raise ValueError(f"{self.id}: evidence says what it leaves open, and a gap leaves everything open")
        return self


class Framework(Record):
    """One text: a law, a standard, a supervisor's letter."""

    schema_version: Literal["lifecycle.controls/1"]
    framework: Name
    title: Prose
    source: Prose
    #: What a reader has to know of this map: which edition, what is not verified, whose numbering.
    remark: Prose
    applies: tuple[Applicability, ...]
    clauses: tuple[Clause, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _clauses_have_names_of_their_own(self) -> Framework:
        ids = [clause.id for clause in self.clauses]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"the clause {twice[0]} stands twice")
        return self

    def applies_to(self, clause: Clause) -> tuple[Applicability, ...]:
        """From when a clause of this framework binds whom."""
        return clause.applies or self.applies

    @property
    def applies_told(self) -> str:
        """From when it binds whom, in one line; with the clauses for which another day is given."""
        told = "; ".join(f"{one.since}, {one.to_whom}" for one in self.applies)
        others: dict[str, list[str]] = {}
        for clause in self.clauses:
            for one in clause.applies:
                others.setdefault(one.since, []).append(clause.id)
        return told + "".join(f"; but {', '.join(ids)} from {since}, as is said there" for since, ids in sorted(others.items()))


def read_frameworks(controls: Path) -> tuple[Framework, ...]:
    """Every map below a project's governance/controls, by name.

    Raises InvalidDeclaration that names the file, and the clause and field where there is one; UnknownName where there is no map.
    """
    files = sorted((controls / FOLDER).glob("*.yaml"))
    if not files:
        raise UnknownName(
            f"No map from regulation to evidence lies in {controls / FOLDER}.",
            "Copy governance/controls/frameworks from the Lifecycle project, or write one: docs/adr/0012 says how.",
        )
    return tuple(_read(file) for file in files)


def framework_named(frameworks: tuple[Framework, ...], name: str) -> Framework:
    """The map of this name. Raises UnknownName that lists those that there are."""
    for framework in frameworks:
        if framework.framework == name:
            return framework
    raise UnknownName(f"There is no map of {name!r}.", f"The maps are {', '.join(one.framework for one in frameworks)}.")


def _read(file: Path) -> Framework:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidDeclaration(f"{file.name} can't be read: {error}.", "Write it as UTF-8 text.") from error
    claim = _CLAIM.search(text)
    if claim is not None:
        line = text.count("\n", 0, claim.start()) + 1
        raise InvalidDeclaration(
            f"{file.name}:{line} says {claim.group()!r}.", "Say what the evidence shows; whether that is enough is for its reader to judge."
        )
    try:
        read = Framework.of(parse_yaml(text, file.name))
    except InvalidDeclaration:
        raise
    except LifecycleError as error:
        raise InvalidDeclaration(f"{file.name}: {error.what}", "Correct the named fields.") from error
    if read.framework != file.stem:
        raise InvalidDeclaration(f"{file.name} calls itself {read.framework!r}.", "Give the file and the framework one name.")
    return read
