"""The programs `opa` and `regal`: the check of the policies by the engine that is the authority on Rego, and by Rego's linter.

The embedded engine compiles what OPA would refuse (unsafe variables, unknown names). Nothing here decides anything; it is
for whoever writes a policy, and for CI.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lifecycle.errors import Unavailable
from lifecycle.policy.bundle import Bundle
from lifecycle.records.record import JsonObject

TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True)
class Checked:
    """One check, whether it passed, and what opa said."""

    name: str
    passed: bool
    said: str


def check_with_opa(governance: Path, bundle: Bundle) -> tuple[Checked, ...]:
    """`opa check --strict`, `opa fmt`, every `_test.rego` and what they reach, on the bundle as a server would load it.

    The tests find the rules and limits under `data`, and each gate's known-good input as `data.examples.<gate>`. Raises
    Unavailable where `opa` is not on the PATH.
    """
    opa = shutil.which("opa")
    if opa is None:
        raise Unavailable("There is no opa on the PATH.", "Install it: `.ci/install-opa DIRECTORY`, then put the directory on the PATH.")
    with TemporaryDirectory(prefix="lifecycle-policy-") as scratch:
        folder = lay_out(bundle, governance, Path(scratch))
        return (
            _run("opa check --strict", opa, "check", "--strict", str(folder)),
            _run("opa fmt", opa, "fmt", "--list", "--fail", str(folder / "policies")),
            _run("opa test", opa, "test", str(folder)),
            _coverage(opa, folder),
        )


def lint_with_regal(governance: Path) -> tuple[Checked, ...]:
    """What Rego's linter says, by `.regal/config.yaml` beside or above the policies; nothing where `regal` is not on the PATH."""
    regal = shutil.which("regal")
    return () if regal is None else (_run("regal lint", regal, "lint", "--no-color", str(governance / "policies")),)


def lay_out(bundle: Bundle, governance: Path, folder: Path) -> Path:
    """Writes the bundle, its tests and the examples that they use into a folder, and returns it."""
    tests = {
        path.relative_to(governance).as_posix(): path.read_text(encoding="utf-8") for path in (governance / "policies").rglob("*_test.rego")
    }
    for name, text in {**bundle.modules, **tests}.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    (folder / "data.json").write_text(json.dumps({**bundle.data, "examples": examples(bundle)}), encoding="utf-8")
    return folder


def examples(bundle: Bundle) -> JsonObject:
    """Each gate's known-good input, under the first set of limits by name."""
    limits = min(bundle.limit_sets)
    return {
        gate: good.model_copy(update={"subject": good.subject.model_copy(update={"limits": limits})}).as_json()
        for gate, good in bundle.canaries.items()
    }


def _coverage(opa: str, folder: Path) -> Checked:
    """Every line of every policy is reached by the tests; one that is not could say anything."""
    name = "opa test --coverage, all of it"
    ran = _run(name, opa, "test", "--coverage", "--format=json", str(folder))
    if not ran.passed:
        return Checked(name, passed=False, said="What the tests reach is not known, because they do not pass.")
    try:
        report = json.loads(ran.said)
        missing = [
            f"{path.partition('/policies/')[2]}:{span['start']['row']}"
            for path, file in report["files"].items()
            for span in file.get("not_covered", ())
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Checked(name, passed=False, said=f"opa reported no coverage that can be read: {error}.")
    return Checked(name, passed=not missing, said=f"No test reaches {', '.join(missing)}." if missing else "")


def _run(name: str, *command: str) -> Checked:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{name} could not be run: {error}.", "See that opa on the PATH can be run.") from error
    return Checked(name=name, passed=done.returncode == 0, said=(done.stdout + done.stderr).strip())
