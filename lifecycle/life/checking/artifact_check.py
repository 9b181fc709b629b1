"""Artifacts held against the ledger: the part of `lifecycle ledger verify --artifacts` that hashes every file which a record names.

A report, a bundle, a registry, a model with each of its files: who can write to the store can take one out or put another in its
place, and whoever reads it then finds out. This finds out before. It reads every byte of them once.
"""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.artifacts.store import ArtifactStore
from lifecycle.errors import LifecycleError, Unavailable, UnknownName
from lifecycle.ledger.verifying.findings import Finding
from lifecycle.records.events import Event
from lifecycle.records.manifest import ModelManifest
from lifecycle.records.record import Digest, Name

#: Parts in which a record names what no store has to hold: what lies elsewhere, stands in a record or a bundle, or is the root of a log.
ELSEWHERE: frozenset[Name] = frozenset({"source", "approval", "limits", "predictions", "refusals"})
#: Rows of datasets may have been erased; `DatasetCheck` knows what is left of them.
ROWS: frozenset[Name] = frozenset({"dataset", "remaining"})


class ArtifactCheck:
    """A `verifying.checks.Check`: every artifact is in the store, under the digest by which the first record names it."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts
        self._named: dict[Digest, tuple[int, Name]] = {}

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """Takes in what this names; says nothing before the end."""
        for link in (*event.inputs, *event.outputs):
            if link.role not in ELSEWHERE | ROWS:
                self._named.setdefault(link.digest, (index, link.role))
        yield from ()

    def end(self) -> Iterator[Finding]:
        """Each artifact that is missing or has other bytes, with the record that names it; and how much was read."""
        files = length = 0
        for digest, (index, role) in self._with_model_files():
            try:
                length += self._artifacts.fetch(digest).stat().st_size
                files += 1
            except UnknownName:
                yield Finding(index, f"the {role} that record {index} names ({digest}) is missing from the artifact store")
            except Unavailable as error:
                yield Finding(index, f"the {role} that record {index} names ({digest}) can't be looked at: {error.what}", None)
                return
            except LifecycleError as error:
                yield Finding(index, f"the {role} that record {index} names was altered: {error.what}")
        yield Finding(None, f"{files} artifacts that records name were read and hashed ({length / 1e6:.1f} MB)", None)

    def _with_model_files(self) -> Iterator[tuple[Digest, tuple[int, Name]]]:
        """Everything that is named, and behind the manifest of a model its files."""
        seen = set(self._named)
        for digest, (index, role) in self._named.items():
            yield digest, (index, role)
            for part, file in self._files(digest) if role == "model" else ():
                if file not in seen:
                    seen.add(file)
                    yield file, (index, f"{part} of the model")

    def _files(self, manifest: Digest) -> Iterator[tuple[Name, Digest]]:
        try:
            files = ModelManifest.parse(self._artifacts.read(manifest)).files
        except LifecycleError:
            return  # That the manifest can't be had is a finding of its own.
        yield from ((file.part, file.digest) for file in files)
