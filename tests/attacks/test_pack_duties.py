"""What an operator may have recorded that should not have happened: the pack is whole and signed, and the program still says so."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lifecycle.evidence.verify import Leaf, Pack
from lifecycle.records import bodies
from lifecycle.records.gates import GateInput
from lifecycle.records.record import digest_of
from tests.desk.authenticators import Authenticator, ed25519_authenticator
from tests.evidence.house import HOUR_US, House, evaluated
from tests.evidence.packs import Result, packed, rebuilt, relisted, signed_anew, verify


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "house")


def found_in(house: House, tmp_path: Path) -> Result:
    house.checkpoint()
    result = said_of(house, tmp_path)
    assert (result.code, result.level) == (1, "none")
    return result


def said_of(house: House, tmp_path: Path) -> Result:
    house.checkpoint()
    return verify(packed(house), tmp_path / "run", str(house.log_key))


def test_approve_one_s_own_work(house: House, tmp_path: Path) -> None:
    """dora trained it."""
    about = evaluated(house)
    house.decides("deployment", about, "allow", house.approves("dora", about))
    assert any("dora approved their own work" in finding for finding in found_in(house, tmp_path).broken)


def test_approve_one_s_own_work_with_makers_left_out_of_the_input(house: House, tmp_path: Path) -> None:
    """The record of the training says who was in the team, whatever the gate was shown."""
    about = evaluated(house)
    house.decides("deployment", about, "allow", house.approves("dora", about), makers=())
    assert any("dora approved their own work" in finding for finding in found_in(house, tmp_path).broken)


def test_use_an_approval_twice(house: House, tmp_path: Path) -> None:
    """Two decisions name the same statement."""
    about = evaluated(house)
    approval = house.approves("rita", about)
    house.decides("deployment", about, "allow", approval)
    house.decides("deployment", about, "allow", approval)
    assert any("had used up" in finding for finding in found_in(house, tmp_path).broken)


def test_decide_before_the_approval(house: House, tmp_path: Path) -> None:
    """An approval that is recorded afterwards allowed nothing."""
    about = evaluated(house)
    later = House(tmp_path / "elsewhere", people=house.people)
    approval = later.approves("rita", about)
    house.decides("deployment", about, "allow", approval)
    assert any("no record before it holds" in finding for finding in found_in(house, tmp_path).broken)


def test_allow_without_an_approval(house: House, tmp_path: Path) -> None:
    """The decision itself says that one was required."""
    about = evaluated(house)
    house.decides("deployment", about, "allow")
    assert any("allows without 1 approvals of the role risk" in finding for finding in found_in(house, tmp_path).broken)


@pytest.mark.parametrize(
    ("differently", "said"),
    [
        ({"expires_at_us": 1}, "outside of its time"),
        ({"signed_at_us": 9 * 10**15, "expires_at_us": 9 * 10**15 + HOUR_US}, "outside of its time"),
        ({"model_digest": "sha256:" + "0" * 64}, "an approval of other bytes"),
        ({"environment": "production"}, "an approval for another environment"),
        ({"version": 7}, "what was signed has the version 7"),
        ({"approver": "sam"}, "what was signed has the approver 'sam'"),
    ],
)
def test_use_an_approval_of_something_else(house: House, differently: dict[str, Any], said: str, tmp_path: Path) -> None:
    """Another version, another place, another time, another person."""
    about = evaluated(house)
    house.decides("deployment", about, "allow", house.approves("rita", about, **differently))
    assert any(said in finding for finding in found_in(house, tmp_path).broken)


def test_sign_with_somebody_else_s_key(house: House, tmp_path: Path) -> None:
    """The envelope names rita's key, but sam's made the signature."""
    about = evaluated(house)
    house.decides("deployment", about, "allow", house.approves("rita", about, key_of="sam"))
    assert any("no key that was enrolled for rita signed this" in finding for finding in found_in(house, tmp_path).broken)


def test_approve_before_being_enrolled(house: House, tmp_path: Path) -> None:
    """A key counts from its enrolment on."""
    about = evaluated(house)
    house.people["mallory"] = Ed25519PrivateKey.generate()
    approval = house.approves("mallory", about)
    house.enrols("mallory", "risk")
    house.decides("deployment", about, "allow", approval)
    assert any("no key that was enrolled for mallory" in finding for finding in found_in(house, tmp_path).broken)


def test_use_an_approval_by_a_revoked_key(house: House, tmp_path: Path) -> None:
    """Whoever stole it can date a statement as they like."""
    about = evaluated(house)
    approval = house.approves("rita", about)
    house.revokes("rita")
    house.decides("deployment", about, "allow", approval)
    assert any("uses what rita signed, revoked before" in finding for finding in found_in(house, tmp_path).broken)


def test_use_an_approval_that_was_revoked(house: House, tmp_path: Path) -> None:
    """Whoever gave it has thought better of it; the decision comes too late."""
    about = evaluated(house)
    approval = house.approves("rita", about)
    taken = bodies.ApprovalRevoked(approver="rita", statement_digest=approval.statement_digest, reason="misread")
    house.happened(taken, about, inputs={"approval": approval.statement_digest})
    house.decides("deployment", about, "allow", approval)
    assert any("uses what rita signed, revoked before" in finding for finding in found_in(house, tmp_path).broken)


def test_record_another_input_than_the_gate_was_shown(house: House, tmp_path: Path) -> None:
    """The digest of the input is that of what was asked."""

    def prettier(shown: GateInput) -> GateInput:
        return shown.model_copy(update={"request": shown.request.model_copy(update={"break_glass": True})})

    house.decides("promotion", evaluated(house), "deny", altered=prettier)
    assert any("was shown another input" in finding for finding in found_in(house, tmp_path).broken)


def test_roll_out_what_no_decision_allowed(house: House, tmp_path: Path) -> None:
    """The rollout names a decision that there is not."""
    about = evaluated(house)
    house.decides("promotion", about, "allow")
    house.rolls_out(about, "no-decision")
    assert any("has no deployment decision before it" in finding for finding in found_in(house, tmp_path).broken)


def test_roll_out_under_the_decision_of_another_version(house: House, tmp_path: Path) -> None:
    """A decision allows the bytes that it names, and no others."""
    about = evaluated(house)
    allowed = house.decides("deployment", about, "allow", house.approves("rita", about))
    other = house.trains(2)
    house.evaluates(other)
    house.decides("promotion", other, "allow")
    house.rolls_out(other, allowed)
    assert any("has no deployment decision before it" in finding for finding in found_in(house, tmp_path).broken)


def test_sign_another_policy_in_somebody_else_s_name(house: House, tmp_path: Path) -> None:
    """Proposals of other policies, limits and people are signed like approvals, and held against the same keys."""
    about = evaluated(house)
    house.decides("deployment", about, "allow", house.approves("rita", about))
    house.proposes("rita", key_of="sam")
    assert any("GovernanceProposed" in finding and "rita signed this" in finding for finding in found_in(house, tmp_path).broken)


def test_a_policy_that_was_proposed_by_its_signer_is_no_finding(house: House, tmp_path: Path) -> None:
    """The same with rita's own key."""
    about = evaluated(house)
    house.decides("deployment", about, "allow", house.approves("rita", about))
    house.proposes("rita")
    house.checkpoint()
    assert verify(packed(house), tmp_path / "run", str(house.log_key)).broken == []


