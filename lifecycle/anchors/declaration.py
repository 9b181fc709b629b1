"""governance/anchors.yaml: which anchors see the ledger, how often, and which of their keys are believed.

    schema_version: lifecycle.anchors/1
    anchors:
      - {name: archive, kind: folder, path: /mnt/archive/ledger}
      - {name: auditor, kind: git, remote: "ssh://git@example.org/anchors.git", branch: ledger}
      - {name: clock, kind: timestamp, url: "https://tsa.example.org", certificates: tsa.pem}
    witnesses: witnesses.policy        # a C2SP tlog-policy; each witness with a URL is an anchor
    schedule: "*/30 * * * *"

Paths are as seen from the folder of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from lifecycle.anchors.anchor import Anchor
from lifecycle.anchors.authority import AuthorityAnchor
from lifecycle.anchors.folder import FolderAnchor
from lifecycle.anchors.git import GitAnchor
from lifecycle.anchors.posting import require_http
from lifecycle.anchors.witness import WitnessAnchor
from lifecycle.errors import InvalidDeclaration, LifecycleError
from lifecycle.proofs.trust import Trust
from lifecycle.proofs.witness_policy import WitnessPolicy
from lifecycle.records.cron import Cron
from lifecycle.records.documents import parse_yaml
from lifecycle.records.record import Name, Record


class DeclaredFolder(Record):
    name: Name
    kind: Literal["folder"]
    path: str


class DeclaredGit(Record):
    name: Name
    kind: Literal["git"]
    remote: str
    branch: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,100}$")] = "ledger"


class DeclaredAuthority(Record):
    name: Name
    kind: Literal["timestamp"]
    url: str
    #: A PEM file: the authority's root, and whatever its answers do not bring along.
    certificates: str


class AnchorsFile(Record):
    """The form of the file."""

    schema_version: Literal["lifecycle.anchors/1"]
    anchors: tuple[Annotated[DeclaredFolder | DeclaredGit | DeclaredAuthority, Field(discriminator="kind")], ...] = ()
    witnesses: str | None = None
    schedule: Cron = "*/30 * * * *"


@dataclass(frozen=True)
class DeclaredAnchors:
    """What a project declares; nothing, where it has no such file."""

    anchors: tuple[Anchor, ...] = ()
    policy: WitnessPolicy = field(default_factory=WitnessPolicy)
    #: PEM certificates of the time-stamp authorities.
    certificates: tuple[str, ...] = ()
    schedule: str | None = None

    @property
    def folders(self) -> tuple[FolderAnchor, ...]:
        return tuple(anchor for anchor in self.anchors if isinstance(anchor, FolderAnchor))


def declared_anchors(file: Path, home: Path) -> DeclaredAnchors:
    """The anchors of an anchors.yaml; none where there is no such file. `home` is what no anchor may lie in.

    Raises InvalidDeclaration that names the file and what is wrong with it.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return DeclaredAnchors()
    except (OSError, UnicodeError) as error:
        raise InvalidDeclaration(f"{file} can't be read: {error}.", "Give yourself read access, or correct it.") from error
    try:
        said = AnchorsFile.of(parse_yaml(text, str(file)))
        policy = _policy(file.parent / said.witnesses) if said.witnesses else WitnessPolicy()
        anchors = (*(_made(declared, file.parent, home) for declared in said.anchors), *_witnesses(policy))
    except LifecycleError as error:
        raise InvalidDeclaration(f"{file}: {error.what}", error.next_step) from error
    names = [anchor.name for anchor in anchors]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidDeclaration(f"{file}: two anchors go by the name {twice[0]!r}.", "Give each a name of its own.")
    certificates = tuple(pem for anchor in anchors if isinstance(anchor, AuthorityAnchor) for pem in anchor.certificates)
    return DeclaredAnchors(anchors, policy, tuple(dict.fromkeys(certificates)), said.schedule if anchors else None)


def _made(declared: DeclaredFolder | DeclaredGit | DeclaredAuthority, beside: Path, home: Path) -> Anchor:
    if isinstance(declared, DeclaredFolder):
        path = (beside / declared.path).resolve()
        _require_outside(path, home, declared.name)
        return FolderAnchor(declared.name, path)
    if isinstance(declared, DeclaredGit):
        return GitAnchor(declared.name, _remote(declared, beside, home), declared.branch, home / "anchors" / f"{declared.name}.git")
    require_http(declared.url)
    certificates = Trust.read(_text(beside / declared.certificates)).tsa_certificates
    if not certificates:
        raise InvalidDeclaration(f"{declared.certificates} holds no certificate.", "Name a PEM file with the authority's root.")
    return AuthorityAnchor(declared.name, declared.url, certificates)


#: An address with a user and a password in it.
_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/@]*:[^/@]*@")


def _remote(declared: DeclaredGit, beside: Path, home: Path) -> str:
    """The address as git takes it. A `transport::address` is refused: it runs any program."""
    if declared.remote.startswith("-") or "::" in declared.remote:
        raise InvalidDeclaration(f"{declared.remote!r} is no remote of git.", "Give an address or a folder.")
    if _PASSWORD.match(declared.remote):
        raise InvalidDeclaration(
            f"The remote of the anchor {declared.name} holds a password, which would stand in lists of processes and in receipts.",
            "Leave it to git: a credential helper, or an SSH key of the user who anchors.",
        )
    if ":" in declared.remote:
        return declared.remote
    path = (beside / declared.remote).resolve()
    _require_outside(path, home, declared.name)
    return str(path)


def _witnesses(policy: WitnessPolicy) -> Iterable[Anchor]:
    for witness in policy.witnesses:
        if witness.url is not None:
            require_http(witness.url)
            yield WitnessAnchor(witness.name, witness.url, witness.key)


def _policy(file: Path) -> WitnessPolicy:
    return WitnessPolicy.parse(_text(file))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise InvalidDeclaration(
            f"{file} can't be read: {error}.", "Name a file that is there, from the folder of anchors.yaml."
        ) from error


def _require_outside(path: Path, home: Path, name: str) -> None:
    if path.is_relative_to(home):
        raise InvalidDeclaration(
            f"The anchor {name} lies at {path}, with the ledger itself: whoever can rewrite the one can rewrite the other.",
            "Choose a place that the ledger's operator can't rewrite: another machine's share, a write-once medium.",
        )
