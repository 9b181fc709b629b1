"""Bad input, on the real command line: an error that says what to do next, an exit code that says of what kind, and nothing lost."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.cli import main
from lifecycle.life.gates import judging
from lifecycle.records.identity import now_us
from tests.scenarios.commands import OFFICER, REASON, CommandLine, approval, change, clear_error, gateway, kept, project_copy

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bad_input")]

HOUR_US = 3_600_000_000


def altered(project: Path, alter: Callable[[list[list[str]]], None]) -> Path:
    """The project, with the rows of its source altered; the first row is the header."""
    file = project / "assets" / "credit" / "credit_applications.csv"
    with file.open(newline="") as stream:
        rows = list(csv.reader(stream))
    alter(rows)
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return project


# Data.


def test_a_missing_column_is_named(home: Path, tmp_path: Path) -> None:
    """The dataset is rejected by name of the column, the rejection is recorded, and nothing is trained."""

    def without_income(rows: list[list[str]]) -> None:
        place = rows[0].index("income")
        for row in rows:
            del row[place]

    lifecycle = CommandLine(home, altered(project_copy(tmp_path), without_income))
    before = lifecycle.types()
    told = clear_error(lifecycle("train", "credit"), 3)
    assert "income: the column is absent" in told
    assert "data.py" in told
    assert lifecycle.types()[len(before) :] == ["DatasetRejected"]
    assert lifecycle.states() == {"credit:1": "waiting"}
    lifecycle.require_whole_ledger()


def test_a_wrong_type_is_named_with_its_row_and_without_its_value(home: Path, tmp_path: Path) -> None:
    """A word where a number belongs: the error and the record name column and row, and never quote the field."""

    def with_a_word(rows: list[list[str]]) -> None:
        rows[4][rows[0].index("price")] = "Mustermann"

    lifecycle = CommandLine(home, altered(project_copy(tmp_path), with_a_word))
    told = clear_error(lifecycle("train", "credit"), 3)
    assert "price: is a finite number fails in 1 row (3)" in told
    assert "Mustermann" not in told
    (rejected,) = lifecycle.bodies("DatasetRejected")
    assert rejected["failures"] == [{"column": "price", "check": "is a finite number", "failures": 1, "positions": [3]}]
    lifecycle.require_whole_ledger()


# Evidence.


def test_a_model_that_answers_nan_never_gets_to_a_gate(home: Path, tmp_path: Path) -> None:
    """Weights that are no numbers are a failed training; no version, no evidence and no decision comes of them."""
    project = project_copy(tmp_path)
    spoilt = "    with torch.no_grad():\n        next(network.parameters()).fill_(float('nan'))\n"
    kept = 'TrainedNetwork(network, preprocessor, THRESHOLD, {"auc": 0.8})'
    network = project / "assets" / "credit" / "network.py"
    change(
        network,
        "    return TrainedNetwork(network, preprocessor, THRESHOLD, _validated(network, held_out, run))",
        f"{spoilt}    return {kept}",
    )
    lifecycle = CommandLine(home, project)
    told = clear_error(lifecycle("train", "credit"), 2)
    assert "diverged" in told
    assert lifecycle.types()[-1] == "TrainingFailed"
    assert lifecycle.states() == {"credit:1": "waiting"}
    lifecycle.require_whole_ledger()


def test_nan_in_the_evidence_of_a_gate_is_not_believed(home: Path) -> None:
    """Evidence whose numbers were replaced by NaN where it is kept: what reads it says so, and nobody's approval is taken."""
    lifecycle = CommandLine(home)
    (evaluated,) = lifecycle.bodies("ModelEvaluated")
    file = kept(home, evaluated["evidence_digest"])
    spoilt, places = re.subn(rb'"value":0\.\d+', b'"value":NaN', file.read_bytes())
    assert places
    file.chmod(0o644)
    file.write_bytes(spoilt)
    before = lifecycle.types()
    told = clear_error(lifecycle(*approval(home)), 4)
    assert "are not those bytes" in told
    assert lifecycle.types() == before
    lifecycle.require_whole_ledger()


# People.


def test_a_person_without_a_key_can_not_sign(home: Path) -> None:
    """Somebody who is not enrolled, a key file that is not there, and another's key: each error says which it is."""
    lifecycle = CommandLine(home)
    before = lifecycle.types()
    assert "Nobody here goes by 'stranger'" in clear_error(lifecycle(*approval(home, person="stranger")), 2)
    absent = ("approve", "credit:1", "--as", OFFICER, "--key", str(home / "none.key"), *REASON)
    assert "lifecycle keys new" in clear_error(lifecycle(*absent), 2)
    assert lifecycle.types() == before
    assert "demo_engineer" in clear_error(lifecycle(*approval(home, person="demo_engineer")), 3)
    assert sorted(lifecycle.types()) == sorted([*before, "ApprovalBarred"])
    lifecycle.require_whole_ledger()


def test_what_was_asked_for_too_long_ago_can_not_be_approved(home: Path, tmp_path: Path) -> None:
    """A request that has expired is refused with the rule; the attempt is recorded, and the approval is not."""
    project = project_copy(tmp_path)
    change(project / "assets" / "credit" / "model.py", "approval_valid_hours=72.0", "approval_valid_hours=1e-6")
    lifecycle = CommandLine(home, project)
    assert lifecycle("train", "credit").code == 0
    before = lifecycle.types()
    told = clear_error(lifecycle(*approval(home, "credit:2")), 3)
    assert "expired" in told
    assert "APR-004" in told
    assert sorted(lifecycle.types()) == sorted([*before, "ApprovalBarred"])
    lifecycle.require_whole_ledger()


