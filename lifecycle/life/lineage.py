"""Writing the lineage of what happened to files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lifecycle.errors import Unavailable, UnknownName
from lifecycle.records.record import Digest, digest_of
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.artifacts.statement_signing import StatementSigner


@dataclass(frozen=True)
class ExportedLineage:
    """What was written: each file with its bytes, and how many records it tells of."""

    files: dict[Path, bytes]
    size: int

    @property
    def digest(self) -> Digest:
        """Of all that was written, file after file."""
        return digest_of(b"".join(self.files.values()))


def export_lineage(departments: Departments, folder: Path) -> ExportedLineage:
    """Writes the lineage of the whole ledger, read once, in every format, each in a folder of its own. Same ledger and key, same bytes.

    What is signed is signed by the key that signs models here, made if need be. Raises Unavailable where a file can't be written.
    """
    from lifecycle.artifacts.statement_signing import StatementSigner
    from lifecycle.lineage.export import FORMATS, lineage_of, written

    lineage, signer = lineage_of(departments.ledger), StatementSigner.read(departments.signing_key)
    made = {form: written(lineage, form, signer) for form in FORMATS}
    for form, files in made.items():
        write_files(folder / form, files)
    return ExportedLineage({folder / form / name: content for form, files in made.items() for name, content in files.items()}, lineage.size)


def signer_for(departments: Departments, form: str, key: Path | None = None) -> StatementSigner | None:
    """What signs an export in this format: the key in this file, or the one that signs models here; None where it is not signed.

    No key is made for it. Raises UnknownName where there is none, Unavailable where it can't be read.
    """
    from lifecycle.artifacts.signing import PRIVATE_NAME
    from lifecycle.artifacts.statement_signing import StatementSigner
    from lifecycle.lineage.export import SIGNED

    if form not in SIGNED:
        return None
    return StatementSigner.read(key or departments.settings.home / "keys" / PRIVATE_NAME)


@dataclass(frozen=True)
class WrittenPackage:
    """A version's files in a folder, and beside it what verifies them."""

    folder: Path
    signature: Path
    public_key: Path


def write_package(departments: Departments, model: str, version: int, out: Path) -> WrittenPackage:
    """Writes a version's files, its signature and the public key, after the signature was found to hold over exactly these files.

    Raises UnknownName for a version that there is not or a key that is not here, Tampered where a file or the signature is another one.
    """
    from lifecycle.artifacts.packages import unpack
    from lifecycle.artifacts.signing import PUBLIC_NAME, verify_folder
    from lifecycle.life.gates.standing import body_of, trained
    from lifecycle.records.bodies.training import ModelTrained

    body = body_of(trained(departments, model, version), ModelTrained)
    key = departments.settings.home / "keys" / PUBLIC_NAME
    try:
        public = key.read_bytes()
    except OSError as error:
        raise UnknownName(f"There is no public key {key}.", "Take the signing.pub of the home in which the model was trained.") from error
    signature = departments.artifacts.read(body.signature_digest)
    unpack(departments.artifacts, body.model_digest, out / "model")
    verify_folder(out / "model", signature, key)
    write_files(out, {"signature.json": signature, PUBLIC_NAME: public})
    return WrittenPackage(out / "model", out / "signature.json", out / PUBLIC_NAME)


def write_files(folder: Path, files: dict[str, bytes]) -> list[Path]:
    """Writes files into a folder, made where there is none; returns their paths. Raises Unavailable where they can't be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in sorted(files.items()):
            (folder / name).write_bytes(content)
    except OSError as error:
        raise Unavailable(f"{folder} can't be written: {error.strerror}.", "Choose a folder that you can write.") from error
    return [folder / name for name in sorted(files)]
