"""Decisions that say of approvals what nobody signed, and rollouts that nobody decided: the log holds them, the program still says so."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from lifecycle.evidence.layout import leaf_path
from lifecycle.proofs.dsse import pre_authentication
from lifecycle.proofs.merkle import leaf_hash, root_of
from lifecycle.proofs.notes import Checkpoint, SigningKey, sign
from lifecycle.records import bodies
from lifecycle.records.approval import Envelope, GovernanceStatement
from lifecycle.records.events import Actor
from lifecycle.records.gates import RequiredApproval
from lifecycle.records.record import canonical_bytes, digest_of
from tests.evidence.house import ORIGIN, House, evaluated, lived
from tests.evidence.packs import files_of, listed_anew, packed, rebuilt, signed_anew, verify


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "house")


def broken(house: House, tmp_path: Path) -> list[str]:
    house.checkpoint()
    return verify(packed(house), tmp_path / "run", str(house.log_key)).broken


def test_two_approvals_by_one_person_as_if_by_two(house: House, tmp_path: Path) -> None:
    """Both statements are rita's; the gate was told that sam gave one."""
    about = evaluated(house)
    first = house.approves("rita", about)
    second = house.approves("rita", about).model_copy(update={"approver": "sam"})
    house.decides("deployment", about, "allow", first, second)
    assert any("what was signed has the approver 'rita'" in finding for finding in broken(house, tmp_path))


@pytest.mark.parametrize(
    "differently",
    [
        {"subject_digest": digest_of(b"other")},
        {"dataset_digest": digest_of(b"other")},
        {"report_digest": digest_of(b"other")},
        {"evidence_digest": digest_of(b"other")},
        {"bundle_digest": digest_of(b"other")},
        {"environment": "production"},
        {"approved_at_us": 1},
        {"expires_at_us": 9 * 10**15},
    ],
)
def test_say_of_an_approval_what_was_not_signed(house: House, differently: dict[str, Any], tmp_path: Path) -> None:
    """Each part of what the gate was shown is held against the statement."""
    about = evaluated(house)
    house.decides("deployment", about, "allow", house.approves("rita", about).model_copy(update=differently))
    (part,) = differently
    assert any(f"what was signed has the {part}" in finding for finding in broken(house, tmp_path))


def test_count_an_approval_in_a_role_that_was_never_given(house: House, tmp_path: Path) -> None:
    """rita is an engineer by her enrolment, whatever role the gate was told."""
    house.enrols("rita", "engineer")
    house.enrols("dora", "risk")
    house.ingests()
    about = house.trains(1)
    house.evaluates(about)
    house.decides("promotion", about, "needs_approval")
    house.decides("deployment", about, "allow", house.approves("rita", about))
    assert any("allows without 1 approvals of the role risk" in finding for finding in broken(house, tmp_path))


@pytest.mark.parametrize("payload_type", [GovernanceStatement.payload_type, "application/vnd.lifecycle.enrolment+json"])
def test_pass_a_signature_off_as_one_under_something_else(house: House, payload_type: str, tmp_path: Path) -> None:
    """The signature is rita's, and the bytes read like an approval; it was made as another kind of thing."""
    about = evaluated(house)
    real = house.approves("rita", about)
    envelope = house.ledger.events(types=("ApprovalGiven",))[-1].event.body.envelope  # type: ignore[attr-defined]  # By its type.
    signature = house.people["rita"].sign(pre_authentication(payload_type, envelope.payload_bytes()))
    other = envelope.model_copy(update={"payload_type": payload_type, "signature": base64.b64encode(signature).decode()})
    forged = bodies.ApprovalGiven.model_construct(envelope=Envelope.model_validate(other.model_dump()))
    house.happened(forged, about, actor=Actor(id="rita", kind="human", authenticated=True), outputs={"approval": real.statement_digest})
    house.decides("deployment", about, "allow", real)
    assert any(f"holds what was signed as {payload_type}" in finding for finding in broken(house, tmp_path))


def test_deploy_on_no_approval_because_none_is_said_to_be_needed(house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The rules are not evaluated again, and that is said."""
    monkeypatch.setattr("tests.evidence.house.RequiredApproval", lambda **said: RequiredApproval(**{**said, "count": 0}))
    about = evaluated(house)
    house.rolls_out(about, house.decides("deployment", about, "allow"))
    house.checkpoint()
    result = verify(packed(house), tmp_path / "run", str(house.log_key))
    assert [check["holds"] for check in result.said["checks"] if "the rules of a bundle decide so" in check["what"]] == [None]


def relogged(files: dict[str, bytes], house: House, path: str, event: Any) -> None:
    """Another record in the place of one, under a root that the log's own key signs: what only the operator can do."""
    index, stored = int(path.removeprefix("leaves/")[:6]), canonical_bytes(event)
    (tile,) = [name for name in files if name.startswith("tile/")]
    files[tile] = files[tile][: index * 32] + leaf_hash(stored) + files[tile][(index + 1) * 32 :]
    hashes = [files[tile][at : at + 32] for at in range(0, len(files[tile]), 32)]
    key = SigningKey.parse((house.folder / "keys" / "ledger.key").read_text(encoding="utf-8"))
    files["checkpoint"] = sign(Checkpoint(ORIGIN, len(hashes), root_of(hashes)), key).encode()
    del files[path]
    new = leaf_path(index, event["type"])
    files[new] = stored
    listed_anew(files, lambda about: next(one for one in about["leaves"] if one["path"] == path).update(path=new))
    signed_anew(files, house)


@pytest.mark.parametrize(
    ("event_type", "body"),
    [
        ("RolloutRequested", {"rollout_id": "r", "decision_id": "promotion-2"}),
        ("RolloutStepReached", {"rollout_id": "r", "step": 0, "weight": 1.0}),
        ("RolloutCompleted", {"rollout_id": "r", "superseded_version": 1}),
        ("RolledBack", {"rollback_id": "r", "from_version": 1, "to_version": 2, "to_digest": "sha256:" + "0" * 64}),
    ],
)
def test_serve_what_nobody_decided_to_roll_out(event_type: str, body: dict[str, Any], tmp_path: Path) -> None:
    """credit:2 was denied, and a record says that it serves: it names no decision, so there must be one that allows its bytes."""
    house = lived(tmp_path / "house")
    pack = packed(house)
    path = next(path for path in files_of(pack) if path.endswith("-ModelEvaluated.json") and b'"version":2' in files_of(pack)[path])
    event = {**json.loads(files_of(pack)[path]), "type": event_type, "body": body, "outputs": []}
    result = verify(rebuilt(pack, lambda files: relogged(files, house, path, event)), tmp_path / "run", str(house.log_key))
    assert result.broken == [f"record 12 ({event_type}) has no deployment decision before it that allows these bytes here"]
