"""The evidence pack: one file from which an auditor verifies, offline and without our software, what happened to a version.

What lies where is told by `layout.CONTENTS`. Nothing in it is to be trusted because it is in it: `verify.py` says what that leaves.
The same ledger gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from lifecycle.errors import Tampered
from lifecycle.evidence.anchored import Receipt, anchor_files
from lifecycle.evidence.layout import FIRST, leaf_path, tile_files, verifier, write_zip
from lifecycle.evidence.packed_ledger import PackedLedger
from lifecycle.evidence.proven import ProvenFile, ProvenFiles, proven_files
from lifecycle.evidence.selection import Row, Selection
from lifecycle.lineage.ports import HeldArtifacts
from lifecycle.proofs.dsse import Signer, pre_authentication
from lifecycle.proofs.merkle import root_of
from lifecycle.proofs.notes import Checkpoint
from lifecycle.records.record import Digest, JsonObject, Microseconds, Name, Version, canonical_bytes, digest_of

PACK_TYPE = "application/vnd.lifecycle.pack+json"


@dataclass(frozen=True)
class Log:
    """The log as it was signed: its latest checkpoint, the hash of every leaf under it, and what anchors said to have seen."""

    note: str
    hashes: Sequence[bytes]
    receipts: Sequence[Receipt] = ()

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint.parse(self.note)


@dataclass(frozen=True)
class Scope:
    """What a pack is of: one version, or a period."""

    model: Name | None = None
    version: Version | None = None
    since_us: Microseconds | None = None
    until_us: Microseconds | None = None

    def __str__(self) -> str:
        return f"{self.model}:{self.version}" if self.version is not None else self.model or "everything"


@dataclass(frozen=True)
class Packed:
    """A pack that was written: what went into it, how long it is, and its digest."""

    scope: Scope
    length: int
    digest: Digest
    size: int
    records: int
    files: int
    #: Why files that records name are not in it, and how many for each reason.
    left_out: Mapping[str, int]

    def as_json(self) -> JsonObject:
        """What went into it, as a JSON object."""
        return {
            "of": str(self.scope),
            "records": self.records,
            "ledger_size": self.size,
            "files": self.files,
            "bytes": self.length,
            "digest": self.digest,
            "left_out": dict(self.left_out),
        }


@dataclass(frozen=True)
class Draft:
    """A pack before it is closed: what pages and exports are made from."""

    scope: Scope
    log: Log
    selection: Selection
    proven: ProvenFiles

    @property
    def ledger(self) -> PackedLedger:
        """The packed records, to be read like a ledger."""
        return PackedLedger(tuple(self.selection.ordered()), self.log.checkpoint.size, self.log.note)


def drafted(scope: Scope, log: Log, selection: Selection, artifacts: HeldArtifacts) -> Draft:
    """A pack's records and the files behind them. Raises Tampered where a record or a file is not what was signed."""
    if root_of(log.hashes) != log.checkpoint.root_hash:
        raise _altered(f"The {len(log.hashes)} leaves of the ledger do not lead to the root that was signed.")
    rows = selection.ordered()
    for row in rows:
        if log.hashes[row.leaf_index] != row.leaf_hash:
            raise _altered(f"Record {row.leaf_index} of the ledger ({row.type}) was altered.")
    return Draft(scope, log, selection, proven_files(rows, artifacts, scope.version))


def write_pack(target: IO[bytes], draft: Draft, views: Mapping[str, bytes], signer: Signer) -> Packed:
    """The pack: the draft, the views that were made from it, what verifies it, and the signature over the list of it all.

    `target` is an empty file, to write and to read.
    """
    proven = draft.proven
    proven.add("signing_key", digest_of(signer.public_pem), lambda: signer.public_pem)
    rows = draft.selection.ordered()
    leaves = {leaf_path(row.leaf_index, row.type): row.stored for row in rows if row.stored is not None}
    anchors = anchor_files(draft.log.receipts, draft.log.checkpoint.size)
    others = {**views, **anchors.files, "verify.py": verifier()}
    about: dict[str, Any] = {
        "schema_version": "lifecycle.pack/1",
        "origin": draft.log.checkpoint.origin,
        "size": draft.log.checkpoint.size,
        "model": draft.scope.model,
        "version": draft.scope.version,
        "since_us": draft.scope.since_us,
        "until_us": draft.scope.until_us,
        "range": list(draft.selection.span),
        "streams": dict(draft.selection.streams),
        "leaves": [_listed(row) for row in rows],
        "proven": [{"path": file.path, "role": file.role, "digest": file.digest} for file in _by_path(proven)],
        "views": [{"path": path, "digest": digest_of(content)} for path, content in sorted(others.items())],
        "left_out": [{"role": role, "digest": digest, "why": why} for (role, digest), why in sorted(proven.left_out.items())],
        "notes": anchors.notes,
        "stamps": anchors.stamps,
        "signing_key": digest_of(signer.public_pem),
    }
    listed = canonical_bytes(about)
    signature = base64.b64encode(signer.sign(pre_authentication(PACK_TYPE, listed)))
    files: dict[str, bytes | Callable[[], bytes]] = {
        **leaves,
        **{file.path: file.read for file in proven.files.values()},
        **others,
        **tile_files(draft.log.hashes),
        "checkpoint": draft.log.note.encode(),
        "pack.json": listed,
        "pack.sig": signature + b"\n",
    }
    write_zip(target, files, [path for path in FIRST if path in files])
    length = target.tell()
    target.seek(0)
    hashed = hashlib.sha256()
    while part := target.read(1 << 20):
        hashed.update(part)
    digest = f"sha256:{hashed.hexdigest()}"
    return Packed(draft.scope, length, digest, draft.log.checkpoint.size, len(rows), len(files), Counter(proven.left_out.values()))


def _listed(row: Row) -> JsonObject:
    path = "" if row.stored is None else leaf_path(row.leaf_index, row.type)
    return {"index": row.leaf_index, "path": path, "subject": {"kind": row.subject_kind, "name": row.subject_name}}


def _by_path(proven: ProvenFiles) -> list[ProvenFile]:
    return sorted(proven.files.values(), key=lambda file: file.path)


def _altered(what: str) -> Tampered:
    return Tampered(what, "Run `lifecycle ledger verify`, keep a copy as evidence, and restore a backup.")
