"""Attack: get a model served that no gate allowed. Nothing but a proven, allowing decision on exactly its bytes will do."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import LifecycleError, MalformedRecord, Refused, Tampered
from lifecycle.proofs.notes import SigningKey
from lifecycle.records.bodies.revocations import VersionRevoked
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.allowed.log_keys import LogKeys
from lifecycle.serving.allowed.packages import PackageCache
from lifecycle.serving.allowed.withdrawals import Withdrawals
from lifecycle.serving.folder import GatewayFolder
from tests.serving.packages import ENVIRONMENT, MODEL, NOWHERE, ORIGIN, Packed, decided, decision, order, pack, plan, prove
from tests.serving.process import verify


@dataclass
class Target:
    """A gateway's cache that believes one key, a model, and an order for it that would be carried out."""

    cache: PackageCache
    folder: GatewayFolder
    packed: Packed
    key: SigningKey
    order: RolloutOrder

    def refuses(self, attack: RolloutOrder, error: type[LifecycleError], why: str) -> None:
        """The order is refused, for this reason, and nothing of the model stays behind."""
        with pytest.raises(error, match=why):
            self.cache.admit(attack, self.packed.folder)
        assert list(self.folder.packages.iterdir()) == []


@pytest.fixture
def target(tmp_path: Path) -> Target:
    folder = GatewayFolder(tmp_path / "gateway")
    folder.make()
    key = SigningKey.generate(ORIGIN)
    packed = pack(tmp_path / "model")
    cache = PackageCache(folder, ENVIRONMENT, LogKeys(key.verifier), verify, Withdrawals(folder.withdrawals))
    return Target(cache, folder, packed, key, order(packed, 1, key, plan()))


def test_the_true_order_is_admitted(target: Target) -> None:
    """What the attacks below change is all that stands between them and an admission."""
    target.cache.admit(target.order, target.packed.folder)
    assert target.cache.readmit(MODEL, 1, target.packed.digest).order == target.order


def test_a_log_of_ones_own(target: Target) -> None:
    """A proof that another key signs, even under the same name, is worth nothing."""
    own = order(target.packed, 1, SigningKey.generate(ORIGIN), plan())
    target.refuses(own, Tampered, "not signed by a known key")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({"allow": False}, "says deny", id="a denial"),
        pytest.param({"gate": "promotion"}, "of the gate promotion", id="a promotion"),
        pytest.param({"environment": "staging"}, "is for staging", id="another environment"),
        pytest.param({"model": "fraud"}, "on the model fraud", id="another model"),
        pytest.param({"digest": NOWHERE}, "on other bytes", id="other bytes"),
        pytest.param({"version": 2}, "on version 2", id="another version"),
    ],
)
def test_a_real_decision_about_something_else(target: Target, change: dict[str, object], why: str) -> None:
    """A decision that was made, and proven, but does not allow this, is refused with what it is."""
    arguments: dict[str, Any] = {"digest": target.packed.digest, "version": 1, "rollout_plan": plan()} | change
    made = decision(**arguments)
    proof = prove(decided(made), target.key)
    target.refuses(target.order.model_copy(update={"proof": proof, "decision_id": made.id}), Refused, why)


def test_an_order_that_names_another_decision(target: Target) -> None:
    """The order must name the decision that its proof is of."""
    target.refuses(
        target.order.model_copy(update={"decision_id": "decision-credit-9"}), Refused, "of decision decision-of-rollout-credit-1"
    )


def test_a_proof_of_another_event(target: Target) -> None:
    """A proven event that is no decision allows nothing."""
    revoked = Event.happened(
        VersionRevoked(reason="test"),
        subject=Subject(kind="model", name=MODEL, version=1, digest=target.packed.digest),
        actor=Actor(id="ada", kind="human"),
        environment=ENVIRONMENT,
    )
    target.refuses(target.order.model_copy(update={"proof": prove(revoked, target.key)}), Refused, "VersionRevoked")


def test_a_denial_that_was_turned_into_an_allowance(target: Target) -> None:
    """Changing the leaf breaks its proof."""
    denial = prove(decided(decision(target.packed.digest, 1, plan(), allow=False)), target.key)
    forged = base64.b64decode(denial.leaf).replace(b'"allow":false', b'"allow":true').replace(b'"outcome":"deny"', b'"outcome":"allow"')
    proof = denial.model_copy(update={"leaf": base64.b64encode(forged).decode()})
    target.refuses(target.order.model_copy(update={"proof": proof}), Tampered, "does not stand at index 1")


def test_a_leaf_that_is_no_event(target: Target) -> None:
    """A proof of bytes that are no event is refused as such."""
    proof = target.order.proof.model_copy(update={"leaf": base64.b64encode(b"before").decode(), "index": 0})
    with pytest.raises((Tampered, MalformedRecord)):
        target.cache.admit(target.order.model_copy(update={"proof": proof}), target.packed.folder)


def test_a_real_decision_with_a_plan_of_ones_own(target: Target) -> None:
    """What the gate was shown is the whole plan: all the traffic at once, or no guardrails, is another one."""
    for own in (plan((1.0, 0, 1.0)), plan(guardrails=()), plan(breaker=0), plan(without_champion="refer")):
        target.refuses(target.order.model_copy(update={"plan": own}), Refused, "another plan")


def test_a_decision_whose_question_was_exchanged(target: Target) -> None:
    """A decision that answers another question than the one beside it, by its digest, allows nothing."""
    made = decision(target.packed.digest, 1, plan()).model_copy(update={"input_digest": NOWHERE})
    changed = target.order.model_copy(update={"proof": prove(decided(made), target.key), "decision_id": made.id})
    target.refuses(changed, Refused, "another question")


def test_an_order_for_another_place(target: Target) -> None:
    """An order for another environment is refused, whatever its proof."""
    target.refuses(target.order.model_copy(update={"environment": "staging"}), Refused, "may not serve in staging")


@pytest.mark.parametrize("name", ["model.onnx", "model.safetensors", "preprocessor.json", "schemas.json", "training.json", "manifest.json"])
def test_swapped_bytes(target: Target, name: str) -> None:
    """One changed byte in any file is found, and nothing is kept."""
    path = target.packed.folder / name
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    target.refuses(target.order, Tampered, "manifest" if name == "manifest.json" else name)


def test_a_missing_file(target: Target) -> None:
    """A package that is not whole is refused."""
    (target.packed.folder / "model.onnx").unlink()
    with pytest.raises(LifecycleError, match=r"model\.onnx"):
        target.cache.admit(target.order, target.packed.folder)
    assert list(target.folder.packages.iterdir()) == []


def test_a_signature_that_does_not_hold(target: Target, tmp_path: Path) -> None:
    """A proven decision does not stand in for the model's signature."""
    forged = pack(tmp_path / "forged", signature=b"forged")
    with pytest.raises(Tampered, match="signature does not hold"):
        target.cache.admit(order(forged, 1, target.key, plan()), forged.folder)


def test_another_signature_than_the_recorded_one(target: Target) -> None:
    """A signature that was put beside the model later is not the one that was recorded."""
    (target.packed.folder / "model.sig").write_bytes(b"signed by somebody else")
    target.refuses(target.order, Tampered, "not the recorded one")
