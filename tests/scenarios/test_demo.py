"""The whole life, as `make demo` lives it, and what a person can ask of the home that it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("demo")]

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Lived:
    """A home in which the demo has run, and what it printed and wrote."""

    home: Path
    facts: dict[str, Any]
    printed: str

    def verb(self, *arguments: str, exit_code: int = 0, **settings: str) -> str:
        """What a verb of the command line prints on this home; its exit code must be this."""
        ended = run(self.home, *arguments, **settings)
        assert ended.returncode == exit_code, f"{arguments}: {ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def facts_of(self, *arguments: str) -> Any:
        return json.loads(self.verb(*arguments, "--json"))


def run(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lifecycle.cli.main", *arguments]
    environment = {**os.environ, "LIFECYCLE_HOME": str(home), "LIFECYCLE_GATEWAY_PORT": "0", "COLUMNS": "120", **settings}
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=500, check=False)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    home = tmp_path_factory.mktemp("lived") / "home"
    facts = home.parent / "facts.json"
    ended = run(home, "demo", "--json", str(facts))
    try:
        assert ended.returncode == 0, ended.stdout + ended.stderr
        yield Lived(home, json.loads(facts.read_text()), ended.stdout)
    finally:
        run(home, "gateway", "stop")


def test_every_step_of_the_story_went_as_told(lived: Lived) -> None:
    """Each step is ok, and the one in which the engineer is refused is among them."""
    assert all(step["ok"] and step["seconds"] >= 0 for step in lived.facts["steps"])
    assert any("self-approval" in step["name"] for step in lived.facts["steps"])


def test_the_story_fits_on_a_page(lived: Lived) -> None:
    """At most sixty lines."""
    assert len(lived.printed.splitlines()) <= 60


def test_no_request_was_lost_while_a_version_went_out_and_another_came_back(lived: Lived) -> None:
    """Every request that was sent was answered, also those that the broken canary failed on."""
    requests = lived.facts["requests"]
    assert requests["sent"] == requests["answered"] > 1000
    assert requests["failed"] == 0
    assert lived.facts["rollback_ms"] > 0


def test_status_says_what_serves_and_what_failed(lived: Lived) -> None:
    """The first version serves, the second was denied, the third was rolled back."""
    status = lived.facts_of("status")
    assert [(entry["model"], entry["version"]) for entry in status["serving"]] == [("credit", 1)]
    assert {version["version"]: version["state"] for version in status["versions"]} == {1: "serving", 2: "denied", 3: "rolled_back"}
    assert {failure["kind"] for failure in status["failed"]} >= {"denied", "rolled back"}
    assert status["ledger"]["url"].startswith("sqlite:///")


def test_what_a_rollout_has_shown_is_compared_with_the_champion_beside_it(lived: Lived) -> None:
    """The third version's canary beside the first version, long after it was taken out; the first one came in beside nothing."""
    found = lived.facts_of("rollout", "compare", "credit:3")
    assert (found["strategy"], found["step"], found["over"], found["paired"]) == ("canary", 1, True, False)
    assert (found["ours"]["version"], found["theirs"]["version"]) == (3, 1)
    assert found["ours"]["requests"] > found["ours"]["answered"] > 0
    assert found["theirs"]["answered"] == found["theirs"]["requests"] > found["ours"]["requests"]
    everybody = next(share for share in found["shares"] if share["column"] is None)
    assert everybody["measure"] == "positive"
    assert everybody["difference"]["low"] <= everybody["difference"]["value"] <= everybody["difference"]["high"]
    printed = lived.verb("rollout", "compare", "credit:3", COLUMNS="200")
    assert "credit:3 beside credit:1: canary, step 1" in printed
    assert "told 'good'" in printed
    lived.verb("rollout", "compare", "credit:1", exit_code=3)
    lived.verb("rollout", "compare", "credit:3", "--step", "3", exit_code=2)


def test_the_gateway_says_what_each_version_answered(lived: Lived) -> None:
    """The champion takes everything; the counts are there."""
    status = lived.facts_of("gateway", "status")
    (credit,) = [model for model in status["models"] if model["model"] == "credit"]
    champion = next(version for version in credit["versions"] if version["arm"] == "champion")
    assert champion["version"] == 1
    assert champion["weight"] == 1.0
    assert champion["requests"] > 0


