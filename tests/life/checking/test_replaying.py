"""Past decisions taken again, and a draft tried on them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cli import main
from lifecycle.life.checking.replaying import flips, past_decisions, predictions_by_decision, replayed
from lifecycle.life.gates.asking import ask
from lifecycle.life.recording import Step
from lifecycle.policy.bundle import Bundle
from lifecycle.records.bodies import DecisionMade, PredictionsSealed
from lifecycle.records.bodies.serving import SealedVersion
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.gates import Decision
from lifecycle.records.record import digest_of
from lifecycle.wiring import Departments
from tests.policy.questions import NOBODY_DIGEST, approval, changed, good, with_approvals


@pytest.fixture
def departments(project: Path) -> Departments:
    return Departments.here()


def asked(departments: Departments, *rows: int) -> list[Decision]:
    """One recorded decision on a dataset of so many rows for each."""
    question = good(departments.gate_keeper.bundle, "data_access")
    step = Step(run_id="run")
    return [ask(departments, changed(question, "evidence", "rows", number), step) for number in rows]


def recorded(departments: Departments, decision: Decision) -> None:
    """Puts a decision into the ledger as it is."""
    event = Event.happened(
        DecisionMade(decision=decision, consumed=()),
        subject=Subject(kind="dataset", name=decision.input.subject.name, digest=decision.input.subject.digest),
        actor=Actor(id="tests", kind="service"),
        environment="local",
    )
    departments.ledger.append(event)


def said(capsys: pytest.CaptureFixture[str], *command: str, code: int = 0) -> Any:
    """What a verb prints as JSON."""
    capsys.readouterr()
    assert main.run([*command, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def counts(found: dict[str, Any]) -> tuple[int, int, int]:
    return found["identical"], found["different"], found["not_replayable"]


def test_every_decision_taken_again_is_identical(departments: Departments, capsys: pytest.CaptureFixture[str]) -> None:
    """Allowed or denied, the same input and the same bundle give the same verdict, rules and obligations."""
    first, _ = asked(departments, 5_000, 3)
    assert counts(said(capsys, "policy", "replay", "--all")) == (2, 0, 0)
    assert counts(said(capsys, "policy", "replay", first.id)) == (1, 0, 0)


def test_a_decision_is_taken_again_under_its_own_bundle(
    departments: Departments, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A policy that changed since does not matter: the bundle that decided lies in the artifact store."""
    asked(departments, 5_000)
    file = project / "governance" / "limits" / "consumer_credit.yaml"
    file.write_text(file.read_text().replace("value: 1000,", "value: 9000,"))
    assert counts(said(capsys, "policy", "replay", "--all")) == (1, 0, 0)


@pytest.mark.parametrize(
    ("forged", "named"),
    [
        ({"outcome": "allow", "allow": True, "violations": ()}, "the verdict was allow and is deny"),
        ({"evaluated": ("DAT-001",)}, "is evaluated now"),
    ],
)
def test_a_decision_that_the_policy_never_took_is_different(
    departments: Departments, capsys: pytest.CaptureFixture[str], forged: dict[str, Any], named: str
) -> None:
    """Whoever writes a verdict into the ledger that the rules do not give is found, with the difference."""
    (denied,) = asked(departments, 3)
    recorded(departments, denied.model_copy(update={"id": "forged", "result": denied.result.model_copy(update=forged)}))
    found = said(capsys, "policy", "replay", "--all", code=4)
    assert counts(found) == (1, 1, 0)
    (different,) = [one for one in found["decisions"] if one["outcome"] == "different"]
    assert different["decision"] == "forged"
    assert any(named in difference for difference in different["difference"])


def test_an_input_that_is_not_the_one_of_its_digest_is_different(departments: Departments, capsys: pytest.CaptureFixture[str]) -> None:
    """The digest of the input is what approvals and proofs hold on to."""
    (decision,) = asked(departments, 5_000)
    recorded(departments, decision.model_copy(update={"id": "forged", "input_digest": digest_of(b"another")}))
    assert counts(said(capsys, "policy", "replay", "forged", code=4)) == (0, 1, 0)


def test_without_its_bundle_a_decision_is_not_replayable(departments: Departments, capsys: pytest.CaptureFixture[str]) -> None:
    """And that is never counted as fine: the exit code says so, and the words say why."""
    (decision,) = asked(departments, 5_000)
    policy = decision.policy.model_copy(update={"bundle_digest": digest_of(b"lost")})
    recorded(departments, decision.model_copy(update={"id": "orphan", "policy": policy}))
    found = said(capsys, "policy", "replay", "--all", code=5)
    assert counts(found) == (1, 0, 1)
    assert "its bundle can't be had" in found["decisions"][1]["why"]


