"""Who may ask: granted after the gate allowed it, decided once for each version and bundle, taken back for good."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import InvalidDeclaration, Refused, UnknownName
from lifecycle.life.access import deciding
from lifecycle.life.access.deciding import AccessDecider, Held
from lifecycle.life.access.granting import Granted, grant_access, revoke_access
from lifecycle.life.access.grants import grants
from lifecycle.life.access.tiers import AccessTiers
from lifecycle.life.gates import standing
from lifecycle.life.gates.asking import ask
from lifecycle.life.gates.judging import deployment_input
from lifecycle.life.people.approval import approve_version
from lifecycle.life.recording import Step
from lifecycle.policy.engine import EngineFailure
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.records.access import LabelRight
from lifecycle.records.bodies.access import AccessGranted
from lifecycle.serving.access.credentials import key_digest
from lifecycle.serving.access.passes import proven_pass
from lifecycle.wiring import Departments
from tests.scenarios.homes import PROJECT, copy_of_home_at_the_gate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]


@pytest.fixture
def departments(tmp_path: Path) -> Departments:
    """credit:1 may serve, in a project whose policies the test may change."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="Within limits.")
    step = Step(run_id="deployed")
    assert ask(departments, deployment_input(departments, departments.model("credit"), 1, step), step).allowed
    project = tmp_path / "project"
    shutil.copytree(PROJECT / "governance", project / "governance")
    departments.settings = replace(departments.settings, project=project)
    departments.forget("gate_keeper", "people")
    return departments


def held(departments: Departments) -> tuple[Held, ...]:
    digest = standing.trained(departments, "credit", 1).event.subject.digest
    assert digest is not None
    return (("credit", 1, digest),)


def granted(departments: Departments, **changes: Any) -> Granted:
    given: dict[str, Any] = {"principal": "portal", "models": ["credit"], "tier": "standard", "days": 90, "reason": "ours", **changes}
    return grant_access(departments, **given)


def grant_of(made: Granted) -> str:
    body = made.recorded.event.body
    assert isinstance(body, AccessGranted)
    return body.grant_id


def size(departments: Departments) -> int:
    return departments.ledger.head().size


def test_a_grant_is_a_pass_once_the_gate_has_allowed_it(departments: Departments) -> None:
    """The pass opens with the ledger's key alone; asking again records nothing and changes nothing; the key stands nowhere."""
    made = granted(departments)
    decider = AccessDecider(departments)
    book = decider(held(departments))
    (proof,) = book.passes
    found = proven_pass(proof, "local", departments.ledger_keys)
    assert (found.grant_id, found.credential_digest) == (grant_of(made), key_digest(made.key))
    assert book.closed
    before = size(departments)
    assert decider(held(departments)) == book
    assert AccessDecider(departments)(held(departments)).passes[0].leaf == proof.leaf
    assert size(departments) == before
    assert all(made.key.encode() not in departments.ledger.stored(index) for index in range(before))


def test_a_caller_is_known_of_whose_model_nothing_is_held_any_more(departments: Departments) -> None:
    """A version that was taken out takes its callers' leave to ask it, and not who they are: they are told that nothing serves, and a
    revoked one that it was. The gate is asked nothing about it."""
    grant_id = grant_of(granted(departments))
    decider = AccessDecider(departments)
    passes = decider(held(departments)).passes
    before = size(departments)
    assert decider(()).passes == passes
    assert AccessDecider(departments)(()).passes[0].leaf == passes[0].leaf
    assert size(departments) == before
    revoke_access(departments, grant_id, reason="replaced")
    book = decider(())
    assert (book.passes, book.revoked) == (passes, (grant_id,))


def test_without_a_grant_a_local_gateway_is_open_and_the_gate_is_asked_nothing(departments: Departments) -> None:
    """The README's first steps need no key, and record nothing about callers."""
    before = size(departments)
    assert not AccessDecider(departments)(held(departments)).closed
    assert size(departments) == before


def test_a_revocation_is_told_and_closes_for_good(departments: Departments) -> None:
    """The pass stays, so that its caller can be told; the grant is named as revoked; nobody left means nobody, and not everybody."""
    grant_id = grant_of(granted(departments))
    decider = AccessDecider(departments)
    decider(held(departments))
    revoke_access(departments, grant_id, reason="replaced")
    book = decider(held(departments))
    assert (book.revoked, book.closed) == ((grant_id,), True)
    assert [one.state(0) for one in grants(departments)] == ["revoked"]
    with pytest.raises(Refused, match="before"):
        revoke_access(departments, grant_id, reason="again")


