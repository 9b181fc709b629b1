"""The ledger as static tiles: every file is what C2SP's tlog-tiles says, read back by a reader of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.errors import InvalidDeclaration, Tampered, Unavailable
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.tiles import export_tiles, tile_path
from lifecycle.proofs.cosignatures import WitnessSigner, cosignatures
from lifecycle.proofs.merkle import leaf_hash, node_hash
from lifecycle.proofs.notes import Checkpoint, VerifierKey, open_note
from tests.ledger.happenings import happening, tamper
from tests.ledger.places import EVERY_DATABASE

WIDTH = 256


def fill(ledger: Ledger, count: int) -> None:
    with ledger.writing() as writer:
        writer.append_all([happening(number) for number in range(count)])


def naive_root(hashes: list[bytes]) -> bytes:
    """RFC 6962 §2.1 by its definition."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(naive_root(hashes[:split]), naive_root(hashes[split:]))


def read_back(folder: Path) -> tuple[Checkpoint, list[bytes]]:
    """The checkpoint and the entries of an export, every tile of every level held against the definition on the way."""
    checkpoint = Checkpoint.parse((folder / "checkpoint").read_text(encoding="utf-8"))
    entries: list[bytes] = []
    for number in range(-(-checkpoint.size // WIDTH)):
        width = min(WIDTH, checkpoint.size - number * WIDTH)
        bundle = (folder / "tile" / "entries" / tile_path(number, width)).read_bytes()
        while bundle:
            length = int.from_bytes(bundle[:2], "big")
            entries.append(bundle[2 : 2 + length])
            bundle = bundle[2 + length :]
    hashes, level = [leaf_hash(entry) for entry in entries], 0
    while hashes:
        tiles = [hashes[at : at + WIDTH] for at in range(0, len(hashes), WIDTH)]
        for number, tile in enumerate(tiles):
            assert (folder / "tile" / str(level) / tile_path(number, len(tile))).read_bytes() == b"".join(tile)
        hashes, level = [naive_root(tile) for tile in tiles if len(tile) == WIDTH], level + 1
    return checkpoint, entries


@EVERY_DATABASE
@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 700])
def test_every_tile_and_bundle_is_what_the_specification_says(
    ledger: Ledger, log_key: VerifierKey, tmp_path: Path, signed: Callable[[], str], size: int
) -> None:
    """Partial and full tiles, and levels above only over full ones."""
    fill(ledger, size)
    note = signed()
    exported = export_tiles(ledger.url, tmp_path / "tiles")
    checkpoint, entries = read_back(tmp_path / "tiles")
    assert checkpoint == open_note(note, [log_key])
    assert entries == [ledger.stored(index) for index in range(size)]
    assert checkpoint.root_hash == naive_root([leaf_hash(entry) for entry in entries])
    assert (exported.size, exported.first_entry) == (size, 0)
    assert exported.files == sum(1 for path in (tmp_path / "tiles").rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("number", "width", "path"),
    [(0, 256, "000"), (5, 17, "005.p/17"), (999, 256, "999"), (1_000, 256, "x001/000"), (1_234_067, 256, "x001/x234/067")],
)
def test_tiles_are_named_as_the_specification_names_them(number: int, width: int, path: str) -> None:
    """Three digits a folder."""
    assert tile_path(number, width) == path


def test_an_export_grows_with_the_ledger(ledger: Ledger, tmp_path: Path, signed: Callable[[], str]) -> None:
    """Full tiles stay as they are; what was partial comes beside."""
    fill(ledger, 300)
    signed()
    export_tiles(ledger.url, tmp_path / "tiles")
    full = tmp_path / "tiles" / "tile" / "0" / "000"
    before = full.stat().st_mtime_ns
    fill(ledger, 300)
    signed()
    export_tiles(ledger.url, tmp_path / "tiles")
    assert read_back(tmp_path / "tiles")[0].size == 600
    assert full.stat().st_mtime_ns == before


