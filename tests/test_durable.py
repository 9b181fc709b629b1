"""Files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle import durable
from lifecycle.artifacts.backends import write_atomically
from lifecycle.ledger.log_key.keys import publish
from lifecycle.ledger.log_key.signing import SignersMemory
from lifecycle.proofs.merkle import Frontier
from lifecycle.proofs.notes import SigningKey
from lifecycle.serving.folder import write_durably
from lifecycle.witness.memory import WitnessMemory


def test_a_file_is_replaced_by_what_is_on_the_disk_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its content is synced before it takes the name, and the folder after."""
    file, synced = tmp_path / "state", list[tuple[str, bytes]]()

    def seen(handle: int) -> None:
        synced.append((Path(f"/proc/self/fd/{handle}").readlink().name, file.read_bytes()))

    file.write_bytes(b"old")
    monkeypatch.setattr("os.fsync", seen)
    durable.replace(file, b"new", mode=0o644)
    beside, folder = synced
    assert beside[0] != "state"
    assert beside[0].endswith(durable.UNFINISHED)
    assert beside[1] == b"old"
    assert folder == (tmp_path.name, b"new")
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing beside it."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "state"
    durable.replace(file, b"old")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        durable.replace(file, b"new")
    with pytest.raises(OSError, match="No space"):
        durable.create_once(tmp_path / "other", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("state", b"old")]


def test_what_is_made_once_is_never_written_again(tmp_path: Path) -> None:
    """Whoever was a moment faster; and only its owner can read it."""
    file = tmp_path / "key"
    durable.create_once(file, (b"the ", b"first"))
    with pytest.raises(FileExistsError):
        durable.create_once(file, b"the second")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("key", b"the first")]
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_a_killed_writer_left_is_swept_away(tmp_path: Path) -> None:
    """And nothing else."""
    for name in (".key.0a1b.part", ".other.0a1b.part", "key"):
        (tmp_path / name).write_bytes(b"x")
    durable.sweep(tmp_path / "key")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.0a1b.part", "key"]


@pytest.mark.parametrize("name", ["lock", "."])
def test_a_lock_is_held_by_one(tmp_path: Path, name: str) -> None:
    """On a file that it makes, or on a folder; given back at its end."""
    path = tmp_path / name
    with durable.locked(path), pytest.raises(BlockingIOError), durable.locked(path, wait=False):
        pass
    with durable.locked(path, shared=True), durable.locked(path, shared=True, wait=False):
        pass


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: publish(folder, SigningKey.generate("example.org/log").verifier),
        lambda folder: SignersMemory(folder / "ledger.state").keep("example.org/log", Frontier()),
        lambda folder: WitnessMemory(folder).keep("example.org/log", "a note"),
        lambda folder: write_durably(folder / "address", b"{}"),
        lambda folder: write_atomically(folder / "artifact", (b"content",)),
    ],
    ids=["public key", "signer's memory", "witness's memory", "gateway", "artifact"],
)
def test_what_must_outlive_a_crash_is_synced_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    """Both, by everyone who writes such a file: this is what keeps a fresh writer from forgetting one of the two."""
    synced = []
    monkeypatch.setattr("os.fsync", lambda handle: synced.append(Path(f"/proc/self/fd/{handle}").readlink()))
    write(tmp_path)
    assert len(synced) == 2
    assert synced[0].name.endswith(durable.UNFINISHED)
    assert synced[1] == tmp_path
