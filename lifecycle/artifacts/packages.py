"""Packages: a model as a manifest and exactly the files that it lists. The manifest's digest is the model's.

A package lies in the store by digest, and in a folder as `manifest.json` beside its five parts. Nothing else may lie
in that folder, so that nothing unsigned can be picked up from it.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from lifecycle.artifacts.backends import answering, write_atomically
from lifecycle.artifacts.formats import check_part
from lifecycle.errors import MalformedRecord, Refused, Tampered
from lifecycle.records.manifest import FILE_NAMES, PARTS, ManifestFile, ModelManifest, Part
from lifecycle.records.record import Digest, Name, digest_of

MANIFEST_NAME = "manifest.json"
PACKAGE_NAMES = frozenset({MANIFEST_NAME, *FILE_NAMES.values()})


class PackageStore(Protocol):
    """Bytes by digest, checked whenever they are read."""

    def put(self, content: bytes) -> Digest: ...

    def read(self, digest: Digest) -> bytes: ...


def pack(store: PackageStore, *, model: Name, dataset_digest: Digest, parts: Mapping[Part, bytes]) -> tuple[ModelManifest, Digest]:
    """Stores the parts and their manifest; returns the manifest and its digest, which is the model's.

    Raises Refused or MalformedRecord, and stores nothing, where a part is missing, unknown or not what it must be.
    """
    unknown, missing = sorted(set(parts) - set(PARTS)), [part for part in PARTS if part not in parts]
    if unknown or missing:
        raise Refused(
            f"A package of {model} can't be made: unknown parts {unknown}, missing parts {missing}.",
            f"Give exactly the parts {', '.join(PARTS)}.",
        )
    for part in FILE_NAMES:
        check_part(part, parts[part])
    files = tuple(
        ManifestFile(part=part, path=name, digest=store.put(parts[part]), size=len(parts[part])) for part, name in FILE_NAMES.items()
    )
    manifest = ModelManifest(model=model, dataset_digest=dataset_digest, files=files)
    return manifest, store.put(manifest.canonical())


def read_manifest(store: PackageStore, model_digest: Digest) -> ModelManifest:
    """The manifest of a model. Raises UnknownName, Tampered, or MalformedRecord where the digest is of something else."""
    return _canonical_manifest(store.read(model_digest), model_digest)


def read_parts(store: PackageStore, model_digest: Digest) -> dict[Part, bytes]:
    """The parts of a model as bytes, each checked against the manifest, and safe to load."""
    parts: dict[Part, bytes] = {}
    for file in read_manifest(store, model_digest).files:
        content = store.read(file.digest)
        if len(content) != file.size:
            raise _other_bytes(file.path)
        check_part(file.part, content)
        parts[file.part] = content
    return parts


def unpack(store: PackageStore, model_digest: Digest, folder: Path) -> ModelManifest:
    """Makes the folder hold the package. A new folder appears whole; in one that is there, only wrong files are replaced.

    Raises Refused, and writes nothing, where the folder holds anything else, and whatever `read_parts` raises.
    """
    content = store.read(model_digest)
    manifest = _canonical_manifest(content, model_digest)
    parts = read_parts(store, model_digest)
    wanted = {MANIFEST_NAME: content, **{FILE_NAMES[part]: found for part, found in parts.items()}}
    if folder.exists():
        _refuse_strangers(folder)
    with answering(str(folder)):
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Made beside the folder and not in it: what a crash leaves over must never lie among the files that are loaded.
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            fresh.chmod(0o755)
            for name, expected in wanted.items():
                write_atomically(fresh / name, (expected,))
            _put_in_place(fresh, folder, wanted)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return manifest


def _put_in_place(fresh: Path, folder: Path, wanted: Mapping[str, bytes]) -> None:
    try:
        fresh.rename(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        for name, expected in wanted.items():
            path = folder / name
            if not (path.is_file() and path.read_bytes() == expected):
                (fresh / name).replace(path)


def check_folder(folder: Path) -> tuple[ModelManifest, Digest]:
    """The manifest in an unpacked folder and the model's digest, after every file was found to be the one it lists.

    Raises Refused for a file that is no part, Tampered for one that is missing or has other bytes.
    """
    _refuse_strangers(folder)
    content = _read_file(folder / MANIFEST_NAME)
    manifest = _canonical_manifest(content, digest_of(content))
    for file in manifest.files:
        found = _read_file(folder / file.path)
        if len(found) != file.size or digest_of(found) != file.digest:
            raise _other_bytes(file.path)
    return manifest, digest_of(content)


def _canonical_manifest(content: bytes, digest: Digest) -> ModelManifest:
    manifest = ModelManifest.parse(content)
    if manifest.canonical() != content:
        raise MalformedRecord(f"{digest} says what a manifest says, but not in its canonical bytes.", "Make packages with `pack`.")
    return manifest


def _refuse_strangers(folder: Path) -> None:
    """Anything but the files of a package: other names, folders, and links, which lead out of it."""
    try:
        strangers = sorted(
            entry.name for entry in folder.iterdir() if entry.name not in PACKAGE_NAMES or entry.is_symlink() or not entry.is_file()
        )
    except FileNotFoundError as error:
        raise Tampered(f"The package folder {folder.name} is gone.", "Unpack the model again.") from error
    if strangers:
        raise Refused(
            f"{', '.join(strangers)} in {folder.name} is no part of a package; nothing of this folder is loaded.",
            f"A package holds {', '.join(sorted(PACKAGE_NAMES))} and nothing else; unpack the model into a folder of its own.",
        )


def _read_file(path: Path) -> bytes:
    try:
        with answering(str(path)):
            return path.read_bytes()
    except FileNotFoundError as error:
        raise Tampered(f"{path.name} is missing from its package.", "Unpack the model again.") from error


def _other_bytes(name: str) -> Tampered:
    return Tampered(f"{name} is not the file that its manifest lists.", "Keep it for whoever investigates, and unpack the model again.")
