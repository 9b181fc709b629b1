"""`lifecycle ledger roles`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render

if TYPE_CHECKING:
    from lifecycle.ledger.storage.roles import Rights


@click.command()
@click.option("--app", metavar="ROLE", help="Who appends: Dagster's runs, the gateway, the command line.")
@click.option("--signer", metavar="ROLE", help="Who keeps ledger checkpoints and receipts of anchors. Left out, the app does.")
@click.option("--keeper", metavar="ROLE", help="Who erases, prunes and mends projections. Left out, only the owner can.")
@click.option("--reader", metavar="ROLE", help="Who only looks: auditors, dashboards.")
@click.option(
    "--owner", metavar="ROLE", default="ledger_owner", show_default=True, help="Who owns tables and functions; nobody logs in as it."
)
@click.option("--apply", "applied", is_flag=True, help="Make it so on this home's ledger, instead of printing the SQL.")
@click.option("--url", help="Another ledger's database than this home's.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON: the statements, or what each role may do.")
def roles(
    app: str | None,
    signer: str | None,
    keeper: str | None,
    reader: str | None,
    owner: str,
    applied: bool,
    url: str | None,
    as_json: bool,
) -> None:
    """Take apart who owns, appends, signs, keeps and reads a ledger on Postgres.

    With --app it prints the SQL that makes the roles and gives each one what its part needs, for whoever administers the server to
    read and run; with --apply it runs it, as the role in the ledger's URL, and makes the ledger first where there is none yet. Without
    --app it shows what every role that can log in may do now.

    The app's role can change, delete or empty nothing: it appends through functions that work out place, hash and head from the bytes.
    """
    if app is None:
        if applied or signer or keeper or reader:
            raise click.UsageError("Say with --app who appends.")
        _show_rights(url or _home_url(), as_json)
        return
    from lifecycle.ledger.storage.roles import Roles, apply

    named = Roles(app=app, owner=owner, signer=signer, keeper=keeper, reader=reader)
    if applied:
        from lifecycle.settings import Settings

        settings = Settings.from_environment()
        target = url or settings.ledger_url
        apply(target, named, origin=settings.origin)
        _show_rights(target, as_json)
    elif as_json:
        render.as_json(list(named.statements()))
    else:
        for statement in named.statements():
            render.line(f"{statement};")


def _home_url() -> str:
    from lifecycle.settings import Settings

    return Settings.from_environment().ledger_url


def _show_rights(url: str, as_json: bool) -> None:
    from lifecycle.ledger.storage.roles import rights

    found = rights(url)
    if as_json:
        render.as_json([dataclasses.asdict(one) for one in found])
        return
    render.table(("role", "reads", "appends", "signs", "prunes", "rewrites the past", "because"), [_row(one) for one in found])


def _row(one: Rights) -> tuple[str | None, ...]:
    may = tuple("yes" if right else None for right in (one.reads, one.appends, one.signs, one.prunes, one.rewrites or one.owns))
    return (one.role, *may, "administers the server" if one.administers else "is an owner" if one.owns else None)
