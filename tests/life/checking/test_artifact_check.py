"""Artifacts held against the ledger: what is missing and what was swapped is named, with the record that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.ledger.verifying.findings import Finding
from lifecycle.life.checking.artifact_check import ArtifactCheck
from lifecycle.records.record import Digest
from tests.evidence.house import House, lived

pytestmark = pytest.mark.xdist_group("evidence")


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A house in which a version serves."""
    return lived(tmp_path / "house")


def found(house: House) -> list[Finding]:
    check = ArtifactCheck(house.artifacts)
    events = house.ledger.events()
    return [*(one for recorded in events for one in check.look_at(recorded.index, recorded.event)), *check.end()]


def file_of(house: House, digest: Digest) -> Path:
    return next(path for path in (house.folder / "artifacts").rglob(digest.removeprefix("sha256:")))


def test_a_whole_store_is_read_and_its_size_told(house: House) -> None:
    """Nothing is found, and a reader learns what it cost."""
    (notice,) = [one for one in found(house) if "signature" not in one.what]
    assert notice.breaks is None
    assert "artifacts that records name were read and hashed" in notice.what


@pytest.mark.parametrize("what", ["report 1", "bundle", "people"])
def test_swap_a_report_a_bundle_or_the_people(house: House, what: str) -> None:
    """Attack: other bytes lie under the digest that records name."""
    digest = house.keep(what)
    path = file_of(house, digest)
    path.chmod(0o644)
    path.write_bytes(b'{"says": "all is well"}')
    (finding,) = [one for one in found(house) if one.breaks == "L0"]
    assert digest in finding.what
    assert "was altered" in finding.what


def test_swap_a_model_file(house: House) -> None:
    """Attack: the manifest is what was signed, and one of the files that it lists has other bytes."""
    from lifecycle.records.manifest import ModelManifest

    trained = house.ledger.events(types=("ModelTrained",), version=1)[0]
    assert trained.event.subject.digest is not None
    file = ModelManifest.parse(house.artifacts.read(trained.event.subject.digest)).files[0]
    path = file_of(house, file.digest)
    path.chmod(0o644)
    path.write_bytes(b"another model")
    (finding,) = [one for one in found(house) if one.breaks == "L0"]
    assert (finding.index, f"the {file.part} of the model" in finding.what) == (trained.index, True)


def test_take_an_artifact_away(house: House) -> None:
    """Attack: what nobody can read, nobody can hold against anybody."""
    digest = house.keep("page 1")
    file_of(house, digest).unlink()
    (finding,) = [one for one in found(house) if one.breaks == "L0"]
    assert f"({digest}) is missing from the artifact store" in finding.what
