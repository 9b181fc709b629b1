"""Recording what a step did: once, however often the step is retried, and with who did it."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from lifecycle.errors import InvalidDeclaration
from lifecycle.records.bodies import Body
from lifecycle.records.events import Actor, Event, Link, Recorded, Subject
from lifecycle.records.gates import Requester
from lifecycle.records.identity import derived_id
from lifecycle.records.record import MOST_PROSE, PROSE, Digest, Id
from lifecycle.wiring import Departments

#: Who asks when nobody has signed in: Dagster's open-source pages know nobody.
NOBODY = Requester(id="dagster", kind="service", roles=(), authenticated=False)
#: Nobody signs in to the command line either: that it was done there is all that is known.
COMMAND_LINE = Actor(id="command_line", kind="service", authenticated=False)


@dataclass(frozen=True)
class Step:
    """One run of one step: who asked for it, and the run that a retry of it shares."""

    run_id: str
    requester: Requester = NOBODY

    @property
    def actor(self) -> Actor:
        return Actor(id=self.requester.id, kind=self.requester.kind, authenticated=self.requester.authenticated)

    def event_id(self, *parts: str) -> Id:
        """An id that is the same in every retry of this step, so that the ledger keeps one event."""
        return derived_id(self.run_id, *parts)

    def happened(
        self,
        departments: Departments,
        body: Body,
        subject: Subject,
        *,
        event_id: Id | None = None,
        inputs: tuple[Link, ...] = (),
        outputs: tuple[Link, ...] = (),
    ) -> Event:
        """An event that this step made happen, here and now."""
        return Event.happened(
            body,
            subject=subject,
            actor=self.actor,
            environment=departments.environment,
            run_id=self.run_id,
            inputs=inputs,
            outputs=outputs,
            event_id=event_id,
        )


def record_once(departments: Departments, event: Event) -> Recorded:
    """The event that stands under the id of this one already, else this one, appended."""
    standing = departments.ledger.find(event.id)
    if standing is not None:
        return standing
    receipt = departments.ledger.append(event)
    return Recorded(index=receipt.index, event=event)


def require_prose(reason: str, of: str) -> None:
    """Raises InvalidDeclaration for a reason that says nothing, or that would do something to the terminal of who reads it."""
    if not reason.strip():
        raise InvalidDeclaration(f"{of} without a reason says nothing.", "Say in --reason what convinced you, or what did not.")
    if len(reason) > MOST_PROSE or re.match(PROSE, reason) is None:
        raise InvalidDeclaration(
            f"The reason of {of[0].lower()}{of[1:]} is longer than {MOST_PROSE} characters or has control characters in it.",
            "Write it as plain text; what is longer belongs into a document that the reason names.",
        )


def links(**digests: Digest | None) -> tuple[Link, ...]:
    """Lineage links by role, leaving out what is not there."""
    return tuple(Link(role=role, digest=digest) for role, digest in digests.items() if digest is not None)


def code_commit(departments: Departments) -> str:
    """The commit that the project stands at, with `+changes` where files differ from it; `unversioned` without git."""
    project = departments.settings.project
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, text=True, check=True, timeout=10)
        changes = subprocess.run(["git", "status", "--porcelain"], cwd=project, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return "unversioned"
    return commit.stdout.strip() + ("+changes" if changes.stdout.strip() else "")


def code_author(departments: Departments) -> str:
    """The enrolled person whom git names as the last author: a claim. Empty where nobody enrolled matches.

    Only the pseudonymous id is kept: names and addresses of people never stand in a leaf.
    """
    try:
        said = subprocess.run(
            ["git", "log", "-1", "--format=%ae"], cwd=departments.settings.project, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return departments.people.by_git_email(said.stdout.strip()) or ""
