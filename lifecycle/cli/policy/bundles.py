"""`lifecycle policy diff`, `build`, `sign` and `push`: the policies as one file that decides elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.cli.options import STANDING_FILE
from lifecycle.errors import InvalidDeclaration, UnknownName

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    from lifecycle.policy.bundle import Bundle
    from lifecycle.wiring import Departments

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Show what differs between two bundles.")
@click.argument("one")
@click.argument("other", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the changes as JSON.")
def diff(one: str, other: str | None, as_json: bool) -> None:
    """Show what changes from ONE to OTHER (from ONE to governance/ without it): gates, rules, limits and files.

    Each is a folder laid out like governance/, a file that `lifecycle policy build` wrote, or the digest of a bundle that
    decided here once. What a change would have decided otherwise, `lifecycle policy backtest` shows.
    """
    from lifecycle.policy.comparing import changes

    departments = _here()
    before = _bundle_of(departments, one)
    after = _bundle_of(departments, other or str(departments.settings.project / "governance"))
    found = changes(before, after)
    if as_json:
        listed = [{"kind": c.kind, "name": c.name, "before": c.before, "after": c.after} for c in found]
        render.as_json({"before": before.digest, "after": after.digest, "changes": listed})
        return
    render.table(
        ("what", "name", "before", "after"), [(c.kind, c.name, c.before, c.after) for c in found], empty="The two are the same bundle."
    )


@click.command(short_help="Write the bundle, signed, for OPA servers and the embedded engine.")
@click.argument("file", type=_FILE)
@click.option("--key", type=STANDING_FILE, help="The key that signs it (`lifecycle keys new FILE --policy` makes one).")
@click.option("--json", "as_json", is_flag=True, help="Print the revision, and who signed it, as JSON.")
def build(file: Path, key: Path | None, as_json: bool) -> None:
    """Write the bundle of governance/ to FILE (.tar.gz), and print the revision that its decisions will name.

    An OPA server loads it, and so does the embedded engine (LIFECYCLE_POLICY_BUNDLE), after the same verification. Without
    --key it is not signed; `lifecycle policy sign` does that later.
    """
    from lifecycle.policy.archive import packed, read_private_key

    bundle = _bundle_of(_here(), None)
    private = None if key is None else read_private_key(key)
    _write(file, packed(bundle, private))
    _written(file, bundle, private, as_json)


@click.command(short_help="Sign a bundle that was built.")
@click.argument("file", type=STANDING_FILE)
@click.option("--key", type=STANDING_FILE, required=True, help="The key that signs it (`lifecycle keys new FILE --policy` makes one).")
@click.option("--json", "as_json", is_flag=True, help="Print the revision, and who signed it, as JSON.")
def sign(file: Path, key: Path, as_json: bool) -> None:
    """Sign the bundle in FILE, in place of the signature that it has, and print its revision.

    Every file in it is first held against its own document: what was changed by hand is not signed.
    """
    from lifecycle.policy.archive import packed, read_archive, read_private_key

    bundle, private = read_archive(file, None), read_private_key(key)
    _write(file, packed(bundle, private))
    _written(file, bundle, private, as_json)


@click.command(short_help="Put a signed bundle where OPA servers fetch it, and wait until one runs it.")
@click.argument("file", type=STANDING_FILE)
@click.argument("to", metavar="URL")
@click.option("--key", type=STANDING_FILE, help="The public key that it must be signed with. Default: LIFECYCLE_POLICY_KEY.")
@click.option("--wait", "seconds", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds to wait for the server.")
@click.option("--json", "as_json", is_flag=True, help="Print where it lies, and which server decides by it, as JSON.")
def push(file: Path, to: str, key: Path | None, seconds: float, as_json: bool) -> None:
    """Put the signed bundle FILE at URL (a file, S3, GCS or Azure address that OPA servers fetch their bundle from).

    First every gate of it is asked its canaries: one that would stay shut is not shipped. Nothing is ever pushed into a server: a
    server that takes pushes takes them from anybody. Where LIFECYCLE_OPA_URL names one, it is then asked until it decides by the
    new revision. What serves goes on serving, whatever the new policies would say to it; the next question is theirs.
    """
    from lifecycle.policy.archive import archive_in, read_public_key, unpacked
    from lifecycle.policy.canaries import sing
    from lifecycle.policy.embedded import EmbeddedEngine
    from lifecycle.policy.shipping import await_revision, ship

    departments = _here()
    trusted = key or departments.settings.policy_key
    if trusted is None:
        raise InvalidDeclaration(
            "Which key must have signed this bundle is not said.", "Pass --key, or set LIFECYCLE_POLICY_KEY to the public key."
        )
    archive = archive_in(file)
    bundle = unpacked(archive, read_public_key(trusted))
    sing(EmbeddedEngine(bundle), bundle)
    ship(archive, to)
    if not as_json:
        render.line(f"{bundle.revision} lies at {to}")
    settings = departments.settings
    if settings.opa_url is not None:
        await_revision(settings.opa_url, settings.opa_token, bundle, ca_file=settings.opa_ca, seconds=seconds)
    if as_json:
        render.as_json({"revision": bundle.revision, "url": to, "server": settings.opa_url})
    elif settings.opa_url is not None:
        render.line(f"The server at {settings.opa_url} decides by it.")


def _bundle_of(departments: Departments, what: str | None) -> Bundle:
    """The bundle of a folder, of a built file, or of a digest that the artifact store has; of governance/ for None."""
    from lifecycle.policy.archive import read_archive
    from lifecycle.policy.bundle import Bundle

    if what is None:
        return Bundle.load(departments.settings.project / "governance")
    if what.startswith("sha256:"):
        return Bundle.parse(departments.artifacts.read(what))
    path = Path(what)
    if path.is_dir():
        return Bundle.load(path)
    if not path.exists():
        raise UnknownName(
            f"{what!r} is no folder, no file and no bundle.",
            "Name a folder laid out like governance/, what `lifecycle policy build` wrote, or a whole digest (sha256:…): "
            "`lifecycle policy explain DECISION --json` has those that decided.",
        )
    return read_archive(path, None)


def _written(file: Path, bundle: Bundle, key: EllipticCurvePrivateKey | None, as_json: bool) -> None:
    from lifecycle.policy.archive import key_name

    if as_json:
        signed_by = None if key is None else key_name(key.public_key())
        render.as_json({"file": str(file), "revision": bundle.revision, "signed_by": signed_by})
    else:
        render.line(bundle.revision)


def _write(file: Path, content: bytes) -> None:
    from lifecycle.policy.shipping import ship

    ship(content, file.absolute().as_uri())


def _here() -> Departments:
    from lifecycle.wiring import Departments

    return Departments.here(make=False)
