"""The bundle: every file that a decision depends on, under one digest.

Its document is the canonical JSON of all files. Stored by that digest, it is all that is needed to take a decision
again years later; from it both engines get the same modules and the same data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal

from lifecycle.errors import InvalidDeclaration, MalformedRecord
from lifecycle.policy.limits import LimitSet
from lifecycle.policy.rules import Module, Rule, read_module
from lifecycle.records.gates import GateInput
from lifecycle.records.record import Digest, JsonObject, Record, canonical_bytes, digest_of, parse_json

#: The data under which an engine may find something, and so the roots that a bundle owns on a server.
ROOTS = ("gov", "rules", "limits", "bundle")


class BundleDocument(Record):
    """The bytes of a bundle: file names, relative to governance, and their text."""

    schema_version: Literal["lifecycle.bundle/1"] = "lifecycle.bundle/1"
    files: dict[str, str]


@dataclass(frozen=True, repr=False)
class Bundle:
    """Policies, limits and canaries, read and checked. `revision` is its digest: what is asked for is what is loaded."""

    files: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Bundle({self.digest})"

    @classmethod
    def load(cls, governance: Path) -> Bundle:
        """The bundle of a governance folder.

        Raises InvalidDeclaration for a folder without policies, and for a file that does not declare what it must,
        by file and line.
        """
        found = [
            *sorted((governance / "policies").rglob("*.rego")),
            *sorted((governance / "policies" / "canaries").glob("*.json")),
            *sorted((governance / "limits").glob("*.yaml")),
        ]
        texts = {}
        for path in found:
            if path.name.endswith("_test.rego"):
                continue
            name = path.relative_to(governance).as_posix()
            try:
                texts[name] = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise InvalidDeclaration(f"{name} can't be read: {error}.", "Make it a readable UTF-8 file.") from error
        return cls(texts).checked(str(governance))

    @classmethod
    def parse(cls, document: bytes) -> Bundle:
        """The bundle whose document this is, as it was stored. Raises MalformedRecord or InvalidDeclaration."""
        return cls(BundleDocument.parse(document).files).checked("the stored bundle")

    def checked(self, source: str) -> Bundle:
        """This bundle, after everything in it was read once."""
        if not self.modules:
            raise InvalidDeclaration(f"There are no policies in {source}.", "Put the gates into governance/policies/gates.")
        if not self.limit_sets:
            raise InvalidDeclaration(f"There are no limits in {source}.", "Put at least one set into governance/limits.")
        _ = self.rules, self.canaries
        return self

    @cached_property
    def document(self) -> bytes:
        """The canonical bytes that the digest is of."""
        return BundleDocument(files=dict(self.files)).canonical()

    @cached_property
    def digest(self) -> Digest:
        return digest_of(self.document)

    @property
    def revision(self) -> str:
        return self.digest

    @cached_property
    def modules(self) -> dict[str, str]:
        """The Rego files by name."""
        return {name: text for name, text in self.files.items() if name.endswith(".rego")}

    @cached_property
    def _declared(self) -> tuple[Module, ...]:
        return tuple(read_module(name, text) for name, text in self.modules.items())

    @cached_property
    def rules(self) -> dict[str, dict[str, Rule]]:
        """The rules of each gate by their ids: what its `decision` says applies, from the packages that it names."""
        packages: dict[str, list[Rule]] = {}
        for module in self._declared:
            packages.setdefault(module.package, []).extend(module.rules)
        gates: dict[str, dict[str, Rule]] = {}
        for module in self._declared:
            if not module.applies:
                continue
            gate = module.package.removeprefix("gov.")
            applying = [rule for package in module.applies for rule in packages.get(package, ())]
            ids = [rule.id for rule in applying]
            missing = [package for package in module.applies if not packages.get(package)]
            if missing or len(set(ids)) != len(ids):
                wrong = f"{', '.join(missing)} declare no rules" if missing else "one id is declared twice"
                raise InvalidDeclaration(f"{module.path}: in what `decision` applies, {wrong}.", "Name packages with rules, each id once.")
            gates[gate] = {rule.id: rule for rule in applying}
        return gates

    @cached_property
    def leaves_out(self) -> dict[str, tuple[str, ...]]:
        """For each gate the paths of its input that no rule of it reads, as its `decision` says."""
        return {module.package.removeprefix("gov."): module.leaves_out for module in self._declared if module.applies}

    @cached_property
    def limit_sets(self) -> dict[str, LimitSet]:
        """The sets of limits by name."""
        return {
            PurePosixPath(name).stem: LimitSet.read(PurePosixPath(name).stem, text)
            for name, text in self.files.items()
            if name.startswith("limits/")
        }

    @cached_property
    def limits_digest(self) -> Digest:
        return digest_of(canonical_bytes({name: text for name, text in self.files.items() if name.startswith("limits/")}))

    @cached_property
    def canaries(self) -> dict[str, GateInput]:
        """For each gate an input that it must allow: the proof, at every start, that it is the gate that answers."""
        found = {}
        for name, text in self.files.items():
            if not name.startswith("policies/canaries/"):
                continue
            try:
                found[PurePosixPath(name).stem] = GateInput.parse(text)
            except MalformedRecord as error:
                raise InvalidDeclaration(f"{name} is not an input of a gate: {error.what}", "Correct the named fields.") from error
        without = sorted(set(self.rules) - set(found))
        if without:
            raise InvalidDeclaration(
                f"The gates {', '.join(without)} have no canary.",
                "Put an input that they must allow into governance/policies/canaries/<gate>.json.",
            )
        return found

    @cached_property
    def data(self) -> JsonObject:
        """The base document of the engines, in which whole numbers are whole numbers."""
        value: JsonObject = {
            "rules": {gate: {rule.id: rule.as_data() for rule in rules.values()} for gate, rules in self.rules.items()},
            "limits": {name: limits.as_data() for name, limits in self.limit_sets.items()},
            "bundle": {"digest": self.digest},
        }
        parsed = parse_json(canonical_bytes(value))
        assert isinstance(parsed, dict)
        return parsed
