"""Bad input, on the real command line: an error that says what to do next, an exit code that says of what kind, and nothing lost."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lifecycle.cli import main
from lifecycle.life import judging
from lifecycle.records.identity import now_us
from tests.scenarios.commands import CommandLine, change, clear_error, gateway, project_copy, wait_until
from tests.scenarios.homes import copy_of_home_at_the_gate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bad_input")]

OFFICER = "demo_risk_officer"
REASON = ("--reason", "It is within its limits.")
HOUR_US = 3_600_000_000


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """credit:1 waits for one approval of role risk; everything until there is signed."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    departments.checkpoint()
    departments.ledger.close()
    return departments.settings.home


def approval(home: Path, version: str = "credit:1", person: str = OFFICER) -> tuple[str, ...]:
    return ("approve", version, "--as", person, "--key", str(home / "keys" / "people" / f"{OFFICER}.key"), *REASON)


def altered(project: Path, alter: Callable[[list[list[str]]], None]) -> Path:
    """The project, with the rows of its source altered; the first row is the header."""
    file = project / "assets" / "credit" / "credit_applications.csv"
    with file.open(newline="") as stream:
        rows = list(csv.reader(stream))
    alter(rows)
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return project


# Data.


def test_a_missing_column_is_named(home: Path, tmp_path: Path) -> None:
    """The dataset is rejected by name of the column, the rejection is recorded, and nothing is trained."""

    def without_income(rows: list[list[str]]) -> None:
        place = rows[0].index("income")
        for row in rows:
            del row[place]

    lifecycle = CommandLine(home, altered(project_copy(tmp_path), without_income))
    before = lifecycle.types()
    told = clear_error(lifecycle("train", "credit"), 3)
    assert "income: the column is absent" in told
    assert "data.py" in told
    assert lifecycle.types()[len(before) :] == ["DatasetRejected"]
    assert lifecycle.states() == {"credit:1": "waiting"}
    lifecycle.require_whole_ledger()


def test_a_wrong_type_is_named_with_its_row_and_without_its_value(home: Path, tmp_path: Path) -> None:
    """A word where a number belongs: the error and the record name column and row, and never quote the field."""

    def with_a_word(rows: list[list[str]]) -> None:
        rows[4][rows[0].index("price")] = "Mustermann"

    lifecycle = CommandLine(home, altered(project_copy(tmp_path), with_a_word))
    told = clear_error(lifecycle("train", "credit"), 3)
    assert "price: is a finite number fails in 1 row (3)" in told
    assert "Mustermann" not in told
    (rejected,) = lifecycle.bodies("DatasetRejected")
    assert rejected["failures"] == [{"column": "price", "check": "is a finite number", "failures": 1, "positions": [3]}]
    lifecycle.require_whole_ledger()


# Evidence.


def test_a_model_that_answers_nan_never_gets_to_a_gate(home: Path, tmp_path: Path) -> None:
    """Weights that are no numbers are a failed training; no version, no evidence and no decision comes of them."""
    project = project_copy(tmp_path)
    spoilt = "    with torch.no_grad():\n        next(network.parameters()).fill_(float('nan'))\n"
    kept = 'TrainedNetwork(network, preprocessor, THRESHOLD, {"auc": 0.8})'
    network = project / "assets" / "credit" / "network.py"
    change(
        network,
        "    return TrainedNetwork(network, preprocessor, THRESHOLD, _validated(network, held_out, run))",
        f"{spoilt}    return {kept}",
    )
    lifecycle = CommandLine(home, project)
    told = clear_error(lifecycle("train", "credit"), 2)
    assert "diverged" in told
    assert lifecycle.types()[-1] == "TrainingFailed"
    assert lifecycle.states() == {"credit:1": "waiting"}
    lifecycle.require_whole_ledger()


def test_nan_in_the_evidence_of_a_gate_is_not_believed(home: Path) -> None:
    """Evidence whose numbers were replaced by NaN where it is kept: what reads it says so, and nobody's approval is taken."""
    lifecycle = CommandLine(home)
    (evaluated,) = lifecycle.bodies("ModelEvaluated")
    file = kept(home, evaluated["evidence_digest"])
    spoilt, places = re.subn(rb'"value":0\.\d+', b'"value":NaN', file.read_bytes())
    assert places
    file.chmod(0o644)
    file.write_bytes(spoilt)
    before = lifecycle.types()
    told = clear_error(lifecycle(*approval(home)), 4)
    assert "are not those bytes" in told
    assert lifecycle.types() == before
    lifecycle.require_whole_ledger()


# People.


def test_a_person_without_a_key_can_not_sign(home: Path) -> None:
    """Somebody who is not enrolled, a key file that is not there, and another's key: each error says which it is."""
    lifecycle = CommandLine(home)
    before = lifecycle.types()
    assert "Nobody here goes by 'stranger'" in clear_error(lifecycle(*approval(home, person="stranger")), 2)
    absent = ("approve", "credit:1", "--as", OFFICER, "--key", str(home / "none.key"), *REASON)
    assert "lifecycle keys new" in clear_error(lifecycle(*absent), 2)
    assert "demo_engineer" in clear_error(lifecycle(*approval(home, person="demo_engineer")), 3)
    assert lifecycle.types() == before
    lifecycle.require_whole_ledger()


