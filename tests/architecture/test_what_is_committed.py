"""What stands in the repository: the lock that everybody installs from, and what must never stand in it."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parents[2]
LOCK = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
PINS = re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", LOCK, re.MULTILINE)
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ASKED = [*PROJECT["dependencies"], *(name for extra in PROJECT["optional-dependencies"].values() for name in extra)]


def committed() -> list[Path]:
    """The files that git knows; none where this is an unpacked archive."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is not a git checkout")
    return [REPOSITORY / name for name in listed.stdout.split("\0") if name and (REPOSITORY / name).is_file()]


@pytest.mark.parametrize("asked", ASKED)
def test_what_is_asked_for_is_locked(asked: str) -> None:
    """Each requirement of pyproject.toml is met by a pin of the lock."""
    requirement = Requirement(asked)
    versions = [version for name, version in PINS if name == requirement.name.lower()]
    assert versions, "run `make lock`"
    assert all(requirement.specifier.contains(version) for version in versions)


def test_every_pin_has_its_hashes() -> None:
    """Nothing is installed whose bytes were not seen when the lock was made."""
    entries = re.split(r"\n(?=[a-z0-9])", LOCK[LOCK.index(PINS[0][0] + "==") :])
    assert len(entries) == len(PINS)
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_names_no_address() -> None:
    """Where packages come from is the affair of whoever installs them."""
    assert not re.search(r"https?://|index-url|find-links", LOCK)


def test_no_private_key_is_committed() -> None:
    """The demo makes its people's keys in its home; none was ever in the repository."""
    pem = re.compile(rb"^-----BEGIN [A-Z ]*PRIVATE KEY-----\s*$", re.MULTILINE)
    assert [path.name for path in committed() if pem.search(path.read_bytes())] == []


def test_nothing_that_executes_when_it_is_loaded_is_committed() -> None:
    """No pickle, no joblib, no torch archive: a model is plain data everywhere."""
    assert [path.name for path in committed() if path.suffix in {".pkl", ".pickle", ".joblib", ".pt", ".pth", ".npy"}] == []
