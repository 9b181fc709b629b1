"""The waivers of a version on its page, with what was taken back of them, and the rules that could be waived."""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.desk.pages.judgement import Judgement
from lifecycle.desk.pages.taken_back import TakenBack, statements_taken_back
from lifecycle.life.people.asked_waivers import Standing, asked_waivers
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
    """One waiver."""

    rule: str
    ticket: str
    signed: tuple[WaiverSigner, ...]
    expires_at_us: Microseconds
    standing: Standing

    @property
    def signers(self) -> tuple[str, ...]:
        return tuple(one.person for one in self.signed)


def waivers_of(departments: Departments, model: str, version: int) -> tuple[WaiverRow, ...]:
    """Every waiver that was ever asked for here, the newest first, as the gate answered it last."""
    void = statements_taken_back(departments, model, version)
    return tuple(
        WaiverRow(
            asked.rule,
            asked.ticket,
            tuple(WaiverSigner(one.signer, one.statement_digest, void.get(one.statement_digest)) for one in asked.signed),
            asked.expires_at_us,
            asked.standing,
        )
        for asked in asked_waivers(departments, model, version)
    )


def waivable_of(departments: Departments, judgement: Judgement | None, waivers: tuple[WaiverRow, ...]) -> tuple[tuple[str, str], ...]:
    """The rules that the newest decision found broken and that a waiver may let it past, with their titles."""
    if judgement is None:
        return ()
    open_ones = {one.rule for one in waivers if one.standing in ("open", "in force")}
    known = {rule.id: rule for gate in departments.gate_keeper.bundle.rules.values() for rule in gate.values()}
    broken = dict.fromkeys(found.rule for found in judgement.violations)
    return tuple((rule, known[rule].title) for rule in broken if rule in known and known[rule].waivable and rule not in open_ones)
