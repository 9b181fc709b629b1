"""Attack: change what lies beside the gateway while it is down, so that its next start serves something else."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest

from lifecycle.records.bodies.serving import Trigger
from lifecycle.records.record import canonical_bytes
from lifecycle.serving.folder import GatewayFolder
from tests.serving.packages import MODEL, order, plan
from tests.serving.running import RunningGateway, running_gateway


def package(gateway: RunningGateway, version: int) -> Path:
    return GatewayFolder(gateway.folder).package(MODEL, version, gateway.pack(version).digest)


@pytest.mark.parametrize("file", ["model/model.onnx", "model/preprocessor.json", "order.json", "model.sig", "model/manifest.json"])
def test_a_changed_file_is_not_served(tmp_path: Path, file: str) -> None:
    """After any change in the cache, the model is out of service and the status says why; the gateway itself runs."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.serve(5, model="fraud")
        gateway.stop()
        changed = package(gateway, 1) / file
        content = changed.read_bytes()
        changed.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
        gateway.start()
        caller = gateway.caller()
        assert caller.infer()[0] == 503
        assert gateway.model().fault
        assert caller.infer(model="fraud")[0] == 200


def test_one_models_files_in_anothers_place_are_not_served(tmp_path: Path) -> None:
    """A package that was copied over another one is recognised by its digest."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.serve(2)
        gateway.stop()
        shutil.rmtree(package(gateway, 2))
        shutil.copytree(package(gateway, 1), package(gateway, 2))
        gateway.start()
        assert gateway.caller().infer()[0] == 503
        assert "is for credit:1" in gateway.model().fault


@pytest.mark.parametrize("copied", [False, True], ids=["the journal alone", "with the files under the other name"])
def test_bytes_that_were_allowed_as_one_version_do_not_serve_as_another(tmp_path: Path, copied: bool) -> None:
    """A journal that gives the champion's name to the bytes of another version, allowed or not, serves nothing."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.serve(3)
        gateway.stop()
        journal = gateway.folder / "journal.jsonl"
        last = [line for line in map(json.loads, journal.read_bytes().splitlines()) if "state" in line][-1]
        digest = last["state"]["models"][0]["champion"]["digest"]
        last["state"]["models"][0]["champion"]["version"] = 1
        last["state"]["models"][0]["standby"] = []
        with journal.open("ab") as file:
            file.write(canonical_bytes({"state": last["state"], "events": []}) + b"\n")
        if copied:
            shutil.copytree(package(gateway, 3), GatewayFolder(gateway.folder).package(MODEL, 1, digest))
        gateway.start()
        assert gateway.caller().infer()[0] == 503
        assert "credit:1" in gateway.model().fault


def test_two_versions_of_the_same_bytes_are_both_deployable(tmp_path: Path) -> None:
    """A training that makes the same model again makes another version, with a decision of its own; a rollback tells them apart."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        again = order(gateway.pack(1), 2, gateway.key, plan())
        gateway.client.order(again, gateway.pack(1).folder)
        gateway.await_rollout(again.rollout_id, "completed")
        caller = gateway.caller()
        assert caller.infer()[1]["model_version"] == "2"
        trigger = Trigger(kind="person", metric="", value=None, limit=None, detail="test")
        gateway.client.rollback(MODEL, to_version=1, trigger=trigger, reason="test", rollback_id="b1")
        assert caller.infer()[1]["model_version"] == "1"
        gateway.stop()
        gateway.start()
        assert gateway.caller().infer()[1]["model_version"] == "1"


def test_a_journal_that_names_a_version_without_a_proof_serves_nothing(tmp_path: Path) -> None:
    """Writing oneself into the journal is not enough: what it names must be in the cache, with its proof."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.stop()
        denied = gateway.pack(9).digest
        journal = gateway.folder / "journal.jsonl"
        last = json.loads(journal.read_bytes().splitlines()[-2 if b"delivered" in journal.read_bytes().splitlines()[-1] else -1])
        last["state"]["models"][0]["champion"] = {"version": 9, "digest": denied, "cell": 1}
        with journal.open("ab") as file:
            file.write(canonical_bytes({"state": last["state"], "events": []}) + b"\n")
        gateway.start()
        assert gateway.caller().infer()[0] == 503
        assert "does not serve" in gateway.model().fault


def test_a_journal_that_gives_a_canary_more_than_its_plan_ends_the_rollout(tmp_path: Path) -> None:
    """The shares of a rollout are in the plan that the gate was shown, and no entry in the journal widens them."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        rollout = gateway.deploy(2, plan((0.1, 10_000, 60.0), (1.0, 1, 0.0)))
        gateway.await_weight(rollout, 0.1)
        gateway.stop()
        journal = gateway.folder / "journal.jsonl"
        last = [line for line in map(json.loads, journal.read_bytes().splitlines()) if "state" in line][-1]
        last["state"]["models"][0]["rollout"]["stages"][0]["weight"] = 1.0
        with journal.open("ab") as file:
            file.write(canonical_bytes({"state": last["state"], "events": []}) + b"\n")
        gateway.start()
        assert "not in its plan" in gateway.await_rollout(rollout, "aborted").reason
        caller = gateway.caller()
        assert {caller.infer()[1]["model_version"] for _ in range(20)} == {"1"}


def test_a_faulty_champion_can_be_deployed_again(tmp_path: Path) -> None:
    """What a change in the cache took out comes back by a fresh order."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.stop()
        (package(gateway, 1) / "model" / "model.onnx").write_bytes(b"nonsense")
        gateway.start()
        gateway.await_rollout(gateway.deploy(1, plan((1.0, 0, 0.0)), rollout_id="again"), "completed")
        assert gateway.caller().infer()[0] == 200
        assert gateway.model().fault == ""


def test_nobody_else_can_read_or_command_it(tmp_path: Path) -> None:
    """Folder, sockets and files are for the gateway's user alone."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.caller().infer()
        open_to_others = [path for path in gateway.folder.rglob("*") if stat.S_IMODE(path.stat().st_mode) & 0o077 and not path.is_dir()]
        outside = [path for path in open_to_others if not path.is_relative_to(gateway.folder / "packages")]
        assert outside == []
        assert stat.S_IMODE((gateway.folder / "packages").stat().st_mode) == 0o700