def test_a_passkey_signs_as_well_as_a_key_of_a_file(house: House, tmp_path: Path) -> None:
    """What an authenticator asserted is verified by the program alone."""
    for person, authenticator in (("rita", Authenticator()), ("sam", ed25519_authenticator())):
        house.enrols_with_passkey(person, authenticator, "risk")
    house.enrols("dora", "risk")
    house.ingests()
    about = house.trains(1)
    house.evaluates(about)
    house.decides("promotion", about, "needs_approval")
    house.decides("deployment", about, "allow", house.approves("rita", about), house.approves("sam", about))
    house.checkpoint()
    assert verify(packed(house), tmp_path / "run", str(house.log_key)).broken == []


def test_sign_with_somebody_else_s_passkey(house: House, tmp_path: Path) -> None:
    """The envelope names rita's passkey, but sam's made the assertion."""
    about = evaluated(house)
    for person in ("rita", "sam"):
        house.enrols_with_passkey(person, Authenticator(), "risk")
    del house.people["rita"]
    house.decides("deployment", about, "allow", house.approves("rita", about, key_of="sam"))
    assert any("no key that was enrolled for rita signed this" in finding for finding in found_in(house, tmp_path).broken)


def test_use_an_approval_by_a_key_in_other_hands(house: House, tmp_path: Path) -> None:
    """That comes out after the decision: what was signed from that record on never counted, so the version had no approval."""
    about = evaluated(house)
    stolen = house.ledger.head().size
    house.decides("deployment", about, "allow", house.approves("rita", about))
    house.revokes("rita", compromised_from=stolen)
    broken = found_in(house, tmp_path).broken
    assert any("it uses what rita signed, revoked before or with a key in other hands: record" in finding for finding in broken)
    assert any("allows without 1 approvals of the role risk" in finding for finding in broken)


