"""Whose word promotes a version, or ends its rollout, where the plan leaves that to a person.

| says    | who may                                                                        |
| ------- | ------------------------------------------------------------------------------ |
| promote | the roles `risk` and `operator`, but nobody who had a part in the version       |
| end     | the roles `risk` and `operator`, and the model's owner: it serves nobody after |

Elsewhere than in `local` a word is signed. The gateway asks here itself, about each word that reaches it: whoever can write to
its socket is nobody yet.
"""

from __future__ import annotations

from contextlib import nullcontext

from lifecycle.errors import Refused
from lifecycle.life.gates import judging, standing
from lifecycle.life.gates.governed import UNGOVERNED, require_people_agreed
from lifecycle.life.people.attempts import refused_attempts_kept
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.recording import Step
from lifecycle.records.approval import RolloutPart, RolloutStatement
from lifecycle.records.events import Recorded, Subject
from lifecycle.records.identity import new_id, now_us
from lifecycle.records.record import ActorId, Name
from lifecycle.serving.rollouts.word import Word
from lifecycle.wiring import Departments

#: Of which one is enough.
ROLES: tuple[Name, ...] = ("operator", "risk")
_DOES: dict[RolloutPart, str] = {"promote": "promote", "end": "end the rollout of"}


class PeoplesWord:
    """A `serving.ports.WordOfPeople`: whose word counts by the registry and the ledger as they are when it is asked."""

    def __init__(self, departments: Departments) -> None:
        self._departments = departments

    def __call__(self, word: Word, about: Subject, /) -> None:
        """Returns where the word counts; an attempt in somebody's name that does not is kept. Raises like `require_counts`."""
        # Looked at afresh: a gateway lives longer than a role or a key.
        looking, statement = Departments(self._departments.settings, make=False), word.statement
        try:
            with nullcontext() if statement is None else refused_attempts_kept(self._departments, "rollout", statement):
                require_counts(looking, word, about)
        finally:
            looking.forget("ledger")


def require_counts(departments: Departments, word: Word, about: Subject) -> None:
    """Returns where somebody's word about the rollout of this version counts here.

    Raises Refused where nobody signed it although people govern, where it was signed about something else or for elsewhere, where
    the key is not theirs or not in force, where its time is over, and where they may not; Tampered where the signature does not
    hold; UnknownName for who is not enrolled; Unavailable where the ledger does not answer.
    """
    from lifecycle.approvals.statements import opened

    if word.by is not None:
        departments.people.person(word.by)
    if word.envelope is None:
        _require_unsigned(departments)
        return
    require_people_agreed(departments)
    statement = opened(word.envelope, RolloutStatement, people_in_force(departments), now_us())
    meant = (statement.rollout_id, statement.model, statement.version, statement.model_digest, statement.environment)
    if meant != (word.rollout_id, about.name, about.version, about.digest, departments.environment):
        raise Refused("This was signed about another rollout, or for another environment.", "Sign what is shown here.", ("RLT-003",))
    _require_may(departments, statement)


def _require_unsigned(departments: Departments) -> None:
    if departments.environment != UNGOVERNED:
        raise Refused(
            f"In {departments.environment} whoever promotes a version or ends its rollout signs that.",
            "Give --as ID and --key FILE, or sign at the desk.",
            ("RLT-002",),
        )


def _require_may(departments: Departments, statement: RolloutStatement) -> None:
    """Raises Refused, with the rule that bars them, for whoever made what they promote, and for whoever holds none of the roles."""
    people, person, named = people_in_force(departments), statement.signer, f"{statement.model}:{statement.version}"
    signed, now = statement.signed_at_us, now_us()
    trained = standing.trained(departments, statement.model, statement.version)
    if statement.part == "promote" and {person, *people.ever_also(person, signed, now)} & makers_of(departments, trained):
        raise Refused(
            f"{person} had a part in {named}, and nobody promotes their own work.",
            "Have somebody promote it who had none, in their own name or as a member of a team.",
            ("RLT-004",),
        )
    if {*people.lasting_roles(person, signed, now)} & {*ROLES}:
        return
    if statement.part == "end" and judging.declared_of(trained).owner == person:
        return
    owner = ", or by the model's owner" if statement.part == "end" else ""
    raise Refused(
        f"{person} may not {_DOES[statement.part]} {named}.",
        f"Have it signed by somebody of the role {' or '.join(ROLES)}{owner}; `lifecycle people list` shows who.",
        ("RLT-001",),
    )


def makers_of(departments: Departments, trained: Recorded) -> frozenset[ActorId]:
    """Everybody who ever had a part in a version: none of them promotes it."""
    return frozenset(maker.id for maker in judging.model_subject(departments, trained, Step(run_id=new_id())).makers)
