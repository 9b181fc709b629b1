"""The signer as a process: it answers with a note, or with the error that it had."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lifecycle.errors import InvalidDeclaration, Tampered, Unavailable
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.signer import request_checkpoint
from lifecycle.proofs.notes import VerifierKey, open_note
from tests.ledger.happenings import ORIGIN, happening, tamper


@contextmanager
def serving(ledger: Ledger, key_file: Path, repository: Path) -> Iterator[subprocess.Popen[str]]:
    """A signer that goes on, until the block ends."""
    options = ("--every", "0.05", "--database", ledger.url, "--key", str(key_file), "--origin", ORIGIN)
    command = (sys.executable, "-m", "lifecycle.ledger.signer", *options)
    with subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def size_within(ledger: Ledger, log_key: VerifierKey, wanted: int, seconds: float = 30.0) -> bool:
    """Whether a checkpoint of this size comes within some seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        note = ledger.checkpoint()
        if note is not None and open_note(note, [log_key]).size == wanted:
            return True
        time.sleep(0.02)
    return False


def test_a_requested_checkpoint_comes_back_as_a_note(ledger: Ledger, log_key: VerifierKey, key_file: Path) -> None:
    """A process of its own signs the ledger as it stands and returns what the ledger keeps."""
    ledger.append(happening(0))
    note = request_checkpoint(ledger.url, key_file, ORIGIN)
    assert open_note(note, [log_key]).size == 1
    assert ledger.checkpoint() == note


def test_a_refusal_comes_back_as_the_error_that_it_is(ledger: Ledger, ledger_file: Path, key_file: Path, tmp_path: Path) -> None:
    """What the signer's process raises is raised here: tampering, a wrong key, a missing ledger."""
    with pytest.raises(Unavailable, match="There is no ledger"):
        request_checkpoint(f"sqlite:///{tmp_path}/none.db", key_file, ORIGIN)
    with pytest.raises(InvalidDeclaration, match="not of 'other'"):
        request_checkpoint(ledger.url, key_file, "other")
    ledger.append(happening(0))
    tamper(ledger_file, "UPDATE events SET stored = CAST('x' AS BLOB)")
    with pytest.raises(Tampered, match="not what its records hash to"):
        request_checkpoint(ledger.url, key_file, ORIGIN)


def test_a_signer_that_goes_on_signs_what_comes(ledger: Ledger, log_key: VerifierKey, key_file: Path, repository: Path) -> None:
    """Every append is covered soon after, and SIGTERM ends the signer in good order."""
    with serving(ledger, key_file, repository) as process:
        for number in range(1, 4):
            ledger.append(happening(number))
            assert size_within(ledger, log_key, number)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_a_signer_that_goes_on_ends_at_tampering(
    ledger: Ledger, ledger_file: Path, key_file: Path, log_key: VerifierKey, repository: Path
) -> None:
    """It does not wait for a ledger with another past to get better."""
    with serving(ledger, key_file, repository) as process:
        ledger.append(happening(0))
        assert size_within(ledger, log_key, 1)
        tamper(ledger_file, "UPDATE head SET size = 0, frontier = zeroblob(8)")
        assert process.wait(timeout=30) == Tampered.exit_code
        assert process.stderr is not None
        assert "its tail was dropped" in process.stderr.read()


def test_the_signer_starts_without_the_heavy_libraries(ledger: Ledger, key_file: Path, repository: Path) -> None:
    """It needs neither SQLAlchemy nor pydantic, and so starts at once."""
    script = f"""
import sys
from pathlib import Path
from lifecycle.ledger.signer import main
assert main(["--once", "--database", {ledger.url!r}, "--key", {str(key_file)!r}, "--origin", {ORIGIN!r}]) == 0
heavy = {{"sqlalchemy", "sqlmodel", "pydantic", "alembic"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script], cwd=repository, check=True, capture_output=True, timeout=60)
