"""Every waiver that was asked for here, as the gate answered it last: which rule, who signed, and whether it counts at this moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lifecycle.life.gates import standing
from lifecycle.life.gates.waivers import waivers_for
from lifecycle.records.bodies.decisions import WaiverSigned
from lifecycle.records.gates import Decision, WaiverEvidence, WaiverSignature
from lifecycle.records.identity import now_us
from lifecycle.records.record import ActorId, Id, Microseconds
from lifecycle.wiring import Departments

#: `void`: it was allowed, and its signatures do not verify any more. `over`: its time has passed.
Standing = Literal["in force", "open", "denied", "over", "void"]


@dataclass(frozen=True)
class AskedWaiver:
    """One waiver of one rule for one version; of every rule that may be broken for a broken glass."""

    waiver_id: Id
    model: str
    version: int
    rule: str
    ticket: str
    signed: tuple[WaiverSignature, ...]
    expires_at_us: Microseconds
    standing: Standing

    @property
    def name(self) -> str:
        return f"{self.model}:{self.version}"

    @property
    def signers(self) -> tuple[ActorId, ...]:
        return tuple(one.signer for one in self.signed)


def asked_waivers(departments: Departments, model: str, version: int) -> tuple[AskedWaiver, ...]:
    """Every waiver of a version, the newest first."""
    counting = {(one.rule, one.ticket, one.expires_at_us) for one in waivers_for(departments, model, version)}
    found: dict[Id, AskedWaiver] = {}
    for _, decision in standing.decisions(departments, model, version, "waiver"):
        evidence = decision.input.evidence
        if isinstance(evidence, WaiverEvidence):
            found.pop(evidence.waiver_id, None)
            found[evidence.waiver_id] = AskedWaiver(
                waiver_id=evidence.waiver_id,
                model=model,
                version=version,
                rule=evidence.rule,
                ticket=evidence.ticket,
                signed=evidence.signatures,
                expires_at_us=evidence.expires_at_us,
                standing=_standing(decision, evidence, counts=(evidence.rule, evidence.ticket, evidence.expires_at_us) in counting),
            )
    return tuple(reversed(found.values()))


def every_asked_waiver(departments: Departments, *, ended: bool = True) -> Iterator[AskedWaiver]:
    """Those of every version that somebody ever signed one for here; with `ended` false, only of versions with one whose time has not
    passed."""
    now = now_us()
    recorded = departments.ledger.events(types=("WaiverSigned",), environment=departments.environment)
    signed = (standing.body_of(one, WaiverSigned).statement for one in recorded)
    for model, version in dict.fromkeys((said.model, said.version) for said in signed if ended or said.expires_at_us > now):
        yield from asked_waivers(departments, model, version)


def _standing(decision: Decision, evidence: WaiverEvidence, *, counts: bool) -> Standing:
    if evidence.expires_at_us <= now_us():
        return "over"
    if decision.result.outcome == "needs_approval":
        return "open"
    if not decision.allowed:
        return "denied"
    return "in force" if counts else "void"