def test_a_key_that_was_lost_after_it_signed_voids_nothing(house: House, tmp_path: Path) -> None:
    """What was deployed with it stands, and so does what was signed before it was in other hands."""
    about = evaluated(house)
    house.decides("deployment", about, "allow", house.approves("rita", about))
    house.revokes("rita", compromised_from=house.ledger.head().size)
    house.revokes("sam")
    assert said_of(house, tmp_path).broken == []


def test_an_approval_that_is_taken_back_later_is_told(house: House, tmp_path: Path) -> None:
    """The decision was right when it was taken; the auditor reads that nothing may rest on it any more."""
    about = evaluated(house)
    approval = house.approves("rita", about)
    house.decides("deployment", about, "allow", approval)
    taken = bodies.ApprovalRevoked(approver="rita", statement_digest=approval.statement_digest, reason="misread")
    house.happened(taken, about, inputs={"approval": approval.statement_digest})
    result = said_of(house, tmp_path)
    told = [check for check in result.said["checks"] if "takes back an approval" in check["what"]]
    assert (result.code, result.broken, [check["holds"] for check in told]) == (0, [], [None])
    assert "(DecisionMade)" in told[0]["what"]


def test_a_bundle_that_is_missing_breaks_the_pack(house: House, tmp_path: Path) -> None:
    """Attack: the rules are deleted before the pack is made, and nobody can take the decision again."""
    about = evaluated(house)
    house.decides("deployment", about, "allow", house.approves("rita", about))
    house.checkpoint()
    bundle = house.keep("bundle")
    next(house.folder.rglob(bundle.removeprefix("sha256:"))).unlink()
    result = verify(packed(house), tmp_path / "run", str(house.log_key))
    assert result.level == "none"
    assert any(f"the policy bundle {bundle} that it was taken by is missing" in finding for finding in result.broken)


def test_swap_a_policy_bundle_in_the_pack(house: House, tmp_path: Path) -> None:
    """With the list of the pack made and signed anew by a stolen key: the decision names other bytes, and no record names these."""
    about = evaluated(house)
    house.decides("deployment", about, "allow", house.approves("rita", about))
    house.checkpoint()
    bundle = house.keep("bundle")

    def alter(files: dict[str, bytes]) -> None:
        path = next(path for path, content in files.items() if digest_of(content) == bundle)
        relisted(files, path, b'{"says": "allow everything"}')
        signed_anew(files, house)

    result = verify(rebuilt(packed(house), alter), tmp_path / "run", str(house.log_key))
    assert any(f"the policy bundle {bundle} that it was taken by is missing" in finding for finding in result.broken)
    assert any("is named by no record" in finding for finding in result.broken)


@pytest.mark.parametrize(
    ("said_in", "where", "counts"), [("local", "production", False), ("production", "local", True), ("eu", "us", True)]
)
def test_a_key_is_void_by_a_word_in_local_there_only(said_in: str, where: str, counts: bool) -> None:
    """Attack: whoever has a home of their own on the same ledger revokes somebody's key in `local`, where nobody has to sign that."""
    back = Leaf(9, b"", {"type": "KeyRevoked", "environment": said_in}, {"key_id": "key", "compromised_from": 0})
    approval, used_by = Leaf(3, b"", {}, {"envelope": {"key_id": "key"}}), Leaf(5, b"", {"environment": where}, {})
    pack = cast("Pack", SimpleNamespace(happened=lambda *types: [back]))
    assert bool(Pack.voids(pack, "sha256:0", approval, used_by)) is counts
