"""`lifecycle lineage package`."""

from __future__ import annotations

from pathlib import Path

import click

from lifecycle.cli import render


@click.command(name="package", short_help="Write a version's files with their signature.")
@click.argument("version")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="A folder to write to.")
def package(version: str, out: Path) -> None:
    """Write the files of VERSION (such as credit:7) to OUT/model, and beside that its OpenSSF Model Signing bundle and the public key.

    Whoever gets the folder verifies it without Lifecycle, with the command that is printed at the end. The key is the one that this
    environment trusts: get it from somewhere else as well, or the folder vouches for itself.
    """
    from lifecycle.life.gates.standing import parse_version
    from lifecycle.life.lineage import write_package
    from lifecycle.wiring import Departments

    written = write_package(Departments.here(make=False), *parse_version(version), out)
    for path in (written.folder, written.signature, written.public_key):
        render.line(str(path))
    render.note(
        f"model_signing verify key {written.folder} --signature {written.signature} --public_key {written.public_key}"
        " verifies it; the digest of manifest.json is the model's."
    )
