"""Packs that somebody forged, with no key or with one too many: each is found, or what is not known is said to be so."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lifecycle.evidence.layout import leaf_path
from lifecycle.evidence.pack import Scope
from lifecycle.ledger.log_key.keys import ensure_log_key
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.proofs.merkle import Frontier
from lifecycle.proofs.notes import Checkpoint, SigningKey, sign
from lifecycle.proofs.rotation import Rotation
from lifecycle.proofs.trust import TrustedKey, TrustFile
from lifecycle.records import bodies
from lifecycle.records.bodies.keeping import LeafRange
from lifecycle.records.events import Subject
from lifecycle.records.record import Digest, digest_of
from tests.evidence.house import ORIGIN, START_US, House, evaluated, lived
from tests.evidence.lived_house import house, pack
from tests.evidence.packs import files_of, listed_anew, packed, rebuilt, relisted, signed_anew, verify

__all__ = ["house", "pack"]

Files = dict[str, bytes]


def drop(files: Files, *types: str, version: int | None = None) -> None:
    """Takes the records of these types out, and out of the list; what only they named goes with them."""
    gone = [
        path
        for path in files
        if path.startswith("leaves/") and path.partition("-")[2].removesuffix(".json") in types
        if version is None or json.loads(files[path])["subject"]["version"] == version
    ]
    assert gone
    for path in gone:
        del files[path]
    listed_anew(files, lambda about: about.update(leaves=[one for one in about["leaves"] if one["path"] not in gone], streams={}))
    left = b"".join(content for path, content in files.items() if path.startswith("leaves/"))
    about = json.loads(files["pack.json"])
    kept = [one for one in about["proven"] if one["digest"].encode() in left or one["role"] == "signing_key" or "/model-" in one["path"]]
    for entry in about["proven"]:
        if entry not in kept:
            del files[entry["path"]]
    listed_anew(files, lambda about: about.update(proven=kept))


def held(said: Any, words: str) -> list[bool | None]:
    """Whether what the program says in these words holds."""
    return [check["holds"] for check in said["checks"] if words in check["what"]]


# The list, and what is missing


def test_drop_the_records_that_name_the_key_and_sign_with_one_s_own(house: House, pack: bytes, tmp_path: Path) -> None:
    """Somebody with no key: no training and no denial, another page, and a key of their own in the place of the one that signed."""
    stranger = House(tmp_path / "stranger")

    def alter(files: Files) -> None:
        drop(files, "ModelTrained")
        drop(files, "DecisionMade", version=2)
        relisted(files, "index.html", b"<p>The board approved it.</p>")
        old = next(path for path in files if path.startswith("proven/signing-key-"))
        relisted(files, old, stranger.signer.public_pem)
        listed_anew(files, lambda about: about.update(signing_key=digest_of(stranger.signer.public_pem)))
        signed_anew(files, stranger)

    forged = rebuilt(pack, alter)
    for trust in ((str(house.log_key),), (str(house.log_key), house.checkpoint())):
        result = verify(forged, tmp_path / str(len(trust)), *trust)
        assert (result.code, result.level) == (1, "none")
        assert any("by a key that a record or you name" in finding for finding in result.broken)


def test_the_key_of_the_list_may_be_what_you_knew_before(house: House, pack: bytes, tmp_path: Path) -> None:
    """Where no record names it: given as --trust it counts, and one of somebody else does not."""

    def alter(files: Files) -> None:
        drop(files, "ModelTrained")
        signed_anew(files, house)

    forged, other = rebuilt(pack, alter), House(tmp_path / "other").signer.public_pem
    known = verify(forged, tmp_path / "known", str(house.log_key), house.signer.public_pem)
    assert not any("by a key that" in finding for finding in known.broken)
    assert any("by a key that" in finding for finding in verify(forged, tmp_path / "unknown", str(house.log_key), other).broken)


def test_a_pack_of_a_period_without_a_training_brings_one_along(house: House, tmp_path: Path) -> None:
    """So that its list is signed by a key that a record names."""
    moment = house.ledger.events(types=("PersonEnrolled",))[-1].event.occurred_at_us
    period = packed(house, Scope(since_us=moment, until_us=moment + 1))
    assert any(path.endswith("ModelTrained.json") for path in files_of(period))
    assert verify(period, tmp_path, str(house.log_key)).broken == []


def test_drop_a_record_and_the_word_that_all_are_here(house: House, pack: bytes, tmp_path: Path) -> None:
    """With the key of the models that is a pack in part, and it is said that it is."""

    def alter(files: Files) -> None:
        drop(files, "ModelEvaluated", version=2)
        signed_anew(files, house)

    whole, part = (verify(one, tmp_path / name, str(house.log_key)) for one, name in ((pack, "all"), (rebuilt(pack, alter), "part")))
    for result, holds, here in ((whole, True, 12), (part, None, 11)):
        assert held(result.said, "All of the first 10 records on model/credit") == [holds]
        assert held(result.said, f"All records are here: {here} of 14") == [None]


def test_drop_a_record_of_a_subject_that_is_said_to_be_whole(house: House, pack: bytes, tmp_path: Path) -> None:
    """The last as well as one in between: the list says how many there are."""

    def alter(files: Files) -> None:
        drop(files, "DecisionMade", version=2)
        listed_anew(files, lambda about: about.update(streams={"model/credit": 10}))
        signed_anew(files, house)

    result = verify(rebuilt(pack, alter), tmp_path, str(house.log_key))
    assert "number 10 of the 10 records on model/credit is missing" in result.broken


# Places


def test_list_a_record_under_a_place_of_one_s_own(tmp_path: Path) -> None:
    """An enrolment from after the approval, listed at a negative index: a record's place is where the tree holds it."""
    house = House(tmp_path / "house")
    about = evaluated(house)
    house.people["mallory"] = Ed25519PrivateKey.generate()
    approval, key = house.approves("mallory", about), house.people["mallory"]
    house.enrols("mallory", "risk")
    enrolment = house.ledger.head().size - 1
    house.decides("deployment", about, "allow", approval)
    house.checkpoint()
    assert key is not house.people["mallory"]

    def alter(files: Files) -> None:
        def move(about: Any) -> None:
            entry = next(one for one in about["leaves"] if one["index"] == enrolment)
            entry["index"] -= about["size"]

        listed_anew(files, move)
        signed_anew(files, house)

    result = verify(rebuilt(packed(house), alter), tmp_path / "run", str(house.log_key))
    assert any("no key that was enrolled for mallory" in finding for finding in result.broken)


