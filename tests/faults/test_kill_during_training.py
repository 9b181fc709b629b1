"""A training process is killed (SIGKILL) in the middle of an epoch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("training")]


def start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.training.small_model", str(folder), "0.2"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def finish(folder: Path) -> list[str]:
    """Trains to the end; the last two lines say the parts' digests and the epoch that it went on from."""
    with start(folder) as process:
        told, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return told.splitlines()[-2:]


def kill_after(epoch: int, folder: Path) -> None:
    """Starts a training, and kills it while it is in the epoch after this one."""
    with start(folder) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(f"epoch {epoch}/"):
                break
        process.kill()
        process.stdout.read()
    assert process.returncode == -9


def test_a_killed_training_goes_on_from_its_last_epoch(tmp_path: Path) -> None:
    """And gives the bytes of a training that nobody killed, every part of them."""
    kill_after(3, tmp_path / "killed")
    digests, resumed = finish(tmp_path / "killed")
    assert int(resumed.split()[1]) >= 3
    assert digests == finish(tmp_path / "whole")[0]


def test_a_training_that_is_killed_again_and_again_ends_all_the_same(tmp_path: Path) -> None:
    """As long as each life gets one epoch further."""
    for epoch in (1, 2, 4):
        kill_after(epoch, tmp_path)
    _, resumed = finish(tmp_path)
    assert int(resumed.split()[1]) >= 4
