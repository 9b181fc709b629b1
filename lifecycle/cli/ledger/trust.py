"""`lifecycle ledger trust` and `rotate-key`."""

from __future__ import annotations

from pathlib import Path

import click

from lifecycle.cli import render
from lifecycle.cli.options import write_named

#: As in `ledger.rotating`, which takes longer to import than this help takes to print.
OVERLAP = 1_000


@click.command(short_help="Write what an auditor carries off, to verify against later.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write, instead of printing it.")
def trust(out: Path | None) -> None:
    """Write the trust file of today: what an auditor carries off, to hold this ledger against it later.

    It has the log's verifier keys and the sizes that each may sign, the witnesses and time-stamp authorities that this
    project declares, and the ledger checkpoint of now. Whoever verifies passes it with `lifecycle ledger verify --trust FILE`.
    It proves something to them only if they had it before: what comes with the ledger speaks for itself.
    """
    from lifecycle.life.trusting import trust_file
    from lifecycle.wiring import Departments

    content = trust_file(Departments.here()).canonical() + b"\n"
    if out is None:
        click.echo(content, nl=False)
        return
    write_named(out, content)
    render.line(f"{out}: {len(content)} bytes. Give it to whoever will verify, before they need it.")


@click.command("rotate-key", short_help="Give the ledger another key; both sign the change.")
@click.option("--reason", required=True, help="Why, for whoever reads the ledger later.")
@click.option(
    "--overlap", type=click.IntRange(min=0), default=OVERLAP, show_default=True, help="For how many more records both keys sign; 0: none."
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def rotate_key(reason: str, overlap: int, as_json: bool) -> None:
    """Give the ledger another key. The signer's process makes it; the change is an event that both keys sign.

    Until the overlap is over every ledger checkpoint is signed by both keys, so that whoever knows the old one finds the new one in the
    ledger. After that the old key's private half is destroyed. For a key that somebody else may have, take `--overlap 0`, and
    give every verifier the new trust file by another way: the thief can sign such a change as well.
    """
    from lifecycle.life.recording import require_prose
    from lifecycle.life.signing import change_key
    from lifecycle.wiring import Departments

    require_prose(reason, "A change of the log's key")
    departments = Departments.here()
    note = change_key(departments, reason, overlap)
    keys = departments.ledger_keys
    if as_json:
        known = [{"key": str(key), "from_size": key.from_size, "until_size": key.until_size} for key in keys]
        render.as_json({"log_keys": known, "checkpoint": note})
        return
    for key in keys:
        until = "on" if key.until_size is None else f"to {key.until_size}"
        render.line(f"{key}  signs ledger checkpoints of {key.from_size} records {until}")
    render.line("Give verifiers the new trust file: `lifecycle ledger trust --out FILE`.")
