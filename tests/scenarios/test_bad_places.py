"""Bad places, damage and crowds, on the real command line: a clear error, an exit code that says of what kind, and nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import skip_or_fail
from tests.scenarios.commands import REASON, CommandLine, approval, clear_error, gateway, kept, project_copy, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bad_places")]

# Places.


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("train", "credit"),
        ("demo",),
        ("up", "--port", "3999"),
        ("gateway", "start"),
        ("ledger", "verify"),
        ("ledger", "log"),
        ("ledger", "checkpoint"),
        ("deploy", "credit:1"),
        ("people", "add", "somebody", "--role", "risk", "--key", "any.pub"),
        ("lineage", "show", "credit:1"),
    ],
    ids=" ".join,
)
def test_a_home_that_can_not_be_made_is_said_to_be_so(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Where a file stands in the way of the home, every verb says so; the file stays as it was."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    told = CommandLine(tmp_path / "file" / "home")(*arguments)
    assert told.code != 0
    assert "Traceback" not in told.err
    assert str(tmp_path / "file" / "home") in told.err or "any.pub" in told.err
    assert "Next: " in told.err
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("folder", ["", "ledger", "artifacts"])
def test_a_home_that_can_not_be_written_loses_nothing(home: Path, tmp_path: Path, folder: str) -> None:
    """Without write access to the home, its ledger or its store, a training fails with what it lacks; all that stood stands."""
    lifecycle = CommandLine(home, project_copy(tmp_path))
    before = lifecycle.types()
    with read_only(home / folder):
        told = clear_error(CommandLine(home, lifecycle.project, unprivileged())("train", "credit"), 5)
    assert "write" in told or "Permission denied" in told
    assert "access" in told
    after = lifecycle.types()
    assert after[: len(before)] == before
    assert "ModelTrained" not in after[len(before) :]
    lifecycle.require_whole_ledger()


def unprivileged() -> tuple[str, ...]:
    """What to put in front of a command so that modes of files count, also where the tests run as root."""
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        skip_or_fail("nothing is unwritable for root, and setpriv is not here to give its privileges away")
    return (setpriv, "--bounding-set=-dac_override,-dac_read_search,-fowner")


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    modes = {path: path.stat().st_mode for path in (folder, *folder.rglob("*")) if not path.is_symlink()}
    for path, mode in modes.items():
        path.chmod(mode & 0o555)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


@pytest.mark.parametrize("verb", [("gateway", "start"), ("gateway", "run"), ("up",)], ids=" ".join)
def test_a_port_in_use_is_named_with_the_option_that_chooses_another(home: Path, verb: tuple[str, ...]) -> None:
    """What listens there goes on listening; no process of ours is left behind."""
    lifecycle = CommandLine(home)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = clear_error(lifecycle(*verb, "--port", str(port)), 5)
        assert str(port) in told
        assert "use" in told
        assert "--port" in told
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    assert json.loads(lifecycle("gateway", "status", "--json").out)["running"] is False
    lifecycle.require_whole_ledger()


# Damage.


def flip_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o644)
    file.write_bytes(content)


def test_a_corrupt_dataset_is_named_and_nothing_is_trained_on_it(home: Path, tmp_path: Path) -> None:
    """The store holds other bytes under a dataset's digest: it says which, and what to keep."""
    lifecycle = CommandLine(home, project_copy(tmp_path))
    (ingested,) = [event["subject"] for event in lifecycle.events() if event["type"] == "DatasetIngested"]
    flip_a_byte(kept(home, ingested["digest"]))
    told = clear_error(lifecycle("train", "credit"), 4)
    assert ingested["digest"] in told
    assert "restore" in told
    assert "ModelTrained" not in lifecycle.types()[-3:]
    # The ledger stands; what verification finds is the dataset, by its digest, and nothing else.
    found = json.loads(lifecycle("ledger", "verify", "--json").out)["findings"]
    assert [ingested["digest"] in finding["what"] for finding in found] == [True]


