"""The evidence pack: what goes in, and that the program that comes with it verifies it alone."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from lifecycle.errors import Unavailable, UnknownName
from lifecycle.evidence.pack import Scope
from lifecycle.proofs.trust import TrustedKey, TrustFile
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.events import Event, Link, Subject
from lifecycle.records.record import digest_of
from tests.evidence.house import ORIGIN, PIPELINE, VERIFY, House, evaluated, lived
from tests.evidence.packs import files_of, packed, verify


def test_the_program_verifies_a_pack_alone(pack: bytes, tmp_path: Path) -> None:
    """In a bare interpreter, away from this package, it finds that everything holds and says L0 and why not more."""
    result = verify(pack, tmp_path)
    assert (result.code, result.level, result.broken) == (0, "L0", [])
    assert [result.at(level) for level in ("L1", "L2", "L3", "L4")] == [None] * 4


def test_a_pack_that_was_unpacked_verifies_as_well(pack: bytes, tmp_path: Path) -> None:
    """The folder says what the zip file says."""
    for path, content in files_of(pack).items():
        (tmp_path / "unpacked" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "unpacked" / path).write_bytes(content)
    assert verify(tmp_path / "unpacked", tmp_path / "elsewhere").said == verify(pack, tmp_path / "here").said


def test_the_log_s_key_leads_to_the_first_level(house: House, pack: bytes, tmp_path: Path) -> None:
    """The auditor had the verifier key."""
    result = verify(pack, tmp_path, str(house.log_key))
    assert (result.code, result.level) == (0, "L1")


def test_a_checkpoint_that_was_held_leads_to_the_second_level(tmp_path: Path) -> None:
    """Whatever size it is of: the hashes of all leaves are in the pack."""
    house = House(tmp_path / "house")
    about = evaluated(house)
    earlier = house.checkpoint()
    house.rolls_out(about, house.decides("deployment", about, "allow", house.approves("rita", about)))
    house.checkpoint()
    result = verify(packed(house), tmp_path / "run", str(house.log_key), earlier)
    assert (result.code, result.level) == (0, "L2")


def test_a_trust_file_holds_all_of_it(house: House, pack: bytes, tmp_path: Path) -> None:
    """One file of `lifecycle.trust/1` does what its parts do."""
    file = TrustFile(origin=ORIGIN, log_keys=(TrustedKey(key=str(house.log_key)),), checkpoints=(house.checkpoint(),))
    assert verify(pack, tmp_path, file.canonical()).level == "L2"


def test_a_level_can_be_required(pack: bytes, house: House, tmp_path: Path) -> None:
    """What is not reached fails, although nothing is broken."""
    assert verify(pack, tmp_path, str(house.log_key), options=("--require", "L1")).code == 0
    result = verify(pack, tmp_path, str(house.log_key), options=("--require", "L2"))
    assert (result.code, result.broken) == (1, [])


def test_the_same_ledger_gives_the_same_bytes(house: House, pack: bytes) -> None:
    """No clock and no chance gets into a pack."""
    assert packed(house) == pack


def test_a_pack_holds_every_record_on_its_model_and_behind_its_approvals(pack: bytes) -> None:
    """The whole streams of model, data and approver, and nothing of people who had no part."""
    about = json.loads(files_of(pack)["pack.json"])
    assert about["streams"] == {"dataset/credit": 1, "model/credit": 10, "person/rita": 1}


def test_files_of_another_version_are_left_out_and_said_to_be(pack: bytes) -> None:
    """credit:2 has a pack of its own."""
    about = json.loads(files_of(pack)["pack.json"])
    assert {entry["why"] for entry in about["left_out"] if entry["role"] == "report_html"} == {
        "it belongs to another version, which has a pack of its own"
    }


def test_a_segment_in_which_two_versions_answered_brings_no_model_of_the_other(tmp_path: Path) -> None:
    """It is on no version, and names the models of both."""
    house = lived(tmp_path / "house")
    models = {one.event.subject.version: one.event.subject.digest for one in house.ledger.events(types=("ModelTrained",))}
    body = PredictionsSealed(segment="a.jsonl", stream="stream", number=1, rows=0, from_us=0, to_us=0, root=digest_of(b"root"), versions=())
    event = Event.happened(
        body,
        subject=Subject(kind="model", name="credit"),
        actor=PIPELINE,
        environment="local",
        inputs=tuple(Link(role="model", digest=str(digest)) for digest in models.values()),
    )
    house.ledger.append(event)
    house.checkpoint()
    about = json.loads(files_of(packed(house))["pack.json"])
    assert [entry["digest"] for entry in about["proven"] if entry["role"] == "model"] == [models[1]]
    assert {entry["digest"] for entry in about["left_out"] if entry["role"] == "model"} == {models[2]}
    assert verify(packed(house), tmp_path / "run", str(house.log_key)).level == "L1"


def test_rows_of_data_are_never_in_a_pack(pack: bytes) -> None:
    """They may be personal; their digest is there."""
    about = json.loads(files_of(pack)["pack.json"])
    assert "dataset" in {entry["role"] for entry in about["left_out"]}
    assert "dataset" not in {entry["role"] for entry in about["proven"]}


def test_a_pack_of_a_period_holds_every_record_of_it(house: House, tmp_path: Path) -> None:
    """Without a gap, and with the people behind it."""
    moments = [one.event.occurred_at_us for one in house.ledger.events()]
    pack = packed(house, Scope(since_us=moments[5], until_us=moments[9]))
    about = json.loads(files_of(pack)["pack.json"])
    assert about["range"] == [5, 9]
    assert {5, 6, 7, 8} <= {entry["index"] for entry in about["leaves"]}
    assert verify(pack, tmp_path, str(house.log_key)).level == "L1"


def test_a_period_brings_along_what_its_decisions_rest_on(house: House, tmp_path: Path) -> None:
    """The approval that was used up, and the decision that a rollout went by, may be older than the period."""
    for event_type in ("DecisionMade", "RolloutRequested"):
        moment = list(house.ledger.events(types=(event_type,), version=1))[-1].event.occurred_at_us
        pack = packed(house, Scope(since_us=moment))
        assert verify(pack, tmp_path / event_type, str(house.log_key)).broken == []


def test_a_version_that_the_ledger_does_not_know_has_no_pack(house: House) -> None:
    """The versions that there are can be listed."""
    with pytest.raises(UnknownName, match="credit:9"):
        packed(house, Scope("credit", 9))


def test_a_ledger_that_was_never_signed_can_t_be_packed(tmp_path: Path) -> None:
    """There would be nothing that the leaves stand under."""
    house = House(tmp_path)
    house.ingests()
    with pytest.raises(Unavailable, match="not been signed"):
        packed(house)


def test_what_came_after_the_checkpoint_is_not_packed(tmp_path: Path) -> None:
    """A pack holds what was signed."""
    house = lived(tmp_path / "house")
    before = packed(house)
    house.trains(3)
    assert packed(house) == before


def test_the_program_is_short_and_imports_nothing_of_ours() -> None:
    """One file of at most 400 lines, on the standard library and `cryptography`."""
    text = VERIFY.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    tree = ast.walk(ast.parse(text))
    modules = {
        node.module if isinstance(node, ast.ImportFrom) else name.name
        for node in tree
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    import sys

    assert {str(module).partition(".")[0] for module in modules} - set(sys.stdlib_module_names) == {"cryptography"}


def test_what_the_store_lost_is_no_other_version_s(tmp_path: Path) -> None:
    """Attack: the rules are deleted before the pack is made. That another version was judged by the same ones is no excuse for it."""
    house = lived(tmp_path / "house")
    bundle = house.keep("bundle")
    next((tmp_path / "house").rglob(bundle.removeprefix("sha256:"))).unlink()
    left_out = json.loads(files_of(packed(house))["pack.json"])["left_out"]
    assert [one["why"] for one in left_out if one["digest"] == bundle] == ["the artifact store does not hold it"]
