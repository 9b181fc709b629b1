"""The files of a pack that records name by their digest, and why those that are named and not packed are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lifecycle.errors import UnknownName
from lifecycle.evidence.selection import Row, event_in
from lifecycle.lineage.ports import HeldArtifacts
from lifecycle.records.manifest import ModelManifest
from lifecycle.records.record import Digest, JsonObject, Version, canonical_bytes

#: A model of more bytes than this stays where it is; its manifest, which has the digest of every file, is packed.
LARGEST_MODEL = 64 * 1024 * 1024
#: Roles of which the digest alone is evidence, and why.
_LEFT_OUT = {
    "dataset": "its rows may be personal",
    "remaining": "its rows may be personal",
    "source": "it lies where the data came from",
    "approval": "what was signed stands in the record",
    "limits": "they are part of the policy bundle",
    "predictions": "it is the root over rows of the prediction log",
    "refusals": "it is the root over lines of the log of refused requests",
}
_ENDINGS = {"report_html": ".html", "signing_key": ".pem"}


@dataclass(frozen=True)
class ProvenFile:
    """One file: where it lies in the pack, and in which part a record names it. Its bytes are read when they are written: a year has
    more of them than memory.
    """

    path: str
    role: str
    digest: Digest
    #: In bytes.
    size: int
    read: Callable[[], bytes]


@dataclass
class ProvenFiles:
    """What was found for the records of a pack."""

    files: dict[Digest, ProvenFile] = field(default_factory=dict)
    #: (role, digest) and why.
    left_out: dict[tuple[str, Digest], str] = field(default_factory=dict)

    def add(self, role: str, digest: Digest, read: Callable[[], bytes], name: str = "") -> bytes:
        """Takes a file in under a name that says what it is, and gives its bytes; `read` gives the same again."""
        content = read()
        path = f"proven/{name or role.replace('_', '-') + '-' + digest[7:19] + _ENDINGS.get(role, _ending(content))}"
        self.files.setdefault(digest, ProvenFile(path, role, digest, len(content), read))
        return content


def proven_files(rows: Iterable[Row], artifacts: HeldArtifacts, version: Version | None) -> ProvenFiles:
    """The files behind these records: of one version its own, of a period (no version) all.

    Raises Tampered where the store holds other bytes than a record names.
    """
    found = ProvenFiles()
    other: dict[tuple[str, Digest], str] = {}
    rows = tuple(rows)
    own_models = {digest for row in rows if row.subject_version == version for role, digest in _named(event_in(row)) if role == "model"}
    for row in rows:
        event = event_in(row)
        belongs = version is None or row.subject_version in (version, None)
        for role, digest in _named(event):
            if role in _LEFT_OUT:
                found.left_out[role, digest] = _LEFT_OUT[role]
            # What is on no version may name the models of several: a segment of predictions, those that answered in it.
            # Whose keys count is known from the registry that a decision names, whichever version it was about.
            elif (not belongs and role != "people") or (version is not None and role == "model" and digest not in own_models):
                other[role, digest] = "it belongs to another version, which has a pack of its own"
            elif digest not in found.files:
                _take(found, artifacts, role, digest)
        if belongs and row.type == "DecisionMade" and event:
            decision = _decision_in(row)
            name = f"input-{decision['gate'].replace('_', '-')}-{row.leaf_index:06}.json"
            found.add("input", decision["input_digest"], partial(_input_of, row), name)
    found.left_out |= {key: why for key, why in other.items() if key[1] not in found.files and key not in found.left_out}
    return found


def _take(found: ProvenFiles, artifacts: HeldArtifacts, role: str, digest: Digest) -> None:
    try:
        content = found.add(role, digest, partial(artifacts.read, digest))
    except UnknownName:
        found.left_out[role, digest] = "the artifact store does not hold it"
        return
    if role != "model":
        return
    manifest = ModelManifest.parse(content)
    if sum(file.size for file in manifest.files) > LARGEST_MODEL:
        found.left_out["model files", digest] = f"they are larger than {LARGEST_MODEL // 1024**2} MiB; the manifest has their digests"
        return
    for file in manifest.files:
        if artifacts.has(file.digest):
            found.add(file.part, file.digest, partial(artifacts.read, file.digest), f"model-{digest[7:19]}/{file.path}")
        else:
            found.left_out[file.part, file.digest] = "the artifact store does not hold it"


def _decision_in(row: Row) -> Any:
    body: Any = event_in(row)["body"]
    return body["decision"]


def _input_of(row: Row) -> bytes:
    """What a gate was asked about, as its digest is over it."""
    return canonical_bytes(_decision_in(row)["input"])


def _named(event: JsonObject) -> Iterator[tuple[str, Digest]]:
    for end in ("inputs", "outputs"):
        links: Any = event.get(end, [])
        yield from ((link["role"], link["digest"]) for link in links)


def _ending(content: bytes) -> str:
    return ".json" if content[:1] in (b"{", b"[") else ".bin"
