"""`lifecycle governance`: which policies, limits and people count, and how others come to count."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lifecycle.cli import render
from lifecycle.cli.options import STANDING_FILE

if TYPE_CHECKING:
    from lifecycle.life.gates.governed import Governed, Proposal


@click.group()
def governance() -> None:
    """Show, propose and agree to the policies, limits and people that count.

    A change counts once somebody of the role `governor` proposed it and two others agreed, each with a key of their own.
    Outside the environment `local` no gate decides by files that were not agreed to.
    """


@governance.command(short_help="Show what counts, what lies in governance/, and what is proposed.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(as_json: bool) -> None:
    """Show what was last agreed to, whether the files in governance/ are that, and which proposals are open."""
    from lifecycle.life.gates.governed import UNGOVERNED, in_force, on_disk, open_proposals
    from lifecycle.wiring import Departments

    departments = Departments.here(make=False)
    standing, here, proposals = in_force(departments), on_disk(departments), open_proposals(departments)
    needed = departments.environment != UNGOVERNED
    if as_json:
        told: dict[str, Any] = {"environment": departments.environment, "needed_here": needed, "agreed": standing == here}
        render.as_json(
            told | {"in_force": _digests(standing), "on_disk": _digests(here), "proposals": [_proposal_as_json(one) for one in proposals]}
        )
        return
    rows = [("policies and limits", "bundle_digest"), ("people", "people_digest")]
    render.table(
        ("what", "in force", "in governance/", ""),
        [
            (
                name,
                render.short(getattr(standing, field, None)) or "nothing",
                render.short(getattr(here, field)),
                "the same" if getattr(standing, field, None) == getattr(here, field) else "differs",
            )
            for name, field in rows
        ],
    )
    render.table(
        ("proposal", "by", "agreed by", "waits for", "reason"),
        [
            (one.statement.proposal_id, one.statement.signer, ", ".join(one.agreed_by), one.missing, one.statement.reason)
            for one in proposals
        ],
        empty="Nothing is proposed.",
    )
    if not needed:
        render.note(f"In the environment {departments.environment} files count without anybody's agreement.")
    elif standing != here:
        render.note("No gate decides here by these files. Next: lifecycle governance propose --as ID --key FILE --reason TEXT")


@governance.command(short_help="Propose what lies in governance/ now.")
@click.option("--as", "person", required=True, metavar="ID", help="Who proposes.")
@click.option("--key", type=STANDING_FILE, required=True, help="Their private key.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; stands in the ledger.")
@click.option("--json", "as_json", is_flag=True, help="Print the proposal as JSON.")
def propose(person: str, key: Path, reason: str, as_json: bool) -> None:
    """Propose, signed, that the policies, limits and people in governance/ count. Two others must agree."""
    from lifecycle.life.people.governing import propose as propose_change
    from lifecycle.wiring import Departments

    _show(propose_change(Departments.here(), person=person, key_file=key, reason=reason), as_json)


@governance.command(short_help="Agree to a proposal.")
@click.argument("proposal_id", metavar="[PROPOSAL]", required=False)
@click.option("--as", "person", required=True, metavar="ID", help="Who agrees.")
@click.option("--key", type=STANDING_FILE, required=True, help="Their private key.")
@click.option("--reason", required=True, metavar="TEXT", help="What convinced them; stands in the ledger.")
@click.option("--json", "as_json", is_flag=True, help="Print the proposal as JSON.")
def agree(proposal_id: str | None, person: str, key: Path, reason: str, as_json: bool) -> None:
    """Agree, signed, to PROPOSAL (or to the only one that is open). With the second agreement it counts at once.

    `lifecycle policy diff DIGEST` shows what it changes; `lifecycle policy backtest` what it would have decided otherwise.
    """
    from lifecycle.life.people.governing import agree as agree_to
    from lifecycle.wiring import Departments

    _show(agree_to(Departments.here(), person=person, key_file=key, reason=reason, proposal_id=proposal_id), as_json)


def _show(proposal: Proposal, as_json: bool) -> None:
    if as_json:
        render.as_json(_proposal_as_json(proposal))
        return
    said = proposal.statement
    render.line(f"{said.proposal_id}  policies {render.short(said.bundle_digest)}, people {render.short(said.people_digest)}")
    if proposal.missing > 0:
        render.note(f"Waits for {proposal.missing} of 2 others. Next: lifecycle governance agree --as ID --key FILE --reason TEXT")
    else:
        render.line(f"Agreed by {' and '.join(proposal.agreed_by)}: it counts from now on.")


def _proposal_as_json(proposal: Proposal) -> dict[str, Any]:
    said = proposal.statement
    return {
        "proposal": said.proposal_id,
        "bundle_digest": said.bundle_digest,
        "people_digest": said.people_digest,
        "proposed_by": said.signer,
        "agreed_by": list(proposal.agreed_by),
        "missing": max(proposal.missing, 0),
        "in_force": proposal.missing <= 0,
        "expires_at_us": said.expires_at_us,
    }


def _digests(governed: Governed | None) -> dict[str, str] | None:
    return None if governed is None else {"bundle_digest": governed.bundle_digest, "people_digest": governed.people_digest}
