"""Who may ask which version: asked of the gate serving_access once for each grant, version and bundle of policies, and recorded.

A gateway asks this every few seconds; where nothing has changed that costs one look at the ledger's size. An engine that does not
answer decides nothing: what was allowed before stands until it ends, and what was not allowed yet waits.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lifecycle.life.access.grants import Grant
from lifecycle.life.gates import judging, standing
from lifecycle.life.gates.asking import ask, require_allowed
from lifecycle.life.gates.governed import UNGOVERNED
from lifecycle.life.people.known_keys import KnownKeys
from lifecycle.life.recording import Step
from lifecycle.life.signing import proof_of
from lifecycle.records.access import AccessBook
from lifecycle.records.approval import AccessStatement
from lifecycle.records.bodies.access import AccessGranted, AccessRevoked
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.revocations import KeyRevoked, counts_as_revoked
from lifecycle.records.events import Recorded
from lifecycle.records.gates import Decision, Requester, ServingAccessEvidence
from lifecycle.records.identity import new_id, now_us
from lifecycle.records.record import Digest, Id, Name
from lifecycle.records.rollout import LedgerProof
from lifecycle.wiring import Departments

#: A version that may answer callers: model, number and digest.
Held = tuple[str, int, Digest]
#: How long an engine that did not answer is left alone: each answer that is none is recorded as well.
RETRY_SECONDS = 60.0
_READ = ("AccessGranted", "AccessRevoked", "DecisionMade", "PersonEnrolled", "KeyEnrolled", "KeyRevoked", "GovernanceChanged")


@dataclass(frozen=True)
class Answered:
    """The newest answer of the gate on one grant and version."""

    decision: Decision
    index: int

    @property
    def by_policy(self) -> bool:
        """Whether a policy said it, and not the keeper in place of an engine that failed."""
        return not any(violation.rule.startswith("SYS-") for violation in self.decision.result.violations)


class AccessDecider:
    """One process's. It remembers what it has read, so that each look reads what came since."""

    def __init__(self, departments: Departments) -> None:
        self._departments = departments
        self._next = 0
        self._grants: dict[Id, Grant] = {}
        self._keys = self._no_keys()
        #: The keys that were in other hands, and the first record from which nothing that they signed ever counted.
        self._compromised: dict[str, int] = {}
        #: Who signed which grant where: the key, and the record.
        self._signed: dict[Id, tuple[str, int]] = {}
        self._answers: dict[tuple[Id, Digest], Answered] = {}
        #: The last answer by a policy, which counts while the engine is down.
        self._by_policy: dict[tuple[Id, Digest], Answered] = {}
        self._proofs: dict[int, LedgerProof] = {}
        self._retry_at: dict[tuple[Id, Digest], float] = {}
        self._stamp: tuple[int, ...] = ()
        self._last: tuple[tuple[Held, ...], AccessBook] | None = None

    def __call__(self, held: Sequence[Held], /) -> AccessBook:
        """Who may ask these versions now. Raises Unavailable where the ledger does not answer."""
        departments, wanted = self._departments, tuple(held)
        grown = departments.ledger.head().size != self._next
        if grown:
            self.read()
        stamp = _stamp(departments) if self._grants else ()
        pushed = bool(self._stamp) and stamp != self._stamp
        if self._last is not None and self._last[0] == wanted and not (grown or pushed or self._retry_at):
            return self._last[1]
        if pushed:
            departments.forget("gate_keeper", "people")
        self._stamp = stamp
        for grant in self._in_force():
            for model, version, digest in wanted:
                if model in grant.body.models:
                    self._decide(grant, model, version, digest)
        self.read()
        book = self._book(wanted)
        self._last = (wanted, book)
        return book

    def read(self) -> None:
        """Takes in what the ledger says since the last time."""
        departments = self._departments
        size = departments.ledger.head().size
        if size < self._next:
            # A ledger that went back was restored: nothing that was read of it counts.
            self._next, self._grants, self._answers, self._by_policy, self._proofs = 0, {}, {}, {}, {}
            self._keys, self._compromised, self._signed = self._no_keys(), {}, {}
        for recorded in departments.ledger.events(types=_READ, since=self._next):
            self._take_in(recorded)
        self._next = size

    def answers(self, grant_id: Id) -> dict[Digest, Answered]:
        """What the gate said last on each version that a grant was asked for."""
        return {digest: answered for (of, digest), answered in self._answers.items() if of == grant_id}

    def _take_in(self, recorded: Recorded) -> None:
        body = recorded.event.body
        # Whose keys there are is the same in every environment; what was granted and decided is not.
        self._keys.take(recorded.index, recorded.event)
        if isinstance(body, KeyRevoked):
            counts = counts_as_revoked(recorded.event.environment, self._departments.environment)
            if counts and body.compromised_from is not None:
                self._compromised[body.key_id] = min(body.compromised_from, self._compromised.get(body.key_id, body.compromised_from))
        elif recorded.event.environment != self._departments.environment:
            return
        elif isinstance(body, AccessGranted):
            if self._counts(recorded.index, body):
                self._grants[body.grant_id] = Grant(body, recorded.event.occurred_at_us, revoked=False)
        elif isinstance(body, AccessRevoked) and body.grant_id in self._grants:
            grant = self._grants[body.grant_id]
            self._grants[body.grant_id] = Grant(grant.body, grant.granted_at_us, revoked=True)
        elif isinstance(body, DecisionMade) and isinstance(body.decision.input.evidence, ServingAccessEvidence):
            digest = recorded.event.subject.digest
            if digest is not None:
                key = (body.decision.input.evidence.grant_id, digest)
                self._answers[key] = answered = Answered(body.decision, recorded.index)
                if answered.by_policy:
                    self._by_policy[key] = answered
                    self._retry_at.pop(key, None)

    def _no_keys(self) -> KnownKeys:
        return KnownKeys(lambda digest: self._departments.artifacts.read(digest))

    def _counts(self, index: int, body: AccessGranted) -> bool:
        """Whether a grant is one: where people govern, only what is signed by a key that was its signer's by then."""
        if body.envelope is None:
            return self._departments.environment == UNGOVERNED
        self._signed[body.grant_id] = (body.envelope.key_id, index)
        return self._keys.wrong_with(body.envelope, body.envelope.holding(AccessStatement).signer) is None

    def _in_other_hands(self, grant_id: Id) -> bool:
        """Whether the key that signed a grant was somebody else's by then."""
        key_id, index = self._signed.get(grant_id, ("", 0))
        return index >= self._compromised.get(key_id, index + 1)

    def _in_force(self) -> Iterable[Grant]:
        at_us = now_us()
        return [
            grant for grant in self._grants.values() if grant.state(at_us) == "in force" and not self._in_other_hands(grant.body.grant_id)
        ]

    def _decide(self, grant: Grant, model: str, version: int, digest: Digest) -> None:
        """Asks the gate, unless this bundle has answered already or its engine is to be left alone."""
        key = (grant.body.grant_id, digest)
        answered = self._by_policy.get(key)
        if answered is not None and answered.decision.policy.bundle_digest == self._departments.gate_keeper.bundle_digest:
            return
        if time.monotonic() < self._retry_at.get(key, 0.0):
            return
        self._retry_at[key] = time.monotonic() + RETRY_SECONDS
        decide(self._departments, grant, model, version)

    def _book(self, held: tuple[Held, ...]) -> AccessBook:
        digests, models = {digest for _, _, digest in held}, {model for model, _, _ in held}
        allowed: list[int] = []
        #: By grant, and model of which nothing is held. The gate is asked nothing new about it, and its caller is known all the same.
        last: dict[tuple[Id, Name], int] = {}
        for (grant_id, digest), answered in self._by_policy.items():
            if not (answered.decision.allowed and self._may_still(grant_id)):
                continue
            model = answered.decision.input.subject.name
            if digest in digests:
                allowed.append(answered.index)
            elif model not in models:
                last[grant_id, model] = max(answered.index, last.get((grant_id, model), 0))
        return AccessBook(
            closed=bool(self._grants) or self._departments.environment != "local",
            ledger_size=self._next,
            read_at_us=now_us(),
            revoked=tuple(sorted(grant_id for grant_id, grant in self._grants.items() if grant.revoked)),
            passes=tuple(self._proof(index) for index in (*allowed, *last.values())),
        )

    def _may_still(self, grant_id: Id) -> bool:
        """Whether a pass of this grant says something: those of revoked ones do, because their callers are told so.

        The gate is asked before a grant is recorded, so there may be an answer without a grant.
        """
        grant = self._grants.get(grant_id)
        return grant is not None and grant.body.expires_at_us > now_us() and not self._in_other_hands(grant_id)

    def _proof(self, index: int) -> LedgerProof:
        """The proof of one decision; made once, because a proof stays one."""
        if index not in self._proofs:
            self._proofs[index] = proof_of(self._departments, index)
        return self._proofs[index]


