"""Writers are killed with SIGKILL while they append: what was acknowledged stands, nothing stands in part."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key.keys import create_log_key
from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.ledger.verifying.verification import verify_ledger
from tests.ledger.happenings import ORIGIN, happening


def killed_writer(url: str, first: int, batch: int, after_seconds: float, repository: Path) -> list[str]:
    """The ids that a writer had acknowledged when it was killed, this long after its first."""
    command = (sys.executable, "-m", "tests.ledger.writers", url, str(first), "100000", str(batch))
    with subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline()]
        time.sleep(after_seconds)
        writer.kill()
        acknowledged += writer.stdout.readlines()
    # The kill may have cut the last line short.
    return [line.strip() for line in acknowledged if line.endswith("\n")]


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 40])
def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path, repository: Path, batch: int) -> None:
    """After each of several kills the ledger verifies, holds whole batches only, and takes the next append."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    key = create_log_key(tmp_path / "keys", ORIGIN)
    for turn, pause in enumerate((0.0, 0.011, 0.037, 0.083, 0.171)):
        acknowledged = killed_writer(url, turn * 1_000_000, batch, pause, repository)
        with Ledger.open(url, origin=ORIGIN) as ledger:
            standing = {recorded.event.id for recorded in ledger.events()}
            assert set(acknowledged) <= standing
            assert len([event_id for event_id in standing if event_id.isdigit()]) % batch == 0
            ledger.append(happening(0, event_id=f"after-kill-{turn}"))
        sign_ledger(url, tmp_path / "keys" / "ledger.key", ORIGIN)
        result = verify_ledger(url, key)
        assert (result.ok, result.level, result.unsigned) == (True, "L1", 0), result.findings


def test_a_writer_killed_in_mid_transaction_leaves_no_trace(tmp_path: Path, repository: Path) -> None:
    """A process that dies between its insert and its commit has written nothing, and holds up nobody."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger.open(url, origin=ORIGIN) as ledger:
        ledger.append(happening(0))
        before = ledger.head()
    script = f"""
import os, signal
from lifecycle.ledger.ledger import Ledger
from tests.ledger.happenings import ORIGIN, happening
with Ledger.open({url!r}, origin=ORIGIN).writing() as writer:
    writer.append_all([happening(number) for number in range(50)])
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", script], cwd=repository, check=False, timeout=60)
    assert killed.returncode == -9
    with Ledger.open(url, origin=ORIGIN) as ledger:
        assert ledger.head() == before
        assert ledger.append(happening(1)).index == 1


@pytest.mark.slow
def test_a_killed_signer_signs_on(tmp_path: Path, repository: Path) -> None:
    """Killed at any moment, the signer's memory and the kept checkpoints still fit, and the next one goes on."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    key = create_log_key(tmp_path / "keys", ORIGIN)
    private = tmp_path / "keys" / "ledger.key"
    options = ("--every", "0.001", "--database", url, "--key", str(private), "--origin", ORIGIN)
    with Ledger.open(url, origin=ORIGIN) as ledger:
        for turn in range(6):
            command = (sys.executable, "-m", "lifecycle.ledger.signer", *options)
            with subprocess.Popen(command, cwd=repository, stdout=subprocess.DEVNULL) as signer:
                until = time.monotonic() + 0.2 + turn * 0.013
                while time.monotonic() < until:
                    ledger.append(happening(turn))
                signer.kill()
            sign_ledger(url, private, ORIGIN)
            result = verify_ledger(url, key)
            assert (result.ok, result.level, result.unsigned) == (True, "L1", 0), result.findings
