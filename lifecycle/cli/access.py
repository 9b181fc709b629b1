"""`lifecycle access`: who may ask the gateway for predictions, how much and until when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from lifecycle.cli import render
from lifecycle.cli.options import STANDING_FILE, require_both
from lifecycle.records.access import LabelRight
from lifecycle.records.approval import AccessStatement

if TYPE_CHECKING:
    from lifecycle.life.access.deciding import AccessDecider, Answered
    from lifecycle.life.access.grants import Grant
    from lifecycle.wiring import Departments

#: Of what a caller may send labels, by its right.
_LABELS_OF: dict[LabelRight, str] = {"own": "the predictions that it asked for", "any": "anybody's predictions"}


@click.group()
def access() -> None:
    """Grant, take back and list who may ask the gateway for predictions.

    In the environment `local` the gateway answers everybody until access is granted for the first time; every other environment
    answers nobody without. A gateway that runs knows of a change within seconds, and asks the gate serving_access once for each
    caller, version and bundle of policies; at a request it asks nobody.
    """


@access.command(short_help="Grant an application access, and show its key once.")
@click.argument("application")
@click.option("--model", "models", multiple=True, required=True, help="A model that it may ask; may be given several times.")
@click.option("--tier", default="standard", show_default=True, help="How much it may ask: a tier of governance/access.yaml.")
@click.option("--days", type=click.IntRange(1, 3650), default=90, show_default=True, help="For how long.")
@click.option(
    "--labels",
    type=click.Choice(get_args(LabelRight)),
    help="That it may send labels (`POST /v2/feedback`): of the predictions that it asked for, or of anybody's.  [default: of none]",
)
@click.option("--certificate", "certificate_name", default="", help="The name in its certificate (URI, DNS or CN), in place of a key.")
@click.option("--reason", required=True, help="Why, for whoever reads the ledger.")
@click.option("--as", "person", metavar="ID", help="Who signs. Only in the environment `local` nobody has to.")
@click.option("--key", type=STANDING_FILE, help="Their private key.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
def grant(
    application: str,
    models: tuple[str, ...],
    tier: str,
    days: int,
    labels: LabelRight | None,
    certificate_name: str,
    reason: str,
    person: str | None,
    key: Path | None,
    as_json: bool,
) -> None:
    """Grant APPLICATION access, and show its key once: it is kept nowhere, and whoever loses it is granted another.

    The caller sends the key as `Authorization: Bearer KEY`. The gate is asked first
    for the version that serves: what it denies is not granted (exit code 3). It is signed by somebody
    of the role `operator` or `governor`, or by the owner of these models.

    Labels are a right of their own, because guardrails and monitoring believe them: whoever sends
    false ones has a version taken out, or spared.
    """
    from lifecycle.life.access.granting import grant_access
    from lifecycle.wiring import Departments

    require_both(person, key, "Access is granted and taken back")
    granted = grant_access(
        Departments.here(),
        application,
        models=models,
        tier=tier,
        days=days,
        labels=labels,
        certificate_name=certificate_name,
        reason=reason,
        person=person,
        key_file=key,
    )
    body: Any = granted.recorded.event.body
    if as_json:
        render.as_json(
            {
                "grant_id": body.grant_id,
                "principal": body.principal,
                "models": list(body.models),
                "tier": tier,
                "expires_at_us": body.expires_at_us,
                "labels": body.labels,
                "key": granted.key,
                "signed_by": person,
            }
        )
        return
    render.line(f"{body.principal} may ask {', '.join(body.models)} until {render.moment(body.expires_at_us)} (grant {body.grant_id}).")
    if body.labels is not None:
        render.line(f"It may send labels of {_LABELS_OF[body.labels]}.")
    if granted.key:
        render.line(f"Its key, which is shown this once: {granted.key}")
    render.note("`lifecycle access list` shows what the gate says of each version; `lifecycle access revoke` takes it back.")


@access.command(short_help="Take a grant back.")
@click.argument("grant_id")
@click.option("--reason", required=True, help="Why, for whoever reads the ledger.")
@click.option("--as", "person", metavar="ID", help="Who signs. Only in the environment `local` nobody has to.")
@click.option("--key", type=STANDING_FILE, help="Their private key.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
def revoke(grant_id: str, reason: str, person: str | None, key: Path | None, as_json: bool) -> None:
    """Take a grant back, signed by somebody who could have given it. A gateway that runs refuses its caller within seconds."""
    from lifecycle.life.access.granting import revoke_access
    from lifecycle.wiring import Departments

    require_both(person, key, "Access is granted and taken back")
    recorded = revoke_access(Departments.here(), grant_id, reason=reason, person=person, key_file=key)
    if as_json:
        render.as_json({"grant_id": grant_id, "event_id": recorded.event.id, "index": recorded.index})
    else:
        render.line(f"The access {grant_id} counts no more (record {recorded.index}).")


@access.command(name="list", short_help="Show every grant here.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
def list_grants(as_json: bool) -> None:
    """Show every grant here: who, which models, how much, until when, and what the gate says of each version."""
    from lifecycle.life.access.deciding import AccessDecider
    from lifecycle.life.access.grants import grants
    from lifecycle.records.identity import now_us
    from lifecycle.wiring import Departments

    departments = Departments.here(make=False)
    found, at_us, decider = grants(departments), now_us(), AccessDecider(departments)
    decider.read()
    if as_json:
        render.as_json([_as_json(departments, grant, at_us, decider) for grant in found])
        return
    render.table(
        ("grant", "application", "by", "models", "tier", "labels", "state", "until", "versions"),
        [
            (
                grant.body.grant_id,
                grant.body.principal,
                "certificate" if grant.body.kind == "certificate" else "key",
                ", ".join(grant.body.models),
                grant.body.tier,
                grant.body.labels or "none",
                grant.state(at_us),
                render.moment(grant.body.expires_at_us),
                "; ".join(_said(one) for one in decider.answers(grant.body.grant_id).values()) or "not asked yet",
            )
            for grant in found
        ],
        empty="No access was granted here."
        + (" The gateway answers everybody who reaches it." if departments.environment == "local" else " The gateway answers nobody."),
    )


def _said(answered: Answered) -> str:
    decision = answered.decision
    subject = decision.input.subject
    if decision.allowed:
        return f"{subject.name}:{subject.version} allowed"
    rules = ", ".join(violation.rule for violation in decision.result.violations)
    return f"{subject.name}:{subject.version} denied ({rules})"


def _as_json(departments: Departments, grant: Grant, at_us: int, decider: AccessDecider) -> dict[str, Any]:
    body = grant.body
    return {
        "grant_id": body.grant_id,
        "principal": body.principal,
        "kind": body.kind,
        "certificate_name": body.certificate_name,
        "models": list(body.models),
        "purpose": body.purpose,
        "tier": body.tier,
        "quota": body.quota.as_json(),
        "state": grant.state(at_us),
        "granted_at_us": grant.granted_at_us,
        "expires_at_us": body.expires_at_us,
        "labels": body.labels,
        "reason": body.reason,
        "signed_by": None if body.envelope is None else body.envelope.holding(AccessStatement).signer,
        "environment": departments.environment,
        "versions": [
            {
                **render.version_fields(one.decision.input.subject.name, one.decision.input.subject.version or 0),
                "allowed": one.decision.allowed,
                "decision_id": one.decision.id,
                "rules": [violation.rule for violation in one.decision.result.violations],
            }
            for one in decider.answers(body.grant_id).values()
        ],
    }