@pytest.mark.parametrize("index", [-1, 3, 10**6, "3", True, None])
def test_show_a_record_twice(house: House, pack: bytes, index: Any, tmp_path: Path) -> None:
    """Under another name and another number it is still one record, in one place."""

    def alter(files: Files) -> None:
        first = next(path for path in sorted(files) if path.startswith("leaves/000006-"))
        again = leaf_path(3 if not isinstance(index, int) else abs(index), "DecisionMade")
        files[again] = files[first]
        listed_anew(files, lambda about: about["leaves"].append({"index": index, "path": again, "subject": {"kind": "model", "name": "x"}}))
        signed_anew(files, house)

    assert verify(rebuilt(pack, alter), tmp_path, str(house.log_key)).code != 0


# What was pruned


def pruned(folder: Path, *, covers: int, version: int = 2) -> tuple[House, bytes]:
    """A house that says that the denial of credit:2 was pruned, and its pack without the bytes."""
    house = lived(folder)
    denial = house.ledger.events(types=("DecisionMade",), version=version)[-1].index
    body = bodies.BodiesPruned(
        ranges=(LeafRange(start=denial, end=denial + covers),),
        count=covers,
        before_us=START_US,
        policy_digest=digest_of(b"retention"),
        closed_versions=(),
        rule="ApprovalBarred",
        columns_digest=digest_of(b"columns"),
    )
    house.happened(body, Subject(kind="ledger", name="ledger"))
    house.checkpoint()

    def alter(files: Files) -> None:
        path = leaf_path(denial, "DecisionMade")
        del files[path]
        listed_anew(files, lambda about: next(one for one in about["leaves"] if one["path"] == path).update(path=""))
        about = json.loads(files["pack.json"])
        inputs = [one for one in about["proven"] if one["path"] == f"proven/input-promotion-{denial:06}.json"]
        for one in inputs:
            del files[one["path"]]
        listed_anew(files, lambda about: about.update(proven=[one for one in about["proven"] if one not in inputs]))
        signed_anew(files, house)

    return house, rebuilt(packed(house), alter)


def test_prune_a_denial_away(tmp_path: Path) -> None:
    """What it said is unknown, and that is said."""
    house, pack = pruned(tmp_path / "house", covers=1)
    result = verify(pack, tmp_path / "run", str(house.log_key))
    assert held(result.said, "All of the first 10 records on model/credit") == [None]
    assert held(result.said, "All records are here: 12 of 15") == [None]


def test_prune_what_is_yet_to_come(tmp_path: Path) -> None:
    """A record can say of no later one that it is gone."""
    house, pack = pruned(tmp_path / "house", covers=5)
    result = verify(pack, tmp_path / "run", str(house.log_key))
    assert result.broken == []
    later = rebuilt(pack, lambda files: listed_anew(files, lambda about: about["leaves"].append({"index": 14, "path": ""})))
    assert "record 14 has no bytes, and no record says that they were pruned" in verify(later, tmp_path / "later").broken


# Who is enrolled


class Registered(House):
    """A house whose decisions and enrolments name a registry of people that is in the artifact store."""

    registry = b"{}"

    def keep(self, what: str) -> Digest:
        return self.artifacts.put(self.registry) if what == "people" else super().keep(what)

    def has_registry(self, *keys_of: str, **person: Any) -> None:
        """The registry from here on: rita with the keys of these people."""
        publics = [base64.b64encode(self.people[name].public_key().public_bytes_raw()).decode() for name in keys_of]
        keys = [{"id": "key-of-rita", "public": public, "from_us": None, "until_us": None} for public in publics]
        rita = {"id": "rita", "roles": ["risk"], "teams": [], "keys": keys, **person}
        self.registry = json.dumps({"people": {"rita": rita}, "groups": [], "delegations": []}).encode()