def test_what_was_judged_by_other_limits_is_put_before_the_gate_again(home: Path, tmp_path: Path) -> None:
    """Nobody signs what no longer decides: the refusal names the verb that has the gate asked anew, and then the approval is taken."""
    project = project_copy(tmp_path)
    change(project / "governance" / "limits" / "consumer_credit.yaml", "{value: 72, from: 1, to: 720,", "{value: 71, from: 1, to: 720,")
    lifecycle = CommandLine(home, project)
    told = clear_error(lifecycle(*approval(home)), 3)
    assert "APR-003" in told
    assert "lifecycle ask credit:1" in told
    asked = lifecycle("ask", "credit:1", "--json")
    assert (asked.code, json.loads(asked.out)["outcome"]) == (0, "needs_approval")
    assert lifecycle(*approval(home)).code == 0
    assert lifecycle.types()[-1] == "ApprovalGiven"
    lifecycle.require_whole_ledger()


def test_an_expired_approval_deploys_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Approved in time and deployed too late: the gate waits for a new approval, and none is used up."""
    lifecycle = CommandLine(home)
    assert lifecycle(*approval(home)).code == 0
    monkeypatch.chdir(lifecycle.project)
    monkeypatch.setenv("LIFECYCLE_HOME", str(home))
    monkeypatch.setattr(judging, "now_us", lambda: now_us() + 100 * HOUR_US)
    with gateway(lifecycle):
        capfd.readouterr()
        assert main.run(["deploy", "credit:1"]) == 3
    told = capfd.readouterr().err
    assert "waits for approval: 1 of role risk" in told
    assert "Traceback" not in told
    decided = lifecycle.bodies("DecisionMade")[-1]
    assert (decided["decision"]["result"]["outcome"], decided["consumed"]) == ("needs_approval", [])
    assert "RolloutRequested" not in lifecycle.types()
    lifecycle.require_whole_ledger()


# Policies.


def test_a_policy_with_a_syntax_error_is_named_with_its_line(home: Path, tmp_path: Path) -> None:
    """Nobody can approve or train under policies that do not compile; the file and the line are named."""
    project = project_copy(tmp_path)
    policy = project / "governance" / "policies" / "gates" / "data_access" / "data_access.rego"
    line = len(policy.read_text(encoding="utf-8").splitlines()) + 1
    policy.write_text(policy.read_text(encoding="utf-8") + "unfinished := {\n", encoding="utf-8")
    lifecycle = CommandLine(home, project)
    before = lifecycle.types()
    for arguments in (approval(home), ("train", "credit"), ("policy", "test")):
        assert f"data_access.rego:{line} is not Rego that compiles" in clear_error(lifecycle(*arguments), 2)
    assert [name for name in lifecycle.types()[len(before) :] if name != "DatasetIngested"] == []
    assert lifecycle.states() == {"credit:1": "waiting"}
    lifecycle.require_whole_ledger()


def test_a_policy_that_returns_nothing_for_anything_is_found_before_it_is_asked(home: Path, tmp_path: Path) -> None:
    """Its canary finds it: the gate is named, and what is missing."""
    lifecycle = CommandLine(home, with_decision(project_copy(tmp_path), "input.never"))
    before = lifecycle.types()
    told = clear_error(lifecycle(*approval(home)), 2)
    assert "data_access" in told
    assert "decided nothing" in told
    assert lifecycle.types() == before


def test_a_policy_that_returns_nothing_denies(home: Path, tmp_path: Path) -> None:
    """Where it answers its canary but not this question, the answer is no, with a rule of the house, and it is recorded."""
    lifecycle = CommandLine(home, with_decision(project_copy(tmp_path), 'input.subject.name != "credit"'))
    told = clear_error(lifecycle("train", "credit"), 3)
    assert "SYS-002" in told
    assert "decided nothing" in told
    assert lifecycle.types()[-1] == "DecisionMade"
    assert lifecycle.states() == {"credit:1": "waiting"}
    lifecycle.require_whole_ledger()


def with_decision(project: Path, condition: str) -> Path:
    """The project, with a gate for data that is defined under a condition only."""
    policy = project / "governance" / "policies" / "gates" / "data_access" / "data_access.rego"
    decision = 'decision := verdict.answer("data_access", passed, found, [], [])'
    change(policy, decision, f"{decision} if {condition}")
    return project


# Names.


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "loans"),
        ("deploy", "loans:1"),
        ("rollback", "loans", *REASON),
        ("approve", "loans:1", "--as", OFFICER, "--key", "any", *REASON),
        ("lineage", "show", "loans:1"),
        ("lineage", "export", "--format", "prov", "--model", "loans"),
        ("policy", "limits", "loans"),
        ("deploy", "credit:9"),
        ("ask", "credit:9"),
        ("ask", "loans:1"),
        ("deploy", "credit"),
        ("explain", "no-such-prediction"),
    ],
    ids=" ".join,
)
def test_an_unknown_name_is_an_error_that_lists_or_finds_the_known_ones(home: Path, arguments: tuple[str, ...]) -> None:
    """A model, version or prediction that nothing goes by changes nothing."""
    lifecycle = CommandLine(home)
    before = lifecycle.types()
    told = clear_error(lifecycle(*arguments), 2)
    assert arguments[-1].partition(":")[0] in told or "loans" in told
    assert lifecycle.types() == before
