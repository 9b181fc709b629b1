"""governance/anchors.yaml: what is declared becomes anchors, and what would be none is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.anchors.authority import AuthorityAnchor
from lifecycle.anchors.declaration import DeclaredAnchors, declared_anchors
from lifecycle.anchors.folder import FolderAnchor
from lifecycle.anchors.git import GitAnchor
from lifecycle.anchors.witness import WitnessAnchor
from lifecycle.errors import InvalidDeclaration
from tests.anchors.authority import LocalAuthority
from tests.witness.logs import SIGNER

HEAD = "schema_version: lifecycle.anchors/1\n"


@pytest.fixture
def project(tmp_path: Path, authority: LocalAuthority) -> Path:
    folder = tmp_path / "governance"
    folder.mkdir()
    (folder / "tsa.pem").write_text(authority.root, encoding="utf-8")
    policy = f"witness w1 {SIGNER.verifier} https://w1.example/\nquorum w1\n"
    (folder / "witnesses.policy").write_text(policy, encoding="utf-8")
    return folder


def declared(project: Path, text: str) -> DeclaredAnchors:
    (project / "anchors.yaml").write_text(HEAD + text, encoding="utf-8")
    return declared_anchors(project / "anchors.yaml", project.parent / "home")


def test_a_project_without_the_file_declares_nothing(project: Path) -> None:
    """Which is what most begin with."""
    assert declared_anchors(project / "anchors.yaml", project.parent / "home") == DeclaredAnchors()


def test_every_kind_is_made_of_what_is_declared(project: Path, authority: LocalAuthority) -> None:
    """Paths are as seen from the file; witnesses come from the policy."""
    found = declared(
        project,
        """
anchors:
  - {name: archive, kind: folder, path: ../archive}
  - {name: auditor, kind: git, remote: "ssh://git@example.org/anchors.git"}
  - {name: near, kind: git, remote: ../near.git, branch: logs/ledger}
  - {name: clock, kind: timestamp, url: "https://tsa.example/", certificates: tsa.pem}
witnesses: witnesses.policy
schedule: "0 * * * *"
""",
    )
    home = project.parent / "home"
    assert found.anchors == (
        FolderAnchor("archive", project.parent / "archive"),
        GitAnchor("auditor", "ssh://git@example.org/anchors.git", "ledger", home / "anchors" / "auditor.git"),
        GitAnchor("near", str(project.parent / "near.git"), "logs/ledger", home / "anchors" / "near.git"),
        AuthorityAnchor("clock", "https://tsa.example/", (authority.root,)),
        WitnessAnchor("w1", "https://w1.example/", SIGNER.verifier),
    )
    assert (found.certificates, found.policy.quorum, found.schedule) == ((authority.root,), "w1", "0 * * * *")


def test_an_empty_declaration_has_no_schedule(project: Path) -> None:
    """Nothing is to be anchored in."""
    assert declared(project, "anchors: []\n").schedule is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("anchors: [{name: a, kind: folder, path: ../home/anchors}]", "lies at .*with the ledger itself"),
        ("anchors: [{name: a, kind: git, remote: ../home/a.git}]", "with the ledger itself"),
        ('anchors: [{name: a, kind: git, remote: "ext::sh -c id"}]', "no remote of git"),
        ('anchors: [{name: a, kind: git, remote: "--upload-pack=id"}]', "no remote of git"),
        ('anchors: [{name: a, kind: git, remote: "https://bot:TOKEN@example.org/a.git"}]', "holds a password"),
        ('anchors: [{name: a, kind: git, remote: x, branch: "-f"}]', "branch"),
        ("anchors: [{name: a, kind: timestamp, url: 'file:///etc/passwd', certificates: tsa.pem}]", "no address of an anchor"),
        ("anchors: [{name: a, kind: timestamp, url: 'https://x', certificates: none.pem}]", "none.pem can't be read"),
        ("anchors: [{name: a, kind: timestamp, url: 'https://x', certificates: witnesses.policy}]", "no certificate"),
        ("anchors: [{name: a, kind: folder, path: x}, {name: a, kind: folder, path: y}]", "two anchors go by the name 'a'"),
        ("anchors: [{name: a, kind: carrier_pigeon, path: x}]", "anchors.0"),
        ("witnesses: tsa.pem", "Line 1 of the witness policy"),
        ('schedule: "61 * * * *"', "schedule"),
        ("anchors: [{name: a, kind: folder, path: x}]\nanchors: []", "'anchors' stands twice"),
    ],
)
def test_what_would_be_no_anchor_is_refused_by_name(project: Path, text: str, named: str) -> None:
    """The file is named, and what is wrong with it."""
    with pytest.raises(InvalidDeclaration, match=named) as refused:
        declared(project, text)
    assert "anchors.yaml" in refused.value.what


def test_an_authority_without_a_certificate_is_refused(project: Path) -> None:
    """Its stamps could not be checked by anybody."""
    (project / "tsa.pem").write_text("", encoding="utf-8")
    with pytest.raises(InvalidDeclaration):
        declared(project, "anchors: [{name: a, kind: timestamp, url: 'https://x', certificates: tsa.pem}]")