def test_the_gateway_answers_the_open_inference_protocol(lived: Lived) -> None:
    """One application in, a probability and a decision out, and by its id all that stands behind it; what is gone is named."""
    url = lived.facts_of("gateway", "status")["url"]
    with urllib.request.urlopen(f"{url}/v2/models/credit") as answer:
        inputs = json.load(answer)["inputs"]
    sample = {"home": "owner", "records": "no", "job": "fixed"}
    tensors = [_tensor(column["name"], sample.get(column["name"], 60.0)) for column in inputs]
    request = urllib.request.Request(f"{url}/v2/models/credit/infer", json.dumps({"id": "a", "inputs": tensors}).encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        answered = json.load(answer)
    assert answered["id"] == "a"
    assert {output["name"] for output in answered["outputs"]} >= {"probability", "decision"}
    explained = lived.facts_of("explain", answered["parameters"]["prediction_id"])
    assert (explained["holds"], explained["missing"]) == (True, [])
    assert {"signature", "route", "enrolment of demo_risk_officer", "evaluation report", "source", "ledger checkpoint"} <= {
        step["edge"] for step in explained["steps"]
    }
    for edge in ("signature", "evaluation report", "policy bundle"):
        digest = next(step["digest"] for step in explained["steps"] if step["edge"] == edge).removeprefix("sha256:")
        artifact = next((lived.home / "artifacts").rglob(digest))
        aside = artifact.rename(lived.home / "aside")
        try:
            ended = run(lived.home, "explain", answered["parameters"]["prediction_id"])
        finally:
            aside.rename(artifact)
        assert (ended.returncode, f"the edge “{edge}” is missing" in ended.stderr) == (4, True)


def _tensor(name: str, value: float | str) -> dict[str, Any]:
    return {"name": name, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP64", "data": [value]}


def test_the_ledger_verifies_and_a_flipped_byte_is_named(lived: Lived, tmp_path: Path) -> None:
    """Exit code 0 where everything holds; not 0, and the record named, on a copy in which one byte differs."""
    import sqlite3

    lived.verb("ledger", "verify")
    original = lived.facts_of("status")["ledger"]["url"].removeprefix("sqlite:///")
    copy = tmp_path / "copy.db"
    with sqlite3.connect(original) as source, sqlite3.connect(copy) as target:
        source.backup(target)
        for (name,) in target.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            target.execute(f'DROP TRIGGER "{name}"')
        (stored,) = target.execute("SELECT stored FROM events WHERE leaf_index = 3").fetchone()
        target.execute("UPDATE events SET stored = ? WHERE leaf_index = 3", (stored.replace(b'"local"', b'"lokal"'),))
    ended = run(lived.home, "ledger", "verify", "--url", f"sqlite:///{copy}", "--json")
    assert ended.returncode != 0
    assert any(finding["index"] == 3 for finding in json.loads(ended.stdout)["findings"])


def test_the_lineage_of_a_version_is_a_tree_and_four_exports(lived: Lived, tmp_path: Path) -> None:
    """The tree names the dataset; the same ledger exports the same bytes twice."""
    assert "dataset" in lived.verb("lineage", "show", "credit:1")
    # The gateway runs on, and seals what it answered: the very same ledger is a copy of it.
    copy = tmp_path / "ledger.db"
    lived.verb("ledger", "backup", str(copy))
    for form in ("openlineage", "prov", "cyclonedx", "in-toto"):
        first, second = tmp_path / f"{form}-1", tmp_path / f"{form}-2"
        for out in (first, second):
            lived.verb("lineage", "export", "--format", form, "--out", str(out), LIFECYCLE_LEDGER_URL=f"sqlite:///{copy}")
        files = sorted(path.name for path in first.iterdir())
        assert files
        assert all((first / name).read_bytes() == (second / name).read_bytes() for name in files)


def test_private_keys_are_readable_by_their_owner_only(lived: Lived) -> None:
    """Every private key in the home has mode 0600."""
    keys = list((lived.home / "keys").rglob("*.key"))
    assert keys
    assert all(key.stat().st_mode & 0o077 == 0 for key in keys)
