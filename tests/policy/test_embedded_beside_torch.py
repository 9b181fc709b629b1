"""The embedded engine and torch live in one process: the gate is asked, and then a model is trained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
from pathlib import Path
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.embedded import EmbeddedEngine
EmbeddedEngine(Bundle.load(Path("governance")))
import torch
"""


def test_torch_can_be_imported_after_the_engine(repository: Path) -> None:
    """Two C++ runtimes in the wrong order abort the process instead of raising anything."""
    ended = subprocess.run([sys.executable, "-c", SCRIPT], cwd=repository, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
