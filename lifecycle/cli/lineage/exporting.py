"""`lifecycle lineage export`."""

from __future__ import annotations

from pathlib import Path

import click

from lifecycle.cli import render
from lifecycle.cli.options import require_model

#: As `lineage.export.FORMATS` has them; a help page does not load what writes them.
FORMS = ("openlineage", "prov", "cyclonedx", "in-toto")


@click.command(short_help="Write the lineage in a format that other tools read.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    required=True,
    help="OpenLineage run events, W3C PROV-JSON, a CycloneDX 1.6 ML-BOM, or in-toto attestations with SLSA provenance.",
)
@click.option("--model", help="One model only.")
@click.option("--version", "number", type=click.IntRange(min=1), help="One version of that model only.")
@click.option(
    "--key",
    type=click.Path(dir_okay=False, path_type=Path),
    help="What signs in-toto, a private key on P-256; the home's own otherwise.",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="A folder to write to; standard output without it.")
def export(form: str, model: str | None, number: int | None, key: Path | None, out: Path | None) -> None:
    """Write the lineage of everything, of one model or of one version.

    The four formats carry the same nodes and the same edges. The same ledger gives the same bytes. Every record carries its ledger
    index, and the newest ledger checkpoint is in the export. in-toto statements are signed, in DSSE envelopes, one a line.
    """
    from lifecycle.life.lineage import signer_for, write_files
    from lifecycle.lineage.export import export as export_of
    from lifecycle.wiring import Departments

    require_model(model, number)
    departments = Departments.here(make=False)
    signer = signer_for(departments, form, key)
    files = export_of(departments.ledger, form, model=model, version=number, signer=signer)
    if out is None:
        for content in files.values():
            click.echo(content.decode(), nl=not content.endswith(b"\n"))
        return
    for path in write_files(out, files):
        render.line(str(path))