def test_only_what_is_signed_is_exported(ledger: Ledger, tmp_path: Path, signed: Callable[[], str]) -> None:
    """Records past the checkpoint wait for the next one; without a checkpoint there is no export."""
    fill(ledger, 2)
    with pytest.raises(InvalidDeclaration, match="No ledger checkpoint"):
        export_tiles(ledger.url, tmp_path / "tiles")
    signed()
    fill(ledger, 2)
    export_tiles(ledger.url, tmp_path / "tiles")
    assert len(read_back(tmp_path / "tiles")[1]) == 2


def test_cosignatures_stand_on_the_exported_checkpoint(ledger: Ledger, tmp_path: Path, signed: Callable[[], str]) -> None:
    """Whoever reads the tiles finds what the witnesses said."""
    fill(ledger, 2)
    witness = WitnessSigner.generate("witness.example")
    line = witness.cosign(Checkpoint.parse(signed()).text(), 1_700_000_000)
    export_tiles(ledger.url, tmp_path / "tiles", [line])
    note = (tmp_path / "tiles" / "checkpoint").read_text(encoding="utf-8")
    assert cosignatures(note, [witness.verifier])[0].at_seconds == 1_700_000_000


def test_an_altered_record_is_not_exported(ledger: Ledger, ledger_file: Path, tmp_path: Path, signed: Callable[[], str]) -> None:
    """Neither changed bytes, nor bytes that were changed together with their hash; no checkpoint is left over them."""
    fill(ledger, 3)
    signed()
    tamper(ledger_file, "UPDATE events SET stored = CAST('{}' AS BLOB) WHERE leaf_index = 1")
    with pytest.raises(Tampered, match="Record 1"):
        export_tiles(ledger.url, tmp_path / "tiles")
    forged = leaf_hash(b"{}").hex()
    tamper(ledger_file, f"UPDATE events SET leaf_hash = X'{forged}' WHERE leaf_index = 1")
    with pytest.raises(Tampered, match="not those that were signed"):
        export_tiles(ledger.url, tmp_path / "tiles")
    assert not (tmp_path / "tiles" / "checkpoint").exists()


def test_an_altered_tile_is_not_taken_for_the_ledgers(ledger: Ledger, tmp_path: Path, signed: Callable[[], str]) -> None:
    """A file that stands with other bytes is named, and not mended unseen."""
    fill(ledger, 3)
    signed()
    export_tiles(ledger.url, tmp_path / "tiles")
    (tmp_path / "tiles" / "tile" / "0" / "000.p" / "3").write_bytes(bytes(96))
    with pytest.raises(Tampered, match="holds something else"):
        export_tiles(ledger.url, tmp_path / "tiles")


def test_the_tiles_of_another_log_are_left_alone(ledger: Ledger, tmp_path: Path, signed: Callable[[], str]) -> None:
    """A folder belongs to one log."""
    fill(ledger, 1)
    signed()
    folder = tmp_path / "tiles"
    folder.mkdir()
    (folder / "checkpoint").write_text(f"elsewhere\n0\n{'A' * 43}=\n", encoding="utf-8")
    with pytest.raises(InvalidDeclaration, match="the log 'elsewhere'"):
        export_tiles(ledger.url, folder)


def test_a_folder_that_cant_be_made_is_said_to_be(ledger: Ledger, tmp_path: Path, signed: Callable[[], str]) -> None:
    """A file where the folder should be is an answer, not a crash."""
    fill(ledger, 1)
    signed()
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(Unavailable):
        export_tiles(ledger.url, tmp_path / "file" / "tiles")


def test_pruned_bodies_leave_the_hashes(ledger: Ledger, ledger_file: Path, tmp_path: Path, signed: Callable[[], str]) -> None:
    """A bundle with a pruned body is not written; every tile is, and the entries that are left."""
    fill(ledger, 300)
    signed()
    tamper(ledger_file, "UPDATE events SET stored = NULL WHERE leaf_index = 7")
    exported = export_tiles(ledger.url, tmp_path / "tiles")
    assert exported.first_entry == WIDTH
    assert not (tmp_path / "tiles" / "tile" / "entries" / "000").exists()
    assert (tmp_path / "tiles" / "tile" / "entries" / "001.p" / "44").exists()
    tile = (tmp_path / "tiles" / "tile" / "0" / "000").read_bytes()
    assert json.loads(ledger.stored(8))
    assert tile[8 * 32 : 9 * 32] == leaf_hash(ledger.stored(8))
