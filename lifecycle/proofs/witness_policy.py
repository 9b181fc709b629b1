"""Which witnesses a verifier believes, and how many of them it takes (C2SP tlog-policy).

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <name>…
    quorum <name>|none

A name is defined before it is used, so that no group can contain itself; a member counts in one group only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Self, TypeVar

from lifecycle.errors import LifecycleError, MalformedRecord
from lifecycle.proofs.cosignatures import WitnessKey
from lifecycle.proofs.notes import VerifierKey

NO_QUORUM = "none"

_Key = TypeVar("_Key", VerifierKey, WitnessKey)

_SPACE = re.compile(r"[ \t]+")
_ALLOWED = re.compile(r"[\t\n\x20-\x7e\x80-\U0010ffff]*")
_COUNT = re.compile(r"[1-9][0-9]{0,3}")


@dataclass(frozen=True)
class Witness:
    """A witness by the name that the policy gives it; the URL is where it takes checkpoints, if it says so."""

    name: str
    key: WitnessKey
    url: str | None = None


@dataclass(frozen=True)
class Group:
    """Counts as a witness where at least `threshold` of its members do."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class WitnessPolicy:
    """A policy that was parsed, or the one that asks for nothing."""

    logs: tuple[VerifierKey, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str = NO_QUORUM

    @classmethod
    def parse(cls, text: str) -> Self:
        """A policy from its text. Raises MalformedRecord that names the line."""
        reading = _Reading()
        if not _ALLOWED.fullmatch(text):
            raise MalformedRecord("The witness policy has control characters.", "Only tabs and newlines may stand in one.")
        for number, line in enumerate(text.split("\n"), start=1):
            words = _SPACE.split(line.strip(" \t"))
            if words != [""] and not words[0].startswith("#"):
                reading.line(number, words)
        if reading.quorum is None:
            raise MalformedRecord("The witness policy has no quorum.", "Add a line such as `quorum none`, or `quorum NAME`.")
        return cls(tuple(reading.logs), tuple(reading.witnesses), tuple(reading.groups), reading.quorum)

    @property
    def asks_for_witnesses(self) -> bool:
        return self.quorum != NO_QUORUM

    @property
    def keys(self) -> tuple[WitnessKey, ...]:
        return tuple(witness.key for witness in self.witnesses)

    def satisfied_by(self, cosigned: Collection[WitnessKey]) -> bool:
        """Whether cosignatures by these keys are a quorum."""
        count = {witness.name: witness.key in cosigned for witness in self.witnesses}
        for group in self.groups:
            count[group.name] = sum(count[member] for member in group.members) >= group.threshold
        return not self.asks_for_witnesses or count[self.quorum]

    def __str__(self) -> str:
        """The policy as a file, without comments."""
        logs = [f"log {key}" for key in self.logs]
        witnesses = [" ".join(filter(None, ("witness", known.name, str(known.key), known.url))) for known in self.witnesses]
        groups = [f"group {group.name} {group.threshold} {' '.join(group.members)}" for group in self.groups]
        return "\n".join((*logs, *witnesses, *groups, f"quorum {self.quorum}", ""))


@dataclass
class _Reading:
    """A policy while its lines are read."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    quorum: str | None = None
    _defined: set[str] = field(default_factory=lambda: {NO_QUORUM})
    _members: set[str] = field(default_factory=set)

    def line(self, number: int, words: list[str]) -> None:
        kinds: dict[str, tuple[Callable[[int, list[str]], None], range]] = {
            "log": (self._log, range(2, 4)),
            "witness": (self._witness, range(3, 5)),
            "group": (self._group, range(4, 10_000)),
            "quorum": (self._quorum, range(2, 3)),
        }
        if words[0] not in kinds:
            raise _wrong(number, f"{words[0]!r} is no kind of line")
        take, lengths = kinds[words[0]]
        if len(words) not in lengths:
            raise _wrong(number, f"a line {words[0]!r} does not have {len(words)} words")
        take(number, words)

    def _log(self, number: int, words: list[str]) -> None:
        key = _parsed(number, partial(VerifierKey.parse, words[1]))
        if key.public in {known.public for known in self.logs}:
            raise _wrong(number, "this log stands there already")
        self.logs.append(key)

    def _witness(self, number: int, words: list[str]) -> None:
        key = _parsed(number, partial(WitnessKey.parse, words[2]))
        if key.public in {known.key.public for known in self.witnesses}:
            raise _wrong(number, "this witness stands there already, under whatever name")
        self._define(number, words[1])
        self.witnesses.append(Witness(words[1], key, words[3] if len(words) > 3 else None))

    def _group(self, number: int, words: list[str]) -> None:
        _, name, threshold, *members = words
        for member in members:
            if member not in self._defined - {NO_QUORUM}:
                raise _wrong(number, f"{member!r} is not defined above")
            if member in self._members:
                raise _wrong(number, f"{member!r} is a member already, and counts once")
            self._members.add(member)
        wanted = {"all": len(members), "any": 1}.get(threshold)
        if wanted is None and _COUNT.fullmatch(threshold):
            wanted = int(threshold)
        if wanted is None or not 1 <= wanted <= len(members):
            raise _wrong(number, f"{threshold!r} of {len(members)} members can't be")
        self._define(number, name)
        self.groups.append(Group(name, wanted, tuple(members)))

    def _quorum(self, number: int, words: list[str]) -> None:
        if self.quorum is not None:
            raise _wrong(number, "a policy has one quorum")
        if words[1] not in self._defined:
            raise _wrong(number, f"{words[1]!r} is not defined above")
        self.quorum = words[1]

    def _define(self, number: int, name: str) -> None:
        if name in self._defined:
            raise _wrong(number, f"the name {name!r} is taken")
        self._defined.add(name)


def _parsed(number: int, parse: Callable[[], _Key]) -> _Key:
    try:
        return parse()
    except LifecycleError as error:
        raise _wrong(number, error.what) from error


def _wrong(number: int, why: str) -> MalformedRecord:
    return MalformedRecord(f"Line {number} of the witness policy: {why.rstrip('.')}.", "Correct it; the form is C2SP's tlog-policy.")
