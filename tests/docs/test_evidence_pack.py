"""What the page about evidence packs says is so."""

from __future__ import annotations

import re
from pathlib import Path

from lifecycle.evidence.layout import CONTENTS
from lifecycle.evidence.selection import MOST_OF_ONE_STREAM
from tests.evidence.house import VERIFY, lived
from tests.evidence.packs import files_of, packed, verify

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "read-an-evidence-pack.md").read_text(encoding="utf-8")


def test_each_option_of_the_program_that_the_page_shows_is_one() -> None:
    """Whatever stands after verify.py in the page is in its help."""
    program = VERIFY.read_text(encoding="utf-8")
    shown = {option for line in re.findall(r"python verify\.py .*", PAGE) for option in re.findall(r"--[a-z]+", line)}
    assert {"--trust", "--require"} <= shown
    assert all(f'"{option}"' in program for option in shown)


def test_the_page_has_a_row_for_each_check() -> None:
    """Nobody meets a check that is explained nowhere."""
    checks = re.findall(r"^def check_", VERIFY.read_text(encoding="utf-8"), re.MULTILINE)
    table = PAGE.partition("## What it checks")[2].partition("## Read it")[0]
    assert len([line for line in table.splitlines() if line.startswith("| ")]) - 2 == len(checks)


def test_the_page_tells_of_everything_that_a_pack_holds() -> None:
    """Each place that README.txt in the pack tells of is in the page."""
    assert [one for path in CONTENTS for one in path.split(", ") if f"`{one}`" not in PAGE] == []


def test_the_page_knows_how_much_of_a_stream_is_packed() -> None:
    """The number in the page is the number in the code."""
    assert f"{MOST_OF_ONE_STREAM:,} records" in PAGE


def test_the_checkpoint_of_one_pack_is_held_against_the_next(tmp_path: Path) -> None:
    """As the page advises."""
    house = lived(tmp_path / "house")
    held = files_of(packed(house))["checkpoint"]
    house.trains(3)
    house.checkpoint()
    assert verify(packed(house), tmp_path / "run", str(house.log_key), held, options=("--require", "L2")).code == 0