def test_a_corrupt_model_is_not_deployed(home: Path) -> None:
    """A byte of the network is not what was signed: the gate denies it, the gateway is not told, nothing serves."""
    lifecycle = CommandLine(home)
    (trained,) = lifecycle.bodies("ModelTrained")
    manifest = json.loads(kept(home, trained["model_digest"]).read_bytes())
    (network,) = [file["digest"] for file in manifest["files"] if file["path"].endswith(".onnx")]
    assert lifecycle(*approval(home)).code == 0
    flip_a_byte(kept(home, network))
    with gateway(lifecycle):
        assert "signature" in clear_error(lifecycle("deploy", "credit:1"), 3)
        assert json.loads(lifecycle("gateway", "status", "--json").out)["models"] == []
    assert "RolloutRequested" not in lifecycle.types()
    lifecycle.require_whole_ledger()


# At the same time.


def test_a_locked_ledger_is_said_to_be_locked_and_takes_the_next_attempt(home: Path) -> None:
    """While another process holds it nothing is written and the error says so; afterwards the same command does its work."""
    lifecycle = CommandLine(home)
    before = lifecycle.types()
    file = home / "ledger" / "ledger.db"
    holder = sqlite3.connect(file, isolation_level=None)
    try:
        holder.execute("BEGIN EXCLUSIVE")
        impatient = {"LIFECYCLE_LEDGER_URL": f"sqlite:///{file}?timeout=0.5"}
        told = clear_error(lifecycle(*approval(home), **impatient), 5)
        assert "locked by another process" in told
        assert "Nothing was written" in told
        assert "locked" in clear_error(lifecycle("train", "credit", **impatient), 5)
        holder.execute("ROLLBACK")
    finally:
        holder.close()
    assert lifecycle.types() == before
    assert lifecycle(*approval(home)).code == 0
    assert lifecycle.types() == [*before, "ApprovalGiven"]
    lifecycle.require_whole_ledger()


def test_a_writer_that_waits_gets_its_turn(home: Path) -> None:
    """A lock that is given back within the patience of a writer is no error at all."""
    lifecycle = CommandLine(home)
    holder = sqlite3.connect(home / "ledger" / "ledger.db", isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(3.0, lambda: holder.execute("ROLLBACK"))
    release.start()
    assert lifecycle(*approval(home)).code == 0
    release.join()
    holder.close()
    lifecycle.require_whole_ledger()


def test_of_two_candidates_in_flight_the_second_is_refused_and_keeps_its_approval(home: Path, tmp_path: Path) -> None:
    """While credit:1 is rolled out credit:2 can't be; once credit:1 is taken out, the same approval deploys credit:2."""
    lifecycle = CommandLine(home, project_copy(tmp_path))
    assert lifecycle("train", "credit").code == 0
    for version in ("credit:1", "credit:2"):
        assert lifecycle(*approval(home, version)).code == 0
    with gateway(lifecycle):
        with lifecycle.started("deploy", "credit:1") as first:
            wait_until(lambda: "RolloutStepReached" in lifecycle.types(), "the rollout of credit:1 has begun")
            told = clear_error(lifecycle("deploy", "credit:2"), 3)
            assert "credit:1 is being rolled out, so credit:2 can't be" in told
            assert lifecycle.types().count("RolloutRequested") == 1
            assert lifecycle.states() == {"credit:1": "rolling_out", "credit:2": "waiting"}
            assert lifecycle("rollback", "credit", *REASON).code == 0
            assert first.wait(60) == 1
        with lifecycle.started("deploy", "credit:2") as second:
            wait_until(lambda: lifecycle.types().count("RolloutStepReached") == 2, "the rollout of credit:2 has begun")
            assert lifecycle("rollback", "credit", *REASON).code == 0
            assert second.wait(60) == 1
    lifecycle.require_whole_ledger()
