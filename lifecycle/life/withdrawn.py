"""What the ledger takes back of what it allowed: versions by name, and deployments that rest on an approval, a waiver or a key.

| taken back                                  | may not serve any more                                                        |
| ------------------------------------------- | ----------------------------------------------------------------------------- |
| a version (revoked or retired)              | the version, under whatever decision                                          |
| an approval, or what somebody waived        | what a deployment decision allowed that counted it                            |
| a key, from a record on (`compromised_from`) | the same, for all that the key signed and that stands from that record on     |
| a key, and no more                          | nothing: what was deployed with it was rightly deployed, and goes on          |

What is taken back in `local`, where nobody signs, takes nothing out elsewhere on the same ledger.
That an approval runs out, that a policy changes and that a person leaves takes nothing back: they bound deployment, not serving.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, Unpack

from lifecycle.life.gates.standing import body_of
from lifecycle.records.approval import WaiverStatement
from lifecycle.records.bodies.decisions import ApprovalGiven, DecisionMade, VersionRetired, WaiverSigned
from lifecycle.records.bodies.revocations import ApprovalRevoked, KeyRevoked, Revocation, VersionRevoked, counts_as_revoked
from lifecycle.records.events import Event, Recorded
from lifecycle.records.gates import Decision
from lifecycle.records.record import Digest, Name

if TYPE_CHECKING:
    from lifecycle.ledger.recorded import Wanted
    from lifecycle.serving.allowed.withdrawals import Withdrawal

#: All that takes something back.
TAKING_BACK = ("VersionRevoked", "VersionRetired", "ApprovalRevoked", "KeyRevoked")
#: All that people sign to let a version be deployed.
LETTING = ("ApprovalGiven", "WaiverSigned")


class Events(Protocol):
    """A ledger to read, as `Ledger` and `LookingLedger` both are."""

    def events(self, **wanted: Unpack[Wanted]) -> list[Recorded]: ...


class LedgerWithdrawals:
    """A `serving.ports.WithdrawalSource`: looks at the ledger anew each time, and makes none where there is none."""

    def __init__(self, ledger_url: str, *, origin: str, environment: Name) -> None:
        self._ledger_url = ledger_url
        self._origin = origin
        self._environment = environment

    def since(self, place: int, /) -> tuple[int, tuple[Withdrawal, ...]]:
        """Where to look on, and what was taken back from there; all of it where the ledger is shorter, as after a restore."""
        from lifecycle.ledger.looking import LookingLedger

        with LookingLedger(self._ledger_url, origin=self._origin) as ledger:
            size = ledger.head().size
            came = ledger.events(types=TAKING_BACK, since=place if place <= size else 0)
            return size, tuple(one for recorded in came for one in withdrawals_of(ledger, recorded, self._environment))


def withdrawals_of(ledger: Events, recorded: Recorded, environment: Name) -> Iterator[Withdrawal]:
    """What one record keeps from serving in an environment."""
    from lifecycle.serving.allowed.withdrawals import Withdrawal

    event, body = recorded.event, recorded.event.body
    reason = body.reason.rstrip(".") if isinstance(body, Revocation | VersionRetired) else ""
    if isinstance(body, VersionRevoked | VersionRetired):
        if event.environment == environment and event.subject.version is not None:
            verb = "revoked" if isinstance(body, VersionRevoked) else "retired"
            name, version = event.subject.name, event.subject.version
            yield Withdrawal(event_id=event.id, model=name, version=version, decision_id=None, why=f"it was {verb}: {reason}")
    elif isinstance(body, ApprovalRevoked | KeyRevoked) and _counts_in(environment, event):
        void, waived = void_by(ledger, recorded)
        why = (
            f"what {body.approver} had signed for it was revoked: {reason}"
            if isinstance(body, ApprovalRevoked)
            else f"the key of {body.person} that let it through was in other hands: {reason}"
        )
        for decided in resting_on(ledger, void, waived, environment) if void else ():
            about, decision = decided.event.subject, body_of(decided, DecisionMade).decision
            if about.version is not None:
                yield Withdrawal(event_id=event.id, model=about.name, version=about.version, decision_id=decision.id, why=why)


def _counts_in(environment: Name, event: Event) -> bool:
    """An approval is taken back where it was given; a key also elsewhere."""
    return event.environment == environment or (event.type == "KeyRevoked" and counts_as_revoked(event.environment, environment))


def void_by(ledger: Events, recorded: Recorded) -> tuple[frozenset[Digest], tuple[WaiverStatement, ...]]:
    """The statements that a revocation makes void even where they were used, and which of them are waivers."""
    body = recorded.event.body
    signed = [
        said
        for said in (one.event.body for one in ledger.events(types=LETTING))
        if isinstance(body, ApprovalRevoked) and isinstance(said, ApprovalGiven | WaiverSigned)
        if said.statement.content_digest() == body.statement_digest
    ]
    if isinstance(body, KeyRevoked) and body.compromised_from is not None:
        since = [one.event.body for one in ledger.events(types=LETTING, since=body.compromised_from)]
        signed = [said for said in since if isinstance(said, ApprovalGiven | WaiverSigned) and said.envelope.key_id == body.key_id]
    void = frozenset(said.statement.content_digest() for said in signed)
    return void, tuple(said.statement for said in signed if isinstance(said, WaiverSigned))


def resting_on(ledger: Events, void: frozenset[Digest], waived: tuple[WaiverStatement, ...], environment: Name) -> list[Recorded]:
    """The deployment decisions that allowed something here and counted one of these statements."""
    found = []
    for recorded in ledger.events(types=("DecisionMade",), environment=environment):
        body = body_of(recorded, DecisionMade)
        if body.decision.gate == "deployment" and body.decision.allowed and (void & set(body.consumed) or _waived(body.decision, waived)):
            found.append(recorded)
    return found


def _waived(decision: Decision, waived: tuple[WaiverStatement, ...]) -> bool:
    """Whether a decision was shown a waiver that one of these signed. A gate is shown no digests of them, so what they say is compared."""
    return any(
        (waiver.subject_digest, waiver.ticket, waiver.expires_at_us) == (said.model_digest, said.ticket, said.expires_at_us)
        and said.signer in waiver.granted_by
        for waiver in decision.input.waivers
        for said in waived
    )