def decide(departments: Departments, grant: Grant, model: str, version: int) -> Decision:
    """The gate's answer on one grant and one version, recorded. Raises like `ask`."""
    trained = standing.trained(departments, model, version)
    declared = judging.declared_of(trained)
    step = Step(run_id=new_id(), requester=Requester(id=grant.body.principal, kind="service", roles=(), authenticated=False))
    deployed = [one for _, one in standing.decisions(departments, model, version, "deployment") if one.allowed]
    body = grant.body
    evidence = ServingAccessEvidence(
        grant_id=body.grant_id,
        principal=body.principal,
        kind=body.kind,
        credential_digest=body.credential_digest,
        models=body.models,
        purpose=body.purpose,
        tier=body.tier,
        quota=body.quota,
        granted_at_us=grant.granted_at_us,
        expires_at_us=body.expires_at_us,
        labels=body.labels,
        revoked=grant.revoked,
        deployment_decision_id=deployed[-1].id if deployed else "",
        version_revoked=standing.states(departments).get((model, version)) in ("revoked", "retired"),
    )
    subject = judging.model_subject(departments, trained, step)
    return ask(departments, judging.gate_input(departments, declared, "serving_access", evidence, step, subject=subject), step)


def require_granted(departments: Departments, grant: Grant) -> None:
    """Asks the gate about every version that serves here and that a grant names. Raises Refused where it denies one."""
    for model in grant.body.models:
        serving = standing.serving_version(departments, model)
        if serving is not None:
            decision = decide(departments, grant, model, serving)
            require_allowed(decision, f"Access of {grant.body.principal} to {model}:{serving}")


def _stamp(departments: Departments) -> tuple[int, ...]:
    """What changes when the policies on disk do: the times and sizes of their files."""
    settings = departments.settings
    files: list[Path] = [settings.policy_bundle] if settings.policy_bundle is not None else []
    if not files:
        for folder, _, names in os.walk(settings.project / "governance"):
            files += [Path(folder) / name for name in sorted(names)]
    found: list[int] = []
    for file in files:
        try:
            stat = file.stat()
        except FileNotFoundError:
            continue
        found += [stat.st_mtime_ns, stat.st_size]
    return tuple(found)