def approved(house: Registered, at_last: str = "rita") -> Subject:
    """A version that was trained, evaluated and approved by rita, with the key of somebody."""
    house.ingests()
    about = house.trains(1)
    house.evaluates(about)
    house.decides("promotion", about, "needs_approval")
    approval = house.approves("rita", about, key_of=at_last)
    house.decides("deployment", about, "allow", approval)
    return about


@pytest.fixture
def registered(tmp_path: Path) -> Registered:
    house = Registered(tmp_path / "registered")
    house.people |= {name: Ed25519PrivateKey.generate() for name in ("rita", "mallory")}
    house.has_registry("rita")
    return house


def test_a_key_of_the_registry_that_decisions_name_counts(registered: Registered, tmp_path: Path) -> None:
    """Nobody was enrolled by a record of their own."""
    approved(registered)
    registered.checkpoint()
    assert verify(packed(registered), tmp_path / "run", str(registered.log_key)).broken == []


def test_put_a_registry_in_that_no_decision_names(registered: Registered, tmp_path: Path) -> None:
    """A file with the role `people`, named by the reason of some record, enrols nobody."""
    evil = base64.b64encode(registered.people["mallory"].public_key().public_bytes_raw()).decode()
    content = json.dumps({"people": {"rita": {"keys": [{"id": "key-of-rita", "public": evil}]}}}).encode()
    approved(registered, "mallory")
    registered.happened(bodies.KeyRevoked(person="sam", key_id="k", reason=f"See {digest_of(content)}."), Subject(kind="key", name="log"))
    registered.checkpoint()

    def alter(files: Files) -> None:
        files["proven/people-evil.json"] = content
        entry = {"digest": digest_of(content), "path": "proven/people-evil.json", "role": "people"}
        listed_anew(files, lambda about: about["proven"].append(entry))
        signed_anew(files, registered)

    result = verify(rebuilt(packed(registered), alter), tmp_path / "run", str(registered.log_key))
    assert any("no key that was enrolled for rita signed this" in finding for finding in result.broken)


def test_enrol_a_key_after_it_signed(registered: Registered, tmp_path: Path) -> None:
    """A later registry has it; the approval is of before."""
    about = approved(registered, "mallory")
    registered.has_registry("rita", "mallory")
    registered.decides("promotion", about, "deny")
    registered.checkpoint()
    result = verify(packed(registered), tmp_path / "run", str(registered.log_key))
    assert any("no key that was enrolled for rita signed this" in finding for finding in result.broken)


# The log's key


def test_hand_over_with_a_stolen_key_that_was_retired(tmp_path: Path) -> None:
    """Its end is known, and what comes after it: it can name no other heir."""
    house = House(tmp_path / "house")
    old = SigningKey.parse((house.folder / "keys" / "ledger.key").read_text(encoding="utf-8"))
    heir, thief = SigningKey.generate(ORIGIN), SigningKey.generate(ORIGIN)
    evaluated(house)
    end = house.ledger.head().size
    change = Rotation.signed(old, thief, from_size=end + 1, old_until_size=end, reason="Believe me.")
    body = bodies.LogKeyRotated(
        old_key=str(change.old),
        new_key=str(change.new),
        from_size=change.from_size,
        old_until_size=change.old_until_size,
        reason=change.reason,
        old_signature=base64.b64encode(change.old_signature).decode(),
        new_signature=base64.b64encode(change.new_signature).decode(),
    )
    house.happened(body, Subject(kind="key", name="log"))
    with LedgerRows(house.url, writable=True) as rows:
        head = Frontier.from_bytes(rows.head().frontier)
        rows.keep_checkpoint(head.size, head.root(), sign(Checkpoint(ORIGIN, head.size, head.root()), thief))
    keys = (TrustedKey(key=str(old.verifier), until_size=end), TrustedKey(key=str(heir.verifier), from_size=end + 1))
    result = verify(packed(house), tmp_path / "run", TrustFile(origin=ORIGIN, log_keys=keys).canonical(), options=("--require", "L1"))
    assert (result.code, result.at("L1")) == (1, False)


def test_add_a_key_by_a_line_of_a_policy(house: House, pack: bytes, tmp_path: Path) -> None:
    """Where a trust file says which keys the log has, a policy adds none."""
    other = ensure_log_key((tmp_path / "keys"), ORIGIN)
    policy = f"log {house.log_key}\nquorum none\n"
    bound = TrustFile(origin=ORIGIN, log_keys=(TrustedKey(key=str(other)),))
    assert verify(pack, tmp_path / "alone", policy).at("L1") is True
    assert verify(pack, tmp_path / "both", policy, bound.canonical()).at("L1") is False
    assert verify(pack, tmp_path / "inside", bound.model_copy(update={"policy": policy}).canonical()).at("L1") is False
