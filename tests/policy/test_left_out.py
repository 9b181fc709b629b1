"""`lifecycle policy test` on what a gate leaves out: a rule that reads it, however it does, is found, and no other path is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lifecycle.cli import main
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.embedded import EmbeddedEngine
from lifecycle.policy.left_out import read_left_out

RULE = 'passed contains "PRM-014" if count(evidence.leaking_columns) == 0'
CANDIDATE = "policies/lib/candidate/candidate.rego"
#: Each way of reading what is not shown that passes because it is not there, and the path that it reads.
READING = {
    "negated": ('passed contains "PRM-014" if not evaluation.slices', "slices"),
    "with a default": ('passed contains "PRM-014" if object.get(evaluation, "computed_with", {}) == {}', "computed_with"),
    "by what else there is": ('passed contains "PRM-014" if not "report_html_digest" in object.keys(evaluation)', "report_html_digest"),
    "a number of a group": (
        """passed contains "PRM-014" if not unequal_shares

unequal_shares if {
	some attribute in evaluation.fairness
	attribute.demographic_parity_ratio.low < 0.8
}""",
        "fairness.demographic_parity_ratio",
    ),
    "deep, beside a champion": (
        """passed contains "PRM-014" if not too_few

too_few if {
	some part in evaluation.against_champion.slices
	some one in part.comparisons
	one.difference.n < 1
}""",
        "against_champion.slices.comparisons.difference.n",
    ),
}


def with_rule(bundle: Bundle, rule: str) -> Bundle:
    return Bundle({**bundle.files, CANDIDATE: bundle.files[CANDIDATE].replace(RULE, rule)}).checked("the test")


def test_nothing_that_is_left_out_here_is_read(bundle: Bundle, embedded: EmbeddedEngine) -> None:
    """Of this repository's own policies."""
    assert list(read_left_out(bundle, embedded)) == []


@pytest.mark.slow
@pytest.mark.parametrize("way", READING)
def test_a_rule_that_passes_because_something_is_missing_is_found(bundle: Bundle, way: str) -> None:
    """In both gates that apply the rule, by its path and no other: the canaries of the gates show nothing of it."""
    rule, path = READING[way]
    reading = with_rule(bundle, rule)
    found = list(read_left_out(reading, EmbeddedEngine(reading)))
    assert found == [("deployment", f"evidence.promotion.evaluation.{path}"), ("promotion", f"evidence.evaluation.{path}")]


def test_the_command_names_gate_and_path(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With opa on the PATH or without it."""
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    shutil.copytree(repository / "governance", tmp_path / "governance")
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(tmp_path))
    file = tmp_path / "governance" / CANDIDATE
    file.write_text(file.read_text().replace(RULE, READING["negated"][0]))
    assert main.run(["policy", "test"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "promotion reads evidence.evaluation.slices" in told
    assert "leaves_out" in told


def test_regal_is_run_where_there_is_one(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever goes by that name on the PATH is asked about the policies, and what it complains of fails the check."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {"opa": "exit 0", "regal": 'echo "$@" > "$ASKED"; echo "bugs/constant-condition"; exit 3'}.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(repository))
    assert main.run(["policy", "test"]) == 2
    assert "bugs/constant-condition" in capsys.readouterr().err
    assert (tmp_path / "asked").read_text().split() == ["lint", "--no-color", str(repository / "governance" / "policies")]
