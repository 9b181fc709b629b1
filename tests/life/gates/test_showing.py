"""What the gates are shown: read from the ledger and the store, and never taken for granted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import InvalidDeclaration, Unavailable
from lifecycle.life.evaluation import evaluate_candidate
from lifecycle.life.gates import showing, standing
from lifecycle.life.gates.asking import ask
from lifecycle.life.gates.judging import deployment_input
from lifecycle.life.people.approval import approve_version
from lifecycle.life.recording import Step
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.gates import PromotionEvidence
from lifecycle.wiring import Departments
from tests.scenarios.homes import copy_of_home_at_the_gate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]


@pytest.fixture
def departments(tmp_path: Path) -> Departments:
    """credit:1 waits for one approval."""
    return copy_of_home_at_the_gate(tmp_path)[0]


def shown(departments: Departments, **changes: Any) -> PromotionEvidence:
    model = departments.model("credit").model_copy(update=changes)
    return showing.promotion_evidence(departments, model, standing.trained(departments, "credit", 1))


def test_an_approval_is_of_the_evidence_that_was_read(tmp_path: Path) -> None:
    """Evaluated again with other slices, the version waits for somebody who has read the new evidence."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="Within limits.")
    model = departments.model("credit")
    before = deployment_input(departments, model, 1, Step(run_id="before"))
    evaluate_candidate(departments, model.model_copy(update={"slices": model.slices[:1]}), 1, Step(run_id="again"))
    after = deployment_input(departments, model, 1, Step(run_id="after"))
    assert departments.gate_keeper.ask(before).allowed
    result = ask(departments, after, Step(run_id="after")).result
    assert result.outcome == "needs_approval"
    assert "APR-003" in {warning.rule for warning in result.warnings}


def test_a_dataset_that_was_ingested_under_another_contract_has_not_passed_this_one(departments: Departments) -> None:
    """The declared contract was never checked on what stands in the ledger."""
    model, dataset = departments.model("credit"), standing.dataset_of(departments, "credit")
    assert showing.data_access_evidence(model, dataset).contract_passed
    contract = model.data.contract.model_copy(update={"name": "stricter"})
    changed = model.model_copy(update={"data": model.data.model_copy(update={"contract": contract})})
    assert not showing.data_access_evidence(changed, dataset).contract_passed


def test_a_budget_in_another_currency_is_refused(departments: Departments) -> None:
    """50 yen are not 50 euros; the error names both."""
    model = departments.model("credit")
    in_yen = model.model_copy(update={"budget": model.budget.model_copy(update={"currency": "JPY"})})
    with pytest.raises(InvalidDeclaration, match=r"in JPY.* in EUR"):
        showing.budget_evidence(departments, in_yen, "cpu", Step(run_id="r"))


def test_a_signature_that_is_gone_is_not_present(departments: Departments) -> None:
    """Without its bytes there is no signature to speak of."""
    assert (shown(departments).signature.present, shown(departments).signature.valid) == (True, True)
    body = standing.body_of(standing.trained(departments, "credit", 1), ModelTrained)
    hexadecimal = body.signature_digest.removeprefix("sha256:")
    (kept,) = [path for path in (departments.settings.home / "artifacts").rglob("*") if path.is_file() and hexadecimal.endswith(path.name)]
    kept.unlink()
    evidence = shown(departments)
    assert (evidence.signature.present, evidence.signature.valid) == (False, False)
    assert not evidence.lineage_complete


def test_a_store_that_does_not_answer_says_nothing_of_the_signature(departments: Departments, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage is tried again; as an invalid signature it would deny for good."""

    def down(*arguments: Any) -> None:
        raise Unavailable("The store does not answer.", "Try again.")

    monkeypatch.setattr("lifecycle.artifacts.signing.verify_package", down)
    with pytest.raises(Unavailable):
        shown(departments)


@pytest.mark.parametrize(
    "watch", [{"schedule": "sometimes"}, {"schedule": "0 0 30 2 *"}, {"minimum_n": 0}], ids=["no schedule", "never", "no rows"]
)
def test_a_watch_that_never_looks_is_not_wired(departments: Departments, watch: dict[str, Any]) -> None:
    """What the declaration calls a watch has to come, and to judge something."""
    assert shown(departments).monitoring_wired
    assert not shown(departments, watch=departments.model("credit").watch.model_copy(update=watch)).monitoring_wired