def test_what_was_asked_for_too_long_ago_can_not_be_approved(home: Path, tmp_path: Path) -> None:
    """A request that has expired is refused with the rule, and the approval is not recorded."""
    project = project_copy(tmp_path)
    change(project / "assets" / "credit" / "model.py", "approval_valid_hours=72.0", "approval_valid_hours=1e-6")
    lifecycle = CommandLine(home, project)
    assert lifecycle("train", "credit").code == 0
    before = lifecycle.types()
    told = clear_error(lifecycle(*approval(home, "credit:2")), 3)
    assert "expired" in told
    assert "APR-004" in told
    assert lifecycle.types() == before
    lifecycle.require_whole_ledger()


def test_an_expired_approval_deploys_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Approved in time and deployed too late: the gate waits for a new approval, and none is used up."""
    lifecycle = CommandLine(home)
    assert lifecycle(*approval(home)).code == 0
    monkeypatch.chdir(lifecycle.project)
    monkeypatch.setenv("LIFECYCLE_HOME", str(home))
    monkeypatch.setattr(judging, "now_us", lambda: now_us() + 100 * HOUR_US)
    with gateway(lifecycle):
        capfd.readouterr()
        assert main.run(["deploy", "credit:1"]) == 3
    told = capfd.readouterr().err
    assert "waits for approval: 1 of role risk" in told
    assert "Traceback" not in told
    decided = lifecycle.bodies("DecisionMade")[-1]
    assert (decided["decision"]["result"]["outcome"], decided["consumed"]) == ("needs_approval", [])
    assert "RolloutRequested" not in lifecycle.types()
    lifecycle.require_whole_ledger()


# Policies.


def test_a_policy_with_a_syntax_error_is_named_with_its_line(home: Path, tmp_path: Path) -> None:
    """Nobody can approve or train under policies that do not compile; the file and the line are named."""
    project = project_copy(tmp_path)
    policy = project / "governance" / "policies" / "gates" / "data_access" / "data_access.rego"
    line = len(policy.read_text(encoding="utf-8").splitlines()) + 1
    policy.write_text(policy.read_text(encoding="utf-8") + "unfinished := {\n", encoding="utf-8")
    lifecycle = CommandLine(home, project)
    before = lifecycle.types()
    for arguments in (approval(home), ("train", "credit"), ("policy", "test")):
        assert f"data_access.rego:{line} is not Rego that compiles" in clear_error(lifecycle(*arguments), 2)
    assert [name for name in lifecycle.types()[len(before) :] if name != "DatasetIngested"] == []
    assert lifecycle.states() == {"credit:1": "waiting"}
    lifecycle.require_whole_ledger()


def test_a_policy_that_returns_nothing_for_anything_is_found_before_it_is_asked(home: Path, tmp_path: Path) -> None:
    """Its canary finds it: the gate is named, and what is missing."""
    lifecycle = CommandLine(home, with_decision(project_copy(tmp_path), "input.never"))
    before = lifecycle.types()
    told = clear_error(lifecycle(*approval(home)), 2)
    assert "data_access" in told
    assert "decided nothing" in told
    assert lifecycle.types() == before


def test_a_policy_that_returns_nothing_denies(home: Path, tmp_path: Path) -> None:
    """Where it answers its canary but not this question, the answer is no, with a rule of the house, and it is recorded."""
    lifecycle = CommandLine(home, with_decision(project_copy(tmp_path), 'input.subject.name != "credit"'))
    told = clear_error(lifecycle("train", "credit"), 3)
    assert "SYS-002" in told
    assert "decided nothing" in told
    assert lifecycle.types()[-1] == "DecisionMade"
    assert lifecycle.states() == {"credit:1": "waiting"}
    lifecycle.require_whole_ledger()


def with_decision(project: Path, condition: str) -> Path:
    """The project, with a gate for data that is defined under a condition only."""
    policy = project / "governance" / "policies" / "gates" / "data_access" / "data_access.rego"
    decision = 'decision := verdict.answer("data_access", passed, found, [], [])'
    change(policy, decision, f"{decision} if {condition}")
    return project


# Names.


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "loans"),
        ("deploy", "loans:1"),
        ("rollback", "loans", *REASON),
        ("approve", "loans:1", "--as", OFFICER, "--key", "any", *REASON),
        ("lineage", "show", "loans:1"),
        ("lineage", "export", "--format", "prov", "--model", "loans"),
        ("policy", "limits", "loans"),
        ("deploy", "credit:9"),
        ("deploy", "credit"),
        ("explain", "no-such-prediction"),
    ],
    ids=" ".join,
)
def test_an_unknown_name_is_an_error_that_lists_or_finds_the_known_ones(home: Path, arguments: tuple[str, ...]) -> None:
    """A model, version or prediction that nothing goes by changes nothing."""
    lifecycle = CommandLine(home)
    before = lifecycle.types()
    told = clear_error(lifecycle(*arguments), 2)
    assert arguments[-1].partition(":")[0] in told or "loans" in told
    assert lifecycle.types() == before


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
        pytest.skip("nothing is unwritable for root, and setpriv is not here to give its privileges away")
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


def kept(home: Path, digest: str) -> Path:
    """The file of the store that holds the bytes of a digest."""
    (found,) = (home / "artifacts").rglob(digest.removeprefix("sha256:"))
    return found


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
    lifecycle.require_whole_ledger()


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
