"""What an import brings with it. Nothing here measures time: a module that is not imported costs nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.cli.main import VERBS
from tests.scenarios.homes import PROJECT, copy_of_home_at_the_gate, departments_at

DEPARTMENTS = (
    "ledger",
    "artifacts",
    "data",
    "training",
    "evaluation",
    "policy",
    "approvals",
    "serving",
    "monitoring",
    "cost",
    "lineage",
    "evidence",
    "anchors",
    "witness",
)
#: What no department may import before one of its functions needs it.
HEAVY = ("torch", "evidently", "dagster", "onnxscript", "fairlearn")
#: What no help page of the command line may import.
SLOW_TO_START = (*HEAVY, "pandas", "numpy", "sklearn", "scipy", "onnx", "onnxruntime", "sqlalchemy", "pandera", "model_signing")

EVERY_MODULE = """
import importlib, json, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not found.name.endswith("__main__") and ".migrations" not in found.name:
        importlib.import_module(found.name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
HELP = """
import contextlib, io, json, sys
from lifecycle.cli.main import run
with contextlib.redirect_stdout(io.StringIO()) as shown:
    code = run(sys.argv[1:])
assert code == 0, (code, shown.getvalue())
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


#: What no verb may import that only reads. Where it reads the ledger it needs SQLAlchemy, and none needs the migrations.
NOT_FOR_READING = {*SLOW_TO_START, "alembic", "starlette", "uvicorn", "fsspec", "regopy"} - {"sqlalchemy"}
#: Verbs that look and do nothing, each on a home with an empty ledger.
READING = (
    ("status",),
    ("status", "--json"),
    ("gateway", "status"),
    ("people", "list"),
    ("waivers",),
    ("ledger", "verify"),
    ("ledger", "log"),
    ("ledger", "anchors"),
    ("policy", "show", "promotion"),
    ("policy", "limits", "credit"),
    ("lineage", "export", "--format", "prov"),
    ("lineage", "export", "--format", "cyclonedx"),
    ("evidence", "coverage"),
)


def imported(script: str, *arguments: str, **environment: str) -> set[str]:
    """The top-level packages that stand imported after the script ran in a fresh interpreter."""
    outcome = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr[-3000:]
    return set(json.loads(outcome.stdout.splitlines()[-1]))


@pytest.mark.parametrize("department", DEPARTMENTS)
def test_a_department_brings_nothing_heavy_with_it(department: str) -> None:
    """Importing every module of a department leaves torch, Evidently and Dagster alone."""
    assert not imported(EVERY_MODULE, f"lifecycle.{department}") & set(HEAVY)


def test_the_records_need_no_vendor_but_pydantic() -> None:
    """The language of the departments is pure."""
    assert not imported(EVERY_MODULE, "lifecycle.records") & set(SLOW_TO_START)


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_imports_nothing_slow(verb: str) -> None:
    """A verb starts without Dagster, torch or the data stack."""
    assert not imported(HELP, verb, "--help") & set(SLOW_TO_START)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a ledger in which nothing has happened, and its key."""
    home = tmp_path_factory.mktemp("read") / "home"
    departments = departments_at(home)
    _ = departments.ledger_key
    departments.ledger.close()
    return home


@pytest.mark.parametrize("verb", READING, ids=" ".join)
def test_a_verb_that_reads_imports_nothing_heavy(verb: tuple[str, ...], home: Path) -> None:
    """What a verb does, and not only its help, starts without the data stack."""
    assert not imported(HELP, *verb, LIFECYCLE_HOME=str(home), LIFECYCLE_PROJECT=str(PROJECT)) & NOT_FOR_READING


@pytest.mark.slow
def test_a_life_in_the_ledger_makes_no_verb_heavier(tmp_path: Path) -> None:
    """The same holds where a version waits for approval, which is read with all that the gate was shown."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    departments.ledger.close()
    for verb in (("status",), ("lineage", "show", "credit:1"), ("lineage", "card", "credit:1"), ("ledger", "verify")):
        loaded = imported(HELP, *verb, LIFECYCLE_HOME=str(departments.settings.home), LIFECYCLE_PROJECT=str(PROJECT))
        assert not loaded & NOT_FOR_READING, verb


def test_the_help_of_all_verbs_imports_no_verb() -> None:
    """The first page is written from the table of verbs alone."""
    assert "rich" not in imported(HELP, "--help")