def test_a_denial_for_want_of_an_engine_is_not_replayable(
    departments: Departments, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No policy took it, so none can take it again."""

    def broken(gate: str, question: object) -> object:
        raise RuntimeError("gone")

    monkeypatch.setattr(departments.gate_keeper._engine, "answer", broken)
    asked(departments, 5_000)
    found = said(capsys, "policy", "replay", "--all", code=5)
    assert counts(found) == (0, 0, 1)
    assert "SYS-001" in found["decisions"][0]["why"]


def test_one_or_all_must_be_said(departments: Departments, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither and both are a mistake that is explained; an unknown decision is named."""
    asked(departments, 5_000)
    assert main.run(["policy", "replay"]) == 2
    assert main.run(["policy", "replay", "one", "--all"]) == 2
    assert main.run(["policy", "replay", "elsewhere"]) == 2
    assert "elsewhere" in capsys.readouterr().err


def test_a_draft_that_changes_nothing_flips_nothing(departments: Departments, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not in a table and not as JSON."""
    asked(departments, 5_000, 3)
    found = said(capsys, "policy", "backtest", str(project / "governance"))
    assert (found["decisions"], found["flips"], found["models"], found["predictions"]) == (2, [], [], 0)
    assert main.run(["policy", "backtest", str(project / "governance")]) == 0
    assert "Not one of 2 decisions" in capsys.readouterr().out


def test_planted_flips_are_found_exactly(departments: Departments, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a draft refuses, with the rule; what it allows now; and nothing else. `--since` leaves out what was before."""
    _, flipped, _ = asked(departments, 20_000, 5_000, 3)
    draft = project / "draft"
    shutil.copytree(project / "governance", draft)
    file = draft / "limits" / "consumer_credit.yaml"
    file.write_text(file.read_text().replace("value: 1000,", "value: 9000,"))
    found = said(capsys, "policy", "backtest", str(draft))
    assert [(one["decision"], one["was"], one["would_be"]) for one in found["flips"]] == [(flipped.id, "allow", "deny")]
    assert len(found["flips"][0]["fails_now"]) == 1
    assert main.run(["policy", "backtest", str(draft)]) == 0
    assert "1 of 3 decisions would flip" in capsys.readouterr().out
    assert said(capsys, "policy", "backtest", str(draft), "--since", "2999-01-01")["decisions"] == 0


def test_an_approval_of_then_counts_for_a_draft(departments: Departments, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever signed over the policies that decided is taken to have signed over the draft; over other policies, not."""
    bundle = departments.gate_keeper.bundle
    question = good(bundle, "promotion", risk_tier="high")
    allowed = departments.gate_keeper.ask(with_approvals(question, approval(bundle, question)))
    waiting = departments.gate_keeper.ask(with_approvals(question, approval(bundle, question, bundle_digest=NOBODY_DIGEST)))
    assert (allowed.result.outcome, waiting.result.outcome) == ("allow", "needs_approval")
    recorded(departments, allowed)
    recorded(departments, waiting)
    draft = project / "draft"
    shutil.copytree(project / "governance", draft)
    file = draft / "limits" / "consumer_credit.yaml"
    file.write_text(file.read_text() + "# Read again.\n")
    assert said(capsys, "policy", "backtest", str(draft))["flips"] == []
    file.write_text(file.read_text().replace("auc_least:\n    {value: 0.78", "auc_least:\n    {value: 0.99"))
    flips_found = said(capsys, "policy", "backtest", str(draft))["flips"]
    assert [(one["was"], one["would_be"], one["fails_now"]) for one in flips_found] == [
        ("allow", "deny", ["PRM-004"]),
        ("needs_approval", "deny", ["PRM-004"]),
    ]


def test_predictions_are_counted_for_what_they_rest_on(departments: Departments) -> None:
    """A deployment decision has its sealed rows, and so has the promotion behind it."""
    question = good(departments.gate_keeper.bundle, "deployment")
    deployment = departments.gate_keeper.ask(question)
    recorded(departments, deployment)
    answered = SealedVersion(version=1, model_digest=None, decision_id=deployment.id, bundle_digest=None, arm="champion", rows=40)
    sealed = PredictionsSealed(
        segment="one.jsonl", stream="s", number=1, rows=40, from_us=1, to_us=2, root=NOBODY_DIGEST, versions=(answered,)
    )
    about = Subject(kind="model", name="credit")
    departments.ledger.append(Event.happened(sealed, subject=about, actor=Actor(id="gateway", kind="service"), environment="local"))
    promotion = question.evidence.promotion_decision_id  # type: ignore[union-attr]  # the canary of this gate shows deployment evidence
    assert predictions_by_decision(departments) == {deployment.id: 40, promotion: 40}


@pytest.mark.slow
def test_many_are_taken_on_every_core_in_their_order(departments: Departments) -> None:
    """Several processes give what one gives, in the order of the ledger."""
    decision, denied = asked(departments, 5_000, 3)
    with departments.ledger.writing() as writer:
        for number in range(300):
            one = (decision, denied)[number % 2]
            body = DecisionMade(decision=one.model_copy(update={"id": f"decision-{number}"}), consumed=())
            about = Subject(kind="dataset", name=one.input.subject.name, digest=one.input.subject.digest)
            writer.append(Event.happened(body, subject=about, actor=Actor(id="tests", kind="service"), environment="local"))
    taken = list(replayed(departments, past_decisions(departments), processes=2))
    assert [past.decision.id for past, _ in taken[2:]] == [f"decision-{number}" for number in range(300)]
    assert {retaken.outcome for _, retaken in taken} == {"identical"}
    stricter = _draft(departments.gate_keeper.bundle, "value: 1000,", "value: 9000,")
    flipped = [past.decision.id for past, flip in flips(past_decisions(departments), stricter, processes=2) if flip is not None]
    assert flipped == [decision.id, *(f"decision-{number}" for number in range(0, 300, 2))]


def _draft(bundle: Bundle, old: str, new: str) -> Bundle:
    return Bundle({name: text.replace(old, new) if name.startswith("limits/") else text for name, text in bundle.files.items()})
