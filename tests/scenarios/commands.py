"""The real command line, as a process of its own on a real home; and copies of the project to break."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.scenarios.homes import PROJECT, departments_at

#: How long anything that must happen may take before the test fails.
PATIENCE = 120.0
#: What a project is made of.
PARTS = ("assets", "resources", "governance", "workspace.yaml")


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class CommandLine:
    """`lifecycle` on one home, in one project. `before` is put in front of the command, such as `setpriv …`."""

    home: Path
    project: Path = PROJECT
    before: tuple[str, ...] = ()

    def __call__(self, *arguments: str, **environment: str) -> Said:
        ended = subprocess.run(
            self.command(*arguments), cwd=self.project, env=self.environment(environment), capture_output=True, text=True, timeout=PATIENCE
        )
        return Said(ended.returncode, ended.stdout, ended.stderr)

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """The command in the background, its two outputs in one pipe; killed with the block if it has not ended."""
        with subprocess.Popen(
            self.command(*arguments),
            cwd=self.project,
            env=self.environment({}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def command(self, *arguments: str) -> list[str]:
        return [*self.before, sys.executable, "-m", "lifecycle.cli.main", *arguments]

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        return {**os.environ, "LIFECYCLE_HOME": str(self.home), **more}

    def types(self) -> list[str]:
        """The types of every event in the home's ledger, oldest first."""
        return [event["type"] for event in self.events()]

    def events(self) -> list[dict[str, Any]]:
        """Every event of the home's ledger as JSON, oldest first."""
        with departments_at(self.home).ledger as ledger:
            return [recorded.event.as_json() for recorded in ledger.events()]

    def bodies(self, name: str) -> list[dict[str, Any]]:
        """The bodies of the events of one type."""
        return [event["body"] for event in self.events() if event["type"] == name]

    def states(self) -> dict[str, str]:
        """The state of every version, such as {"credit:1": "waiting"}."""
        said = self("status", "--json")
        assert said.code == 0, said.err
        return {f"{version['model']}:{version['version']}": version["state"] for version in json.loads(said.out)["versions"]}

    def require_whole_ledger(self) -> None:
        """The ledger verifies, and so does what happened since it was last signed once it is signed."""
        for arguments in (("ledger", "verify"), ("ledger", "checkpoint"), ("ledger", "verify")):
            said = self(*arguments)
            assert said.code == 0, said.out + said.err


def clear_error(said: Said, code: int) -> str:
    """What was printed as the error: one error, with one next step, its exit code, and no stack."""
    assert said.code == code, said.out + said.err
    assert said.out == ""
    assert said.err.count("Error: ") == 1, said.err
    assert said.err.count("Next: ") == 1, said.err
    assert "Traceback" not in said.err
    assert "Stack Trace" not in said.err
    return said.err.partition("Error: ")[2]


def project_copy(folder: Path, *, epochs: int = 3) -> Path:
    """A copy of this project in which a training takes a second or two."""
    project = folder / "project"
    project.mkdir(parents=True)
    for part in PARTS:
        if (PROJECT / part).is_dir():
            shutil.copytree(PROJECT / part, project / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(PROJECT / part, project)
    change(project / "assets" / "credit" / "model.py", "epochs=30", f"epochs={epochs}")
    return project


def change(file: Path, old: str, new: str) -> None:
    """Replaces the one place where `old` stands."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file.name} has {text.count(old)} places with {old!r}"
    file.write_text(text.replace(old, new), encoding="utf-8")


@contextmanager
def gateway(lifecycle: CommandLine) -> Iterator[None]:
    """A gateway on the home, ended with the block."""
    begun = lifecycle("gateway", "start")
    assert begun.code == 0, begun.err
    try:
        yield
    finally:
        lifecycle("gateway", "stop")


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not in {PATIENCE:.0f} s"
        time.sleep(0.1)


OFFICER = "demo_risk_officer"
REASON = ("--reason", "It is within its limits.")


def approval(home: Path, version: str = "credit:1", person: str = OFFICER) -> tuple[str, ...]:
    return ("approve", version, "--as", person, "--key", str(home / "keys" / "people" / f"{OFFICER}.key"), *REASON)


def kept(home: Path, digest: str) -> Path:
    """The file of the store that holds the bytes of a digest."""
    (found,) = (home / "artifacts").rglob(digest.removeprefix("sha256:"))
    return found
