"""The waivers of a version: which rule they let it past, who signed, and whether they count at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lifecycle.desk.pages.judgement import Judgement
from lifecycle.desk.pages.taken_back import TakenBack, statements_taken_back
from lifecycle.life.gates import standing
from lifecycle.life.gates.waivers import waivers_for
from lifecycle.records.gates import WaiverEvidence
from lifecycle.records.identity import now_us
from lifecycle.records.record import Digest, Microseconds
from lifecycle.wiring import Departments


@dataclass(frozen=True)
class WaiverSigner:
    """Who signed a waiver, the digest of what they signed, and whether it was taken back since."""

    person: str
    digest: Digest
    taken_back: TakenBack | None = None


@dataclass(frozen=True)
class WaiverRow:
    """One waiver. `void`: it was allowed, and its signatures do not verify any more."""

    rule: str
    ticket: str
    signed: tuple[WaiverSigner, ...]
    expires_at_us: Microseconds
    standing: Literal["in force", "open", "denied", "over", "void"]

    @property
    def signers(self) -> tuple[str, ...]:
        return tuple(one.person for one in self.signed)


def waivers_of(departments: Departments, model: str, version: int) -> tuple[WaiverRow, ...]:
    """Every waiver that was ever asked for here, the newest first, as the gate answered it last."""
    counting = {(one.rule, one.ticket, one.expires_at_us) for one in waivers_for(departments, model, version)}
    void = statements_taken_back(departments, model, version)
    found: dict[str, WaiverRow] = {}
    for _, decision in standing.decisions(departments, model, version, "waiver"):
        evidence = decision.input.evidence
        if not isinstance(evidence, WaiverEvidence):
            continue
        stands: Literal["in force", "open", "denied", "over", "void"]
        if evidence.expires_at_us <= now_us():
            stands = "over"
        elif decision.result.outcome == "needs_approval":
            stands = "open"
        elif not decision.allowed:
            stands = "denied"
        else:
            stands = "in force" if (evidence.rule, evidence.ticket, evidence.expires_at_us) in counting else "void"
        signed = tuple(WaiverSigner(one.signer, one.statement_digest, void.get(one.statement_digest)) for one in evidence.signatures)
        found.pop(evidence.waiver_id, None)
        found[evidence.waiver_id] = WaiverRow(evidence.rule, evidence.ticket, signed, evidence.expires_at_us, stands)
    return tuple(reversed(found.values()))


def waivable_of(departments: Departments, judgement: Judgement | None, waivers: tuple[WaiverRow, ...]) -> tuple[tuple[str, str], ...]:
    """The rules that the newest decision found broken and that a waiver may let it past, with their titles."""
    if judgement is None:
        return ()
    open_ones = {one.rule for one in waivers if one.standing in ("open", "in force")}
    known = {rule.id: rule for gate in departments.gate_keeper.bundle.rules.values() for rule in gate.values()}
    broken = dict.fromkeys(found.rule for found in judgement.violations)
    return tuple((rule, known[rule].title) for rule in broken if rule in known and known[rule].waivable and rule not in open_ones)
