"""`lifecycle status`: what serves, what waits for whom, and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lifecycle.cli import render
from lifecycle.records.counted import counted

if TYPE_CHECKING:
    from lifecycle.life.overview import Overview
    from lifecycle.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
def status(as_json: bool) -> None:
    """Show what serves, what waits for whom, and what failed.

    Read from the ledger, which is the truth; the gateway is only asked where it listens.
    """
    from lifecycle.life.overview import overview
    from lifecycle.wiring import Departments

    departments = Departments.here(make=False)
    found = overview(departments)
    if as_json:
        render.as_json(_as_json(found))
        return
    _print(found, departments.settings)


def _as_json(found: Overview) -> dict[str, Any]:
    from lifecycle.cli.ledger.anchoring import exposure_as_json
    from lifecycle.life.gates.standing import parse_version

    return {
        "environment": found.environment,
        "serving": [{**render.version_fields(v.model, v.version), "digest": v.digest} for v in found.serving],
        "versions": [{**render.version_fields(v.model, v.version), "digest": v.digest, "state": v.state} for v in found.versions],
        "waiting": [
            {
                **render.version_fields(*parse_version(wait.name)),
                "digest": wait.digest,
                "decision": wait.decision_id,
                "missing": [{"role": need.role, "count": wait.missing(need)} for need in wait.required],
                "since_us": wait.since_us,
                "expires_at_us": wait.expires_at_us,
            }
            for wait in found.waiting
        ],
        "reviews": [
            {
                **render.version_fields(one.model, one.version),
                "event": one.event_id,
                "what": one.what,
                "happened_at_us": one.happened_at_us,
                "due_at_us": one.due_at_us,
            }
            for one in found.reviews
        ],
        "may_serve_no_more": [
            {**render.version_fields(one.model, one.version), "decision": one.decision_id, "event": one.event_id, "why": one.why}
            for one in found.outstanding
        ],
        "failed": [{"what": f.what, "kind": f.kind, "why": f.why, "at_us": f.at_us} for f in found.failures],
        "gateway": {"running": found.gateway.running, "url": found.gateway.url},
        "ledger": {
            "url": found.ledger_url,
            "size": found.ledger_size,
            "root": found.ledger_root,
            "exposure": exposure_as_json(found.exposure, found.ledger_size),
        },
    }


def _print(found: Overview, settings: Settings) -> None:
    from lifecycle.cli.ledger.anchoring import exposure_told

    render.table(
        ("version", "state", "digest"),
        [(f"{v.model}:{v.version}", v.state, render.short(v.digest)) for v in found.versions],
        title=f"Versions in {found.environment}",
        empty="No version of anything was trained here yet. `lifecycle train MODEL` makes one.",
    )
    for wait in found.waiting:
        render.line(f"{wait.says}, until {render.moment(wait.expires_at_us)}")
        render.line(f"  lifecycle approve {wait.name} --as ID --key FILE --reason TEXT")
        render.line(f"  or at the approval desk: {settings.desk.page(wait.name)}")
    for gone in found.outstanding:
        render.line(f"{gone.model}:{gone.version} may serve no more: {gone.why}.")
        takes_out = (
            "The gateway takes it out within seconds." if found.gateway.running else "No gateway runs here: one that starts takes it out."
        )
        render.line(f"  {takes_out}")
    for one in found.reviews:
        render.line(f"{one.model}:{one.version}: a {one.what} must be reviewed until {render.moment(one.due_at_us)}")
        render.line(f"  lifecycle review {one.event_id} --as ID --key FILE --reason TEXT")
    if found.failures:
        render.table(
            ("when", "what", "kind", "why"),
            [(render.moment(f.at_us), f.what, f.kind, f.why) for f in found.failures],
            title="What failed, newest first",
        )
    where = found.gateway.url or f"the controller of a cluster (process {found.gateway.pid})"
    render.line(f"Gateway: {where if found.gateway.running else 'not running (`lifecycle gateway start`)'}")
    render.line(f"Ledger: {counted(found.ledger_size, 'event')}, root {found.ledger_root[:16]}… (`lifecycle ledger verify`)")
    render.line(exposure_told(found.exposure))
