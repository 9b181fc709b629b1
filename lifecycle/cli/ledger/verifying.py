"""`lifecycle ledger verify`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from lifecycle.cli import render
from lifecycle.cli.options import STANDING_FILE, trust_in
from lifecycle.errors import InvalidDeclaration, LifecycleError, Tampered, Unavailable, UnknownName
from lifecycle.records.counted import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lifecycle.ledger.verifying.checks import Check
    from lifecycle.ledger.verifying.findings import Verification
    from lifecycle.proofs.trust import Trust
    from lifecycle.wiring import Departments

_LEVELS = {
    "none": "reached no level: it does not even agree with itself",
    "L0": "self-consistent; no signature of the log covers it",
    "L1": "signed by the log. Against whoever holds the log's key this proves nothing: keep a ledger checkpoint elsewhere, "
    "and pass it with --trust",
    "L2": "goes on from the ledger checkpoint that you held",
    "L3": "time-stamped by an authority that you trust",
    "L4": "cosigned by a quorum of the witnesses that you trust",
}


@click.command(short_help="Check every record, the tree, every signature and state.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option(
    "--trust",
    "trusted",
    type=STANDING_FILE,
    multiple=True,
    help="What you had before: a trust file, a verifier key, a ledger checkpoint, a witness policy, certificates. Several times.",
)
@click.option("--checkpoint", "checkpoints", type=STANDING_FILE, multiple=True, help="Another name of --trust, for a ledger checkpoint.")
@click.option("--key", "keys", type=STANDING_FILE, multiple=True, help="Another name of --trust, for the log's verifier key.")
@click.option("--url", help="Another ledger's database than this home's.")
@click.option("--structure", "structure_only", is_flag=True, help="Rows, tree and signatures only; what the records say is not read.")
@click.option("--artifacts", is_flag=True, help="Also read and hash every artifact that a record names: models, reports, bundles.")
@click.pass_context
def verify(
    ctx: click.Context,
    as_json: bool,
    trusted: tuple[Path, ...],
    checkpoints: tuple[Path, ...],
    keys: tuple[Path, ...],
    url: str | None,
    structure_only: bool,
    artifacts: bool,
) -> None:
    """Check every record, the tree, every signature and every state.

    Ends with 0 only where everything holds, with 4 where something does not. Names each record that was altered, and
    the level of assurance that is reached: L0 self-consistent, L1 signed by the log, L2 consistent with a ledger
    checkpoint that you held, L3 time-stamped, L4 cosigned by a quorum of witnesses.

    What people signed is held against the keys that the ledger gives them, what gates were shown against what was signed, and a
    decision that was rolled out is taken again by its own rules. Of another ledger (--url) as far as its documents are here.

    With --artifacts every file that a record names is read from the artifact store and hashed, those of the models included: it takes
    as long as reading them does, and names what is missing and what was swapped.

    What --trust says is what the levels above L0 rest on; get it before, and not from whom you verify. Without it the key, the
    folders, witnesses and authorities of this project are taken, which is enough to find an accident and not its operator. With it
    nothing of the project's is, but for the log's key where what you pass has none; of this home's own ledger it is told all the
    same where what this home knows itself (the signer's memory, the note beside the ledger, its folders) speaks against it. Without
    --trust that is a finding: an old copy of the ledger was put back, or its past is another.
    """
    from lifecycle.ledger.address import Address
    from lifecycle.ledger.verifying.verification import verify_ledger
    from lifecycle.proofs.trust import Trust

    if artifacts and structure_only:
        raise click.UsageError("--structure reads no record, and so knows of no artifact: leave out one of the two.")
    given = [trust_in(file) for file in (*trusted, *checkpoints, *keys)]
    trusts_this_project, knows_the_key = not given, any(part.log_keys for part in given)
    checks: list[Check] = []
    known_here: Trust | None = None
    if url is None or not knows_the_key:
        from lifecycle.wiring import Departments

        departments = Departments.here()
        if not knows_the_key:
            given.append(_key_of_home(departments))
        if url is None:
            known_here = _known_here(departments, folders=not trusts_this_project)
        if url is None and trusts_this_project:
            given += _declared(departments)
        if url is None and not structure_only:
            checks += _beside_the_ledger(departments)
        url = url or departments.settings.ledger_url
    if not structure_only:
        checks += _resting_on_documents(url, artifacts=artifacts)
    result = verify_ledger(url, None, trust=Trust.joined(given), structure_only=structure_only, checks=checks)
    if known_here is not None:
        result = _with_what_is_known(known_here, url, result, believed=trusts_this_project)
    if as_json:
        render.as_json(_result_as_json(result, url=str(Address.parse(url))))
    else:
        _show_result(result)
    if not result.ok:
        ctx.exit(Tampered.exit_code)


def _key_of_home(departments: Departments) -> Trust:
    from lifecycle.ledger.log_key.keys import read_log_key
    from lifecycle.proofs.trust import Trust

    try:
        key = read_log_key(departments.settings.home / "keys")
    except UnknownName as error:
        render.note(f"{error.what} No signature can be checked; pass a key with --trust.")
        return Trust()
    return Trust(origin=key.name, log_keys=(key,))


def _beside_the_ledger(departments: Departments) -> tuple[Check, ...]:
    """Holds what lies beside this home's ledger against it: what its gateway logged, and the rows of its datasets."""
    from lifecycle.life.checking.dataset_check import DatasetCheck
    from lifecycle.life.checking.predictions_check import PredictionsCheck
    from lifecycle.life.checking.refused_requests_check import RefusedRequestsCheck
    from lifecycle.wiring import Departments

    looking = Departments(departments.settings, make=False)
    return PredictionsCheck(looking), RefusedRequestsCheck(looking), DatasetCheck(looking)


def _resting_on_documents(url: str, *, artifacts: bool) -> tuple[Check, ...]:
    """Holds what people signed, what rests on it and what was pruned against keys, registries and policies that the ledger names.

    `artifacts`: and the store of this project against all that the ledger names.
    """
    from lifecycle.life.checking.artifact_check import ArtifactCheck
    from lifecycle.life.checking.people_check import PeopleCheck
    from lifecycle.life.checking.retention_check import RetentionCheck
    from lifecycle.wiring import Departments

    try:
        departments = Departments.here(make=False)
    except InvalidDeclaration:
        if artifacts:
            raise
        # An auditor needs no project: what the ledger itself says of keys is enough for most of it.
        return PeopleCheck(None, elsewhere=True), RetentionCheck(None, elsewhere=True)
    elsewhere = url != departments.settings.ledger_url
    stored = (ArtifactCheck(departments.artifacts),) if artifacts else ()
    return PeopleCheck(departments, elsewhere=elsewhere), RetentionCheck(departments, elsewhere=elsewhere), *stored


def _known_here(departments: Departments, *, folders: bool) -> Trust:
    """What this home knows of its own log, whatever else the verifier trusts; with what lies in its folders where that is not trusted."""
    from lifecycle.life.checking.known_checkpoints import own_notes
    from lifecycle.proofs.trust import Trust

    try:
        notes = [*own_notes(departments), *(note for one in (_declared(departments) if folders else ()) for note in one.checkpoints)]
    except LifecycleError as error:
        render.note(f"{error.what} What this home knows itself is not held against the ledger.")
        return Trust()
    if not notes:
        return Trust()
    return Trust.joined((_key_of_home(departments), Trust(checkpoints=tuple(dict.fromkeys(notes)))))


def _with_what_is_known(known: Trust, url: str, result: Verification, *, believed: bool) -> Verification:
    """With what speaks against the ledger by this home's own knowledge: told, and a finding only where the verifier brought nothing."""
    from lifecycle.ledger.verifying.findings import Assurance, Finding, level_reached
    from lifecycle.ledger.verifying.verification import verify_ledger

    if not known.checkpoints or not known.log_keys:
        return result
    told = {found.what for found in result.findings}
    against = [found for found in verify_ledger(url, None, trust=known, structure_only=True).findings if found.what not in told]
    if not believed:
        unbrought = (Finding(one.index, f"by what this home knows itself, and you did not pass: {one.what}", None) for one in against)
        return replace(result, notices=(*result.notices, *unbrought))
    findings = (*result.findings, *(Finding(one.index, f"by what this home knows itself: {one.what}", one.breaks) for one in against))
    level = level_reached(findings, [one for one in get_args(Assurance) if one <= result.level])
    return replace(result, findings=findings, level=level)


def _declared(departments: Departments) -> Iterator[Trust]:
    """What this project declares for itself, and what lies in the folders that it anchors in."""
    from lifecycle.proofs.trust import Trust

    declared = departments.anchors
    yield Trust(policies=(declared.policy,), tsa_certificates=declared.certificates)
    for folder in declared.folders:
        try:
            yield Trust(checkpoints=tuple(folder.notes(departments.settings.origin)))
        except Unavailable as error:
            render.note(f"{error.what} It is not held against the ledger.")


def _result_as_json(result: Verification, *, url: str) -> dict[str, object]:
    from lifecycle.cli.ledger.anchoring import exposure_as_json

    return {
        "ok": result.ok,
        "level": result.level,
        "ledger": url,
        "origin": result.origin,
        "size": result.size,
        "root": result.root_text,
        "records_read": result.records_read,
        "signed_size": result.signed_size,
        "unsigned": result.unsigned,
        "held_size": result.held_size,
        "stamped_size": result.stamped_size,
        "witnessed_size": result.witnessed_size,
        "exposure": exposure_as_json(result.exposure, result.size),
        "findings": [{"index": found.index, "what": found.what, "breaks": found.breaks} for found in result.findings],
        "notices": [{"index": found.index, "what": found.what} for found in result.notices],
    }


def _show_result(result: Verification) -> None:
    from lifecycle.cli.ledger.anchoring import exposure_told

    verdict = "The ledger holds" if result.ok else "The ledger does NOT hold"
    render.line(f"{verdict}: {result.origin}, {counted(result.size, 'record')}, root {result.root_text}")
    render.line(f"{result.level}  {_LEVELS[result.level]}.")
    for line in _evidence(result):
        render.line(f"    {line}")
    if not result.records_read:
        render.line("Only the structure was looked at: what the records say was not read.")
    if result.unsigned and result.signed_size:
        render.line(f"Not signed yet: the latest {result.unsigned}. `lifecycle ledger checkpoint` signs what stands.")
    if result.exposure is None and result.witnessed_size is not None:
        seen = counted(result.witnessed_size, "record")
        render.line(f"Exposure: what you hold shows {seen} seen by witnesses; no receipt of an anchor is kept here.")
    else:
        render.line(exposure_told(result.exposure, verified=True))
    for found in result.findings:
        render.line(f"  {found.breaks}  {found.what}")
    for found in result.notices:
        render.line(f"  note: {found.what}")
    if not result.ok:
        render.line("Next: keep a copy as evidence; restore a backup, or explain each finding, before anything is deployed from here.")


def _evidence(result: Verification) -> Sequence[str]:
    """What each level from L1 up rests on: how many records it covers."""
    covered = (
        ("L1", "signed by the log", result.signed_size or None),
        ("L2", "held by you", result.held_size),
        ("L3", "time-stamped", result.stamped_size),
        ("L4", "cosigned by a quorum", result.witnessed_size),
    )
    broken = {found.breaks for found in result.findings}
    return [
        f"{level} {what}: {counted(size, 'record')}{', which does not hold: see below' if level in broken else ''}"
        for level, what, size in covered
        if size is not None
    ]
