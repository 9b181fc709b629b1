"""`lifecycle policy` as somebody types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.cli import main
from lifecycle.policy.archive import create_key, key_name, packed
from lifecycle.policy.bundle import Bundle
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.wiring import Departments
from tests.ledger.happenings import evaluated, trained
from tests.policy.questions import changed, good


def test_show_names_every_rule(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What decides can be read without reading Rego."""
    assert main.run(["policy", "show"]) == 0
    shown = capsys.readouterr().out
    rules = Bundle.load(project / "governance").rules
    assert all(rule in shown for gate in rules.values() for rule in gate)
    assert main.run(["policy", "show", "rollback", "--json"]) == 0
    assert [rule["id"] for rule in json.loads(capsys.readouterr().out)["gates"]["rollback"]] == list(rules["rollback"])


def test_an_unknown_gate_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With those that there are."""
    assert main.run(["policy", "show", "elsewhere"]) == 2
    assert "data_access" in capsys.readouterr().err


def test_limits_are_shown_with_their_range(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a table and as JSON."""
    assert main.run(["policy", "limits", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["limits"]["consumer_credit"]["approvals_high"] == 1.0
    assert main.run(["policy", "limits"]) == 0
    assert "0.65 to 1" in capsys.readouterr().out


def test_build_writes_what_a_server_loads(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The printed revision is the digest that each decision will name."""
    assert main.run(["policy", "build", str(project / "bundle.tar.gz")]) == 0
    bundle = Bundle.load(project / "governance")
    assert capsys.readouterr().out.strip() == bundle.digest
    assert (project / "bundle.tar.gz").read_bytes() == packed(bundle)


def test_what_ships_is_told_to_programs(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Built unsigned, signed, and pushed where no server is named: each says its revision, and by which key."""
    monkeypatch.delenv("LIFECYCLE_OPA_URL", raising=False)
    file, key, served = project / "bundle.tar.gz", project / "policy.key", project / "served.tar.gz"
    name, revision = key_name(create_key(key)), Bundle.load(project / "governance").revision

    def told(*arguments: str) -> dict[str, object]:
        capsys.readouterr()
        assert main.run(["policy", *arguments, "--json"]) == 0
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return found

    assert told("build", str(file)) == {"file": str(file), "revision": revision, "signed_by": None}
    assert told("sign", str(file), "--key", str(key)) == {"file": str(file), "revision": revision, "signed_by": name}
    assert told("push", str(file), served.as_uri(), "--key", str(key.with_suffix(".pub"))) == {
        "revision": revision,
        "url": served.as_uri(),
        "server": None,
    }


def test_test_runs_the_real_opa(project: Path, tool: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    """Canaries, strict compilation and the policies' own tests; a broken policy ends it with 2."""
    tool("opa")
    assert main.run(["policy", "test"]) == 0
    capsys.readouterr()
    assert main.run(["policy", "test", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["revision"], {check["passed"] for check in told["checks"]}) == (Bundle.load(project / "governance").revision, {True})
    rollback = project / "governance" / "policies" / "gates" / "rollback" / "rollback.rego"
    rollback.write_text(rollback.read_text() + "\nunsafe if x == y\n")
    assert main.run(["policy", "test"]) != 0
    assert "Next:" in capsys.readouterr().err


def test_a_rule_that_no_test_reaches_is_named(project: Path, tool: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    """Coverage of the policies' own tests is whole, or the check fails with the line."""
    tool("opa")
    rollback = project / "governance" / "policies" / "gates" / "rollback" / "rollback.rego"
    rollback.write_text(rollback.read_text() + "\nunreached if input.request.reason == input.request.ticket\n")
    assert main.run(["policy", "test"]) != 0
    line = len(rollback.read_text().splitlines())
    assert f"rollback.rego:{line}" in capsys.readouterr().err


def test_test_without_opa_says_so(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The canaries were asked, and what was not done is an error and not a silence."""
    monkeypatch.setenv("PATH", str(project))
    assert main.run(["policy", "test"]) == 5
    said = capsys.readouterr()
    assert "every canary is answered" in said.out
    assert "no opa on the PATH" in said.err


def test_what_is_no_bundle_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A digest that is cut, as tables show it, is none; what would be one is said."""
    assert main.run(["policy", "diff", "fcace45dfd14"]) == 2
    said = capsys.readouterr().err
    assert "'fcace45dfd14' is no folder, no file and no bundle." in said
    assert "a whole digest" in " ".join(said.split())


def test_explain_shows_what_was_observed_against_which_limit(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the id of the decision or of its event, or by its index in the ledger; an unknown one is named. Figures are legible."""
    departments = Departments.here()
    question = good(departments.gate_keeper.bundle, "promotion", risk_tier="high")
    decision = departments.gate_keeper.ask(changed(question, "evidence", "evaluation", "metrics", "auc", "low", 0.512345678901))
    subject = Subject(kind="model", name="canary", version=1, digest=question.subject.digest)
    event = Event.happened(
        DecisionMade(decision=decision, consumed=()), subject=subject, actor=Actor(id="pipeline", kind="service"), environment="local"
    )
    with departments.ledger.writing() as writer:
        writer.append_all([trained(1, model="canary"), evaluated(1, model="canary"), event])
    for name in (decision.id, event.id, "2"):
        assert main.run(["policy", "explain", name]) == 0
        shown = capsys.readouterr().out
        assert "PRM-004" in shown
        assert "0.78" in shown
        assert "0.5123 " in shown
        assert "Passed: APR-002" in shown
    assert main.run(["policy", "explain", decision.id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == decision.id
    assert main.run(["policy", "explain", "elsewhere"]) == 2