def test_what_the_gate_denies_is_not_granted(departments: Departments, monkeypatch: pytest.MonkeyPatch) -> None:
    """For ten years, while a version serves: the denial is recorded, the grant is not, and no key is shown."""
    monkeypatch.setattr(standing, "serving_version", lambda departments, model: 1)
    with pytest.raises(Refused, match="ACC-005"):
        granted(departments, days=3_650)
    assert grants(departments) == []
    assert standing.decisions(departments, "credit", 1, "serving_access")[-1][1].result.outcome == "deny"


@pytest.mark.parametrize("right", ["own", "any", None])
def test_the_right_to_send_labels_is_what_the_gate_was_shown(departments: Departments, right: LabelRight | None) -> None:
    """It stands in the grant, in the question that the gate answered, and in the pass that the gateway opens; without it, there is none."""
    made = granted(departments, labels=right)
    (proof,) = AccessDecider(departments)(held(departments)).passes
    assert proven_pass(proof, "local", departments.ledger_keys).labels == right
    assert (b'"labels"' in made.recorded.event.canonical()) == (right is not None)


def test_labels_are_not_granted_for_as_long_as_predictions(departments: Departments, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grant of a year is one of predictions; with labels it is denied, and nothing is granted."""
    monkeypatch.setattr(standing, "serving_version", lambda departments, model: 1)
    granted(departments, days=365)
    with pytest.raises(Refused) as refused:
        granted(departments, days=365, labels="own")
    assert refused.value.rules == ("ACC-008",)
    assert [one.body.labels for one in grants(departments)] == [None]


def test_a_new_bundle_decides_anew(departments: Departments) -> None:
    """A limit that was lowered since takes the pass away, in a process that had read the policies before."""
    granted(departments)
    decider = AccessDecider(departments)
    assert decider(held(departments)).passes
    file = departments.settings.project / "governance" / "limits" / "consumer_credit.yaml"
    file.write_text(file.read_text().replace("{value: 8760, from: 1, to: 17520", "{value: 24, from: 1, to: 17520"))
    assert decider(held(departments)).passes == ()
    assert decider(()).passes == ()
    assert len(standing.decisions(departments, "credit", 1, "serving_access")) == 2


def test_an_engine_that_fails_takes_nothing_from_who_was_allowed_and_gives_nothing_to_others(
    departments: Departments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A push of policies, and then the engine is down: the first caller keeps its pass, the second waits, and the ledger is not flooded."""
    granted(departments)
    decider = AccessDecider(departments)
    before = decider(held(departments)).passes
    file = departments.settings.project / "governance" / "limits" / "consumer_credit.yaml"
    file.write_text(file.read_text().replace("{value: 8760, from: 1, to: 17520", "{value: 8761, from: 1, to: 17520"))

    def fails(*_: object) -> None:
        raise EngineFailure("The engine is down.", "Wait.")

    with monkeypatch.context() as down:
        down.setattr(GateKeeper, "_answer", fails)
        granted(departments, principal="other")
        assert decider(held(departments)).passes == before
        recorded = size(departments)
        assert decider(held(departments)).passes == before
        assert size(departments) == recorded
    monkeypatch.setattr(deciding, "RETRY_SECONDS", 0.0)
    decider._retry_at = dict.fromkeys(decider._retry_at, 0.0)
    assert len(decider(held(departments)).passes) == 2


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"principal": "Ada Lovelace"}, InvalidDeclaration),
        ({"certificate_name": "two words"}, InvalidDeclaration),
        ({"reason": " "}, InvalidDeclaration),
        ({"models": ["nothing"]}, InvalidDeclaration),
        ({"tier": "gold"}, UnknownName),
    ],
)
def test_what_makes_no_sense_is_not_granted(departments: Departments, changes: dict[str, Any], error: type[Exception]) -> None:
    """Names, reasons, models and tiers are checked before anything is recorded or asked."""
    before = size(departments)
    with pytest.raises(error):
        granted(departments, **changes)
    assert size(departments) == before


def test_an_answer_without_a_grant_lets_nobody_in(departments: Departments, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the gate's answer and the grant: the answer stands in the ledger, and nobody has a pass."""
    monkeypatch.setattr(standing, "serving_version", lambda departments, model: 1)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(deciding, "require_allowed", killed)
        with pytest.raises(KeyboardInterrupt):
            granted(departments)
    assert AccessDecider(departments)(held(departments)).passes == ()


def test_tiers_that_are_not_declared_well_are_told_with_their_file(tmp_path: Path) -> None:
    """The file, each wrong field and what belongs there: one that is missing as well as one with a mistake."""
    file = tmp_path / "access.yaml"
    with pytest.raises(InvalidDeclaration, match="No such file or directory") as missing:
        AccessTiers.load(file)
    assert "schema_version" in missing.value.next_step
    file.write_text("tiers: {trial: {requests: 1}}\n")
    with pytest.raises(InvalidDeclaration) as wrong:
        AccessTiers.load(file)
    assert str(file) in wrong.value.what
    assert "tiers.trial.requests_per_minute: Field required" in wrong.value.what
