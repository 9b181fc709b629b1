"""A pod writes its home as it likes, on a volume on which the keys that sign lie as well: it leads nobody to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.errors import Tampered, Unavailable
from lifecycle.serving.homes import PODS, gateway_folders
from lifecycle.serving.prediction_log.kept_values import Kept, KeptValues
from lifecycle.serving.prediction_log.segments import held
from tests.serving.sealed_log import MODEL, SealedLog

#: What erasing would overwrite, were it a file of values: a line that is torn.
KEY = b"PRIVATE+KEY+ledger"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    made = tmp_path / "keys" / "ledger.key"
    made.parent.mkdir()
    made.write_bytes(KEY)
    return made


@pytest.fixture
def pod(tmp_path: Path) -> SealedLog:
    return SealedLog(tmp_path / PODS / "credit-v1-a")


@pytest.mark.parametrize("place", ["values", "rows", "labels"])
def test_a_link_among_the_rows_is_not_followed(tmp_path: Path, pod: SealedLog, key: Path, place: str) -> None:
    """Whoever reads or erases stops, and names it; the key is what it was."""
    folder = pod.log.folder / place
    folder.mkdir(exist_ok=True)
    (folder / "00000000000000009-1-1.jsonl").symlink_to(key)
    with pytest.raises(Tampered, match="is a link"):
        gateway_folders(tmp_path)
    assert key.read_bytes() == KEY


@pytest.mark.parametrize("below", ["", "gateway", "gateway/predictions", f"gateway/predictions/{MODEL}", "gateway/journal.jsonl"])
def test_a_home_that_leads_elsewhere_is_not_followed(tmp_path: Path, pod: SealedLog, below: str) -> None:
    """Not as a whole, and in no part that is read."""
    place = tmp_path / PODS / "credit-v1-a" / below
    place.rename(tmp_path / "moved")
    place.symlink_to(tmp_path / "moved")
    with pytest.raises(Tampered, match="is a link"):
        gateway_folders(tmp_path)


def test_a_link_that_is_laid_after_the_look_is_not_written_to(pod: SealedLog, key: Path) -> None:
    """Neither by an erasure nor by whoever seals: the file itself is opened as none that leads elsewhere."""
    values = pod.values()
    values.unlink()
    values.symlink_to(key)
    with pytest.raises(Unavailable):
        KeptValues(pod.folder.predictions).erase([Kept(MODEL, "p0", None)])
    with pytest.raises(OSError, match="symbolic links"), held(values):
        raise AssertionError("it was opened")
    assert key.read_bytes() == KEY
