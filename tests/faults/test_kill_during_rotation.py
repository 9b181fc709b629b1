"""kill -9 while the signer changes the ledger's key: whenever it comes, the next signature finishes or undoes what was open."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key.keys import create_log_key
from lifecycle.ledger.log_key.rotating import rotate_key
from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.signature_lines import taken_apart
from tests.ledger.happenings import ORIGIN, happening

#: Kills itself at the n-th call that can change a file, so that every step between two writes is tried.
_DYING = """
import os, signal, sys
from pathlib import Path
from lifecycle.ledger.log_key.rotating import rotate_key

left = int(sys.argv[1])

def dying(real):
    def called(*given, **more):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **more)
    return called

for owner, names in ((os, ("fsync", "link", "open", "unlink")), (Path, ("replace", "unlink", "write_text"))):
    for name in names:
        setattr(owner, name, dying(getattr(owner, name)))
rotate_key(sys.argv[2], Path(sys.argv[3]), sys.argv[4], reason="yearly", environment="local", overlap=4)
print(left)
"""


def killed_after(count: int, url: str, key_file: Path, repository: Path) -> bool:
    """Whether the change of the key was killed at its n-th such call; false where it was done before."""
    command = (sys.executable, "-c", _DYING, str(count), url, str(key_file), ORIGIN)
    ended = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr
    return ended.returncode != 0


def rotations(url: str) -> int:
    with Ledger.open(url, origin=ORIGIN) as ledger:
        return len(ledger.events(types=("LogKeyRotated",)))


@pytest.mark.slow
def test_wherever_it_is_killed_one_change_stands_and_both_keys_sign(tmp_path: Path, repository: Path) -> None:
    """Before each file that it writes, renames or removes: no key is lost, no second change is recorded, and everything verifies."""
    for count in range(200):
        folder = tmp_path / str(count)
        key = create_log_key(folder, ORIGIN)
        key_file, url = folder / "ledger.key", f"sqlite:///{folder}/ledger.db"
        with Ledger.open(url, origin=ORIGIN) as ledger:
            ledger.append(happening(0))
        sign_ledger(url, key_file, ORIGIN)
        killed = killed_after(count, url, key_file, repository)
        note = sign_ledger(url, key_file, ORIGIN)
        if not rotations(url):
            note = rotate_key(url, key_file, ORIGIN, reason="yearly", environment="local", overlap=4)
        assert len(taken_apart(note)[1]) == 2
        assert rotations(url) == 1
        assert verify_ledger(url, key).level == "L1"
        assert sorted(file.name for file in folder.glob("ledger.key*")) == ["ledger.key", "ledger.key.old"]
        if not killed:
            assert count > 10
            return
    raise AssertionError("it never came to its end")
