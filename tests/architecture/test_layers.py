"""The layers, checked by import-linter on every run of the tests and not only by `make check`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", LINT], cwd=folder, capture_output=True, text=True, timeout=280, check=False)


@pytest.mark.slow
def test_every_contract_of_the_architecture_is_kept(repository: Path) -> None:
    """No module imports upwards, no department knows another, each vendor stays at home."""
    outcome = lint(repository)
    assert outcome.returncode == 0, outcome.stdout[-4000:] + outcome.stderr[-2000:]


@pytest.mark.slow
def test_a_department_that_imports_another_breaks_the_contract(repository: Path, tmp_path: Path) -> None:
    """The check can fail: one forbidden line in a copy of the tree is named."""
    import shutil

    for folder in ("lifecycle", "assets", "resources"):
        shutil.copytree(repository / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repository / ".importlinter", tmp_path)
    (tmp_path / "lifecycle" / "cost" / "trespass.py").write_text("from lifecycle.ledger import ledger\n")
    outcome = lint(tmp_path)
    assert outcome.returncode != 0
    assert "lifecycle.cost.trespass" in outcome.stdout
