"""The wheel, installed in a fresh environment, serves a project elsewhere that has only its own four things."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("packaging")]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as `python -m build` makes it, from a copy of the sources, so that nothing is left in the repository."""
    repository = Path(__file__).resolve().parents[2]
    source, out = tmp_path_factory.mktemp("source") / "lifecycle", tmp_path_factory.mktemp("dist")
    for folder in ("lifecycle", "assets", "resources", "governance", "tests/packaging"):
        shutil.copytree(repository / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(repository / file, source)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=200)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel; the vendors are lent by the environment of the tests, Lifecycle itself is not.

    A path in a .pth file is searched, but .pth files that lie there are not read: the editable Lifecycle stays behind.
    """
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet", str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=200)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "vendors.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another team's project: a model of their own called `loans`, their wiring, their governance, their workspace.yaml."""
    repository = Path(__file__).resolve().parents[2]
    folder = tmp_path_factory.mktemp("elsewhere") / "loans-project"
    shutil.copytree(repository / "assets" / "credit", folder / "assets" / "loans", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "assets" / "__init__.py").write_text('"""The models of this project."""\n', encoding="utf-8")
    for module in (folder / "assets" / "loans").glob("*.py"):
        text = module.read_text(encoding="utf-8")
        for ours, theirs in (("assets.credit", "assets.loans"), ('name="credit"', 'name="loans"'), ("epochs=30", "epochs=3")):
            text = text.replace(ours, theirs)
        module.write_text(text, encoding="utf-8")
    (folder / "resources").mkdir()
    for file in ("__init__.py", "local.py"):
        shutil.copy(repository / "resources" / file, folder / "resources")
    shutil.copytree(repository / "governance", folder / "governance")
    shutil.copy(repository / "workspace.yaml", folder)
    return folder


@pytest.fixture
def run(installed: Path, project: Path) -> Run:
    """Runs the fresh environment's Python in the project, with nothing of ours on its path."""

    def call(*arguments: str, cwd: Path = project) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LIFECYCLE_", "DAGSTER_"))}
        environment["DAGSTER_DISABLE_TELEMETRY"] = "yes"
        return subprocess.run(
            [str(installed), *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=250, check=False
        )

    return call


def test_the_wheel_holds_the_library_and_nothing_else(wheel: Path) -> None:
    """`lifecycle` with its types marker, and no `assets`, `resources` or tests: those names are everybody's."""
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"lifecycle"}
    assert "lifecycle/py.typed" in names
    assert any(name.startswith("lifecycle/ledger/storage/migrations/") for name in names)


def test_the_wheel_holds_every_module_of_the_library(wheel: Path, repository: Path) -> None:
    """No file of the library is left behind by the packaging."""
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("lifecycle/")}
    files = {path for path in (repository / "lifecycle").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert packed == {path.relative_to(repository).as_posix() for path in files}


def test_the_fresh_environment_uses_the_wheel(run: Run, installed: Path) -> None:
    """Lifecycle comes from the fresh environment and `assets` from the project."""
    shown = run("-c", "import lifecycle, lifecycle.ledger; print(lifecycle.__file__)")
    assert shown.returncode == 0, shown.stderr
    assert Path(shown.stdout.strip()).is_relative_to(installed.parents[1])


def test_dagster_loads_the_definitions_of_the_project(run: Run) -> None:
    """`dagster definitions validate -w workspace.yaml` is content with a project that has no code of the library in it."""
    shown = run("-m", "dagster", "definitions", "validate", "-w", "workspace.yaml")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    listed = run("-c", "import lifecycle.definitions as d; r = d.lifecycle_definitions().get_repository_def(); print(sorted(r.job_names))")
    assert "loans_train_to_gate" in listed.stdout, listed.stderr


def test_a_model_of_the_project_is_trained_up_to_the_gate(run: Run, project: Path) -> None:
    """The whole way from the project's data to its promotion gate, recorded in the project's own home."""
    shown = run("-m", "lifecycle.cli.main", "train", "loans", "--json")
    assert shown.returncode == 0, shown.stdout[-2000:] + shown.stderr[-3000:]
    answer = json.loads(shown.stdout)
    assert (answer["model"], answer["version"], answer["name"]) == ("loans", 1, "loans:1")
    assert (project / ".lifecycle" / "ledger" / "ledger.db").is_file()
    verified = run("-m", "lifecycle.cli.main", "ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_outside_of_any_project_the_error_says_what_a_project_is(run: Run, tmp_path: Path) -> None:
    """A folder without a workspace.yaml gets a sentence that says what to do, and exit code 2."""
    shown = run("-m", "lifecycle.cli.main", "status", cwd=tmp_path)
    assert shown.returncode == 2
    assert "workspace.yaml" in shown.stderr
    assert "Traceback" not in shown.stderr
