"""Attacks on a bundle on its way to the servers: what lies there is what was judged, and goes nowhere else."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cli import main
from lifecycle.errors import MalformedRecord
from lifecycle.policy import canaries
from lifecycle.policy.archive import create_key, packed, read_private_key, unpacked
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.shipping import ship


def test_a_bundle_that_is_swapped_while_its_gates_are_asked_is_not_the_one_that_is_shipped(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write the file has seconds between its verification and its shipping: what was verified is what goes."""
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(repository))
    key, file, served = tmp_path / "policy.key", tmp_path / "bundle.tar.gz", tmp_path / "served" / "bundle.tar.gz"
    served.parent.mkdir()
    create_key(key)
    good = packed(Bundle.load(repository / "governance"), read_private_key(key))
    file.write_bytes(good)
    asked = canaries.sing

    def swapped(*of: Any) -> None:
        asked(*of)
        file.write_bytes(b"everything is allowed")

    monkeypatch.setattr(canaries, "sing", swapped)
    assert main.run(["policy", "push", str(file), served.as_uri(), "--key", str(key.with_suffix(".pub"))]) == 0
    assert file.read_bytes() != good
    assert served.read_bytes() == good


def test_a_link_that_waits_beside_the_bundle_is_not_written_through(tmp_path: Path) -> None:
    """The folder that servers fetch from may be shared: a link under the name of an unfinished file led to any file of the pusher's."""
    mine, served = tmp_path / "mine", tmp_path / "served" / "bundle.tar.gz"
    served.parent.mkdir()
    mine.write_bytes(b"mine")
    (served.parent / ".bundle.tar.gz.part").symlink_to(mine)
    ship(b"archive", served.as_uri())
    assert mine.read_bytes() == b"mine"
    assert served.read_bytes() == b"archive"


def test_a_small_bundle_that_unfolds_without_end_is_cut() -> None:
    """Nobody's signature was looked at yet: a hundred kilobytes must not take the memory of whoever reads them."""
    bomb = gzip.compress(bytes(100 << 20))
    assert len(bomb) < 1 << 20
    with pytest.raises(MalformedRecord, match="more than"):
        unpacked(bomb, None)


def test_a_bundle_that_is_broken_inside_is_named_so(repository: Path) -> None:
    """A byte that no compressor wrote, behind a head that is right."""
    whole = bytearray(packed(Bundle.load(repository / "governance")))
    whole[10:200] = b"\xff" * 190
    with pytest.raises(MalformedRecord, match="no gzipped tar"):
        unpacked(bytes(whole), None)
