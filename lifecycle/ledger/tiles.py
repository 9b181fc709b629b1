"""The ledger as a static transparency log (C2SP tlog-tiles): files that any web server can serve and other people's programs verify.

    checkpoint                 the signed note, with the cosignatures that there are
    tile/<L>/<N>[.p/<W>]       hashes, 256 to a full tile; each of level L+1 is the root of a full tile of level L
    tile/entries/<N>[.p/<W>]   the leaves, each behind its length in two bytes

Only what the checkpoint covers is written. A ledger with pruned bodies has no entry bundles for them: from the first bundle that is
whole on, every one is there; the hashes always are.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lifecycle import durable
from lifecycle.errors import InvalidDeclaration, Tampered, Unavailable
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.proofs.merkle import leaf_hash, root_of
from lifecycle.proofs.notes import Checkpoint
from lifecycle.proofs.signature_lines import SignatureLine, with_signatures

WIDTH = 256
#: The length of an entry stands in two bytes. No record of a ledger is longer, so that every one can be served.
LONGEST_ENTRY = 2**16 - 1


@dataclass(frozen=True)
class ExportedTiles:
    """What was written: of how many records, and from which record on there are entries."""

    size: int
    first_entry: int
    files: int


def export_tiles(database_url: str, folder: Path, cosignatures: Sequence[SignatureLine] = ()) -> ExportedTiles:
    """Writes the log of the latest ledger checkpoint into a folder; full tiles that stand there already are left as they are.

    The checkpoint comes last, so that whoever reads while this writes finds what it covers. Raises InvalidDeclaration where no
    checkpoint was signed yet or the folder holds another log, Tampered where the records are not those that were signed,
    Unavailable where the folder can't be written.
    """
    with LedgerRows(database_url) as rows, rows.snapshot():
        note = rows.latest_note()
        if note is None:
            raise InvalidDeclaration("No ledger checkpoint was signed yet.", "Have one signed with `lifecycle ledger checkpoint`.")
        checkpoint = Checkpoint.parse(note)
        _require_same_log(folder, checkpoint)
        try:
            written = _Folder(folder, checkpoint.size)
            hashes = written.leaves(rows)
            if root_of(hashes) != checkpoint.root_hash:
                raise Tampered("The records are not those that were signed.", "Run `lifecycle ledger verify`, and keep a copy.")
            written.levels(hashes)
            written.put(Path("checkpoint"), with_signatures(note, cosignatures).encode(), again=True)
        except OSError as error:
            raise Unavailable(f"{folder} can't be written: {error.strerror}.", "Name a folder that you can write.") from error
    return ExportedTiles(checkpoint.size, written.first_entry, written.files)


def tile_path(number: int, width: int) -> str:
    """<N>[.p/<W>]: three digits a folder, all but the last behind an x; 1234067 is x001/x234/067."""
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
    return path if width == WIDTH else f"{path}.p/{width}"


class _Folder:
    """The export while it is written."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size
        self.files = 0
        self.first_entry = 0

    def leaves(self, rows: LedgerRows) -> list[bytes]:
        """Writes the entry bundles; returns the hash of every leaf."""
        hashes: list[bytes] = []
        for number, bundle in enumerate(_in_bundles(rows, self._size)):
            hashes += [leaf for leaf, _ in bundle]
            if any(stored is None for _, stored in bundle):
                self.first_entry = len(hashes)
                continue
            content = b"".join(_entry(stored) for _, stored in bundle if stored is not None)
            self.put(Path("tile", "entries", tile_path(number, len(bundle))), content)
        return hashes

    def levels(self, hashes: list[bytes]) -> None:
        """Writes the tiles of every level."""
        for level in itertools.count():
            if not hashes:
                return
            above: list[bytes] = []
            for number, tile in enumerate(_batched(hashes)):
                self.put(Path("tile", str(level), tile_path(number, len(tile))), b"".join(tile))
                if len(tile) == WIDTH:
                    above.append(root_of(tile))
            hashes = above

    def put(self, path: Path, content: bytes, *, again: bool = False) -> None:
        """Writes a file in one step, unless it stands."""
        file = self._folder / path
        if file.exists() and not again:
            if file.read_bytes() != content:
                raise Tampered(f"{file} holds something else than the ledger.", "Find out who changed it, and export into an empty folder.")
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        # A file that lost its bytes with the power would be taken for one that somebody changed.
        durable.replace(file, content, mode=0o644)
        self.files += 1


def _in_bundles(rows: LedgerRows, size: int) -> Iterator[list[tuple[bytes, bytes | None]]]:
    """(hash, bytes) of the leaves, 256 at a time. Raises Tampered where one is missing or is not what its hash says."""
    bundle: list[tuple[bytes, bytes | None]] = []
    for count, (index, leaf, stored) in enumerate(rows.leaves()):
        if count >= size:
            # Read on: a stream that is left before its end does not outlive its transaction on a server.
            continue
        intact = stored is None or (isinstance(stored, bytes) and leaf_hash(stored) == leaf)
        if index != count or not isinstance(leaf, bytes) or not intact:
            raise Tampered(f"Record {count} of the ledger was altered.", "Run `lifecycle ledger verify`, and keep a copy.")
        bundle.append((leaf, stored))
        if len(bundle) == WIDTH:
            yield bundle
            bundle = []
    if bundle:
        yield bundle


def _entry(stored: bytes) -> bytes:
    if len(stored) > LONGEST_ENTRY:
        raise InvalidDeclaration(
            f"A record of {len(stored)} bytes does not fit into an entry of tlog-tiles, which holds {LONGEST_ENTRY}.",
            "A ledger with such a record can't be exported; its proofs hold nevertheless (`lifecycle ledger prove`).",
        )
    return len(stored).to_bytes(2, "big") + stored


def _batched(hashes: Iterable[bytes]) -> Iterator[list[bytes]]:
    """256 at a time; the last may be fewer."""
    remaining = iter(hashes)
    while tile := list(itertools.islice(remaining, WIDTH)):
        yield tile


def _require_same_log(folder: Path, checkpoint: Checkpoint) -> None:
    standing = folder / "checkpoint"
    try:
        there = Checkpoint.parse(standing.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unavailable(f"{standing} can't be read: {error.strerror}.", "Name a folder that you can read and write.") from error
    if there.origin != checkpoint.origin or there.size > checkpoint.size:
        raise InvalidDeclaration(
            f"{folder} holds {there.size} records of the log {there.origin!r}.",
            f"Export {checkpoint.size} records of {checkpoint.origin!r} into a folder of their own.",
        )
