"""`lifecycle ledger anchor`, `anchors`, `trust`, `tiles`, `rotate-key`, `prove --out`, `verify --trust`, against real anchors."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cli.main import run
from lifecycle.errors import InvalidDeclaration, Tampered, Unavailable
from lifecycle.ledger.keeping.copies import back_up
from lifecycle.ledger.ledger import Ledger
from lifecycle.proofs.cosignatures import cosignatures
from lifecycle.proofs.notes import VerifierKey, open_note
from lifecycle.proofs.tlog_proof import TlogProof
from lifecycle.proofs.trust import Trust
from lifecycle.wiring import Departments
from lifecycle.witness.server import WitnessServer
from tests.anchors.authority import LocalAuthority
from tests.ledger.happenings import happening, tamper
from tests.witness.logs import SIGNER, witness_at

Call = Callable[..., tuple[int, str]]


@pytest.fixture(scope="session")
def authority(tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return LocalAuthority(tmp_path_factory.mktemp("authority"), tool("openssl"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    (folder / "governance").mkdir(parents=True)
    (folder / "workspace.yaml").touch()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def home(project: Path) -> Departments:
    """A home with three events."""
    departments = Departments.here()
    with departments.ledger.writing() as writer:
        writer.append_all([happening(number) for number in range(3)])
    _ = departments.ledger_key
    return departments


@pytest.fixture
def call(project: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    def run_ledger(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(("ledger", *arguments))
        return code, capsys.readouterr().out

    return run_ledger


@pytest.fixture
def anchors(home: Departments, project: Path, tmp_path: Path, authority: LocalAuthority) -> Iterator[Path]:
    """A folder, a git remote, an authority and a witness, all of which answer; gives the folder that the anchors are in."""
    outside = tmp_path / "outside"
    outside.mkdir()
    subprocess.run(("git", "init", "--quiet", "--bare", str(outside / "auditor.git")), check=True, timeout=60)
    witness = WitnessServer("127.0.0.1", 0, witness_at(outside / "seen", home.ledger_key, now=lambda: int(time.time())))
    thread = threading.Thread(target=witness.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    governance = project / "governance"
    (governance / "tsa.pem").write_text(authority.root, encoding="utf-8")
    (governance / "witnesses.policy").write_text(f"witness w1 {SIGNER.verifier} {witness.url}\nquorum w1\n", encoding="utf-8")
    with authority.listening() as url:
        (governance / "anchors.yaml").write_text(
            f"""
schema_version: lifecycle.anchors/1
anchors:
  - {{name: archive, kind: folder, path: {outside / "archive"}}}
  - {{name: auditor, kind: git, remote: {outside / "auditor.git"}}}
  - {{name: clock, kind: timestamp, url: "{url}", certificates: tsa.pem}}
witnesses: witnesses.policy
""",
            encoding="utf-8",
        )
        yield outside
    witness.shutdown()
    thread.join()
    witness.server_close()


def in_json(answer: tuple[int, str]) -> Any:
    code, output = answer
    assert code == 0, output
    return json.loads(output)


def test_without_anchors_the_exposure_is_everything(call: Call, home: Departments) -> None:
    """That is said, and anchoring says what to declare."""
    assert call("anchor")[0] == InvalidDeclaration.exit_code
    code, output = call("anchors")
    assert code == 0
    assert "No anchors are declared" in output
    assert "Exposure: the whole ledger" in output
    assert in_json(call("anchors", "--json")) == {
        "declared": [],
        "schedule": None,
        "quorum": "none",
        "receipts": [],
        "exposure": {"anchor": None, "size": 0, "at_us": None, "leaves_since": home.ledger.head().size, "age_seconds": None},
    }


@pytest.mark.parametrize("verb", [("trust",), ("anchors",), ("rotate-key", "--reason", "yearly"), ("tiles", "tiles"), ("anchor",)])
def test_where_there_is_no_ledger_none_is_made(call: Call, project: Path, tmp_path: Path, verb: tuple[str, ...]) -> None:
    """Each verb says so, and leaves neither a ledger nor a key behind."""
    declared = "schema_version: lifecycle.anchors/1\nanchors: [{name: archive, kind: folder, path: ../../archive}]\n"
    (project / "governance" / "anchors.yaml").write_text(declared, encoding="utf-8")
    assert call(*verb)[0] == Unavailable.exit_code
    assert not (project / ".lifecycle" / "ledger").exists()
    assert not (project / ".lifecycle" / "keys").exists()


def test_every_anchor_sees_the_ledger(call: Call, home: Departments, anchors: Path) -> None:
    """Once; the second time none is asked again, and what came since is the exposure."""
    answer = in_json(call("anchor", "--json"))
    assert [(found["name"], found["kind"], found["ok"], found["again"], found["size"]) for found in answer["anchored"]] == [
        ("archive", "folder", True, False, 3),
        ("auditor", "git", True, False, 3),
        ("clock", "timestamp", True, False, 3),
        ("w1", "witness", True, False, 3),
    ]
    assert answer["exposure"]["leaves_since"] == 0
    assert [found["again"] for found in in_json(call("anchor", "--json"))["anchored"]] == [True] * 4
    home.ledger.append(happening(9))
    listed = in_json(call("anchors", "--json"))
    assert (len(listed["receipts"]), listed["exposure"]["leaves_since"], listed["quorum"]) == (4, 1, "w1")
    assert "1 record that no anchor has seen" in call("anchors")[1]


def test_verify_reaches_what_the_anchors_show(call: Call, home: Departments, anchors: Path, tmp_path: Path) -> None:
    """At home by what is declared, elsewhere by the trust file that was carried off, and by nothing else."""
    call("anchor")
    answer = in_json(call("verify", "--json"))
    assert (answer["level"], answer["signed_size"], answer["held_size"]) == ("L4", 3, 3)
    assert (answer["stamped_size"], answer["witnessed_size"], answer["notices"]) == (3, 3, [])
    trust = tmp_path / "trust.json"
    call("trust", "--out", str(trust))
    back_up(home.settings.ledger_url, tmp_path / "copy.db")
    url = f"sqlite:///{tmp_path}/copy.db"
    assert in_json(call("verify", "--json", "--url", url, "--trust", str(trust)))["level"] == "L4"
    key = home.settings.home / "keys" / "ledger.pub"
    bare = in_json(call("verify", "--json", "--url", url, "--trust", str(key)))
    assert bare["level"] == "L1"
    assert len(bare["notices"]) == 3
    tsa = home.settings.project / "governance" / "tsa.pem"
    assert in_json(call("verify", "--json", "--url", url, "--trust", str(key), "--trust", str(tsa)))["level"] == "L3"


def test_the_trust_file_holds_what_an_auditor_needs(call: Call, home: Departments, anchors: Path, authority: LocalAuthority) -> None:
    """Keys, witnesses, authorities, and the cosigned checkpoint of now."""
    call("anchor")
    code, output = call("trust")
    assert code == 0
    trust = Trust.read(output)
    assert (trust.origin, trust.log_keys, trust.witnesses) == (home.settings.origin, (home.ledger_key,), (SIGNER.verifier,))
    assert trust.tsa_certificates == (authority.root,)
    (note,) = trust.checkpoints
    assert open_note(note, trust.log_keys).size == 3
    assert len(cosignatures(note, trust.witnesses)) == 1


def test_a_rebuilt_ledger_is_refused_by_every_anchor_that_remembers(call: Call, home: Departments, anchors: Path) -> None:
    """With the log's own key, and the signer's memory thrown away: folder, git and witness refuse, and what is held shows it."""
    call("anchor")
    folder = home.settings.home / "ledger"
    home.ledger.close()
    for file in folder.iterdir():
        file.unlink()
    (home.settings.home / "keys" / "ledger.state").unlink()
    with Ledger.open(home.settings.ledger_url, origin=home.settings.origin) as rebuilt, rebuilt.writing() as writer:
        writer.append_all([happening(number) for number in range(100, 104)])
    code, output = call("anchor", "--json")
    assert code == Tampered.exit_code
    refused = {found["name"]: found["ok"] for found in json.loads(output)["anchored"]}
    assert refused == {"archive": False, "auditor": False, "clock": True, "w1": False}
    code, output = call("verify", "--json")
    assert code == Tampered.exit_code
    assert json.loads(output)["level"] == "L1"
    assert [found["breaks"] for found in json.loads(output)["findings"]] == ["L2"]


def test_an_anchor_that_is_down_keeps_no_other_from_being_asked(call: Call, home: Departments, anchors: Path, project: Path) -> None:
    """The exit code says that one did not answer; the receipts of the others are kept."""
    file = project / "governance" / "anchors.yaml"
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if "clock" not in line]
    dead = '  - {name: clock, kind: timestamp, url: "http://127.0.0.1:9/", certificates: tsa.pem}'
    file.write_text("\n".join([*lines[:3], dead, *lines[3:]]), encoding="utf-8")
    code, output = call("anchor", "--json")
    assert code == Unavailable.exit_code
    assert sorted(found["name"] for found in json.loads(output)["anchored"] if found["ok"]) == ["archive", "auditor", "w1"]
    assert len(in_json(call("anchors", "--json"))["receipts"]) == 3


def test_a_backdated_event_is_named(call: Call, home: Departments, anchors: Path) -> None:
    """It came after the anchors and claims to be older than they are."""
    call("anchor")
    home.ledger.append(happening(7).model_copy(update={"occurred_at_us": 1_000_000_000_000_000}))
    code, output = call("verify", "--json")
    assert code == Tampered.exit_code
    answer = json.loads(output)
    assert (answer["level"], [found["index"] for found in answer["findings"]]) == ("L2", [3])
    assert answer["findings"][0]["what"].endswith("backdated")


def test_a_proof_file_is_a_tlog_proof_with_its_cosignatures(call: Call, home: Departments, anchors: Path, tmp_path: Path) -> None:
    """The leaf beside it is what was hashed."""
    call("anchor")
    assert call("prove", "1", "--out", str(tmp_path / "one.tlog-proof"), "--leaf", str(tmp_path / "leaf"))[0] == 0
    proof = TlogProof.parse((tmp_path / "one.tlog-proof").read_text(encoding="utf-8"))
    assert proof.verify((tmp_path / "leaf").read_bytes(), [home.ledger_key]).size == 3
    assert len(cosignatures(proof.checkpoint, [SIGNER.verifier])) == 1


def test_tiles_are_exported_and_brought_up_to_date(call: Call, home: Departments, anchors: Path, tmp_path: Path) -> None:
    """With the cosignatures that are kept for the latest checkpoint."""
    call("anchor")
    assert in_json(call("tiles", str(tmp_path / "tiles"), "--json")) == {
        "folder": str(tmp_path / "tiles"),
        "size": 3,
        "first_entry": 0,
        "files": 3,
    }
    assert len(cosignatures((tmp_path / "tiles" / "checkpoint").read_text(encoding="utf-8"), [SIGNER.verifier])) == 1


def test_the_key_is_changed_and_everybody_follows(call: Call, home: Departments, tmp_path: Path) -> None:
    """Whoever holds the old trust file, and whoever gets the new one; the gateway finds the change beside the key."""
    old = tmp_path / "old.json"
    call("trust", "--out", str(old))
    answer = in_json(call("rotate-key", "--reason", "The yearly change.", "--overlap", "2", "--json"))
    assert [(key["from_size"], key["until_size"]) for key in answer["log_keys"]] == [(4, None), (0, 5)]
    assert open_note(answer["checkpoint"], [home.ledger_key]).size == 4
    for number in range(3):
        home.ledger.append(happening(50 + number))
    call("checkpoint")
    new = tmp_path / "new.json"
    call("trust", "--out", str(new))
    for trust in (old, new):
        found = in_json(call("verify", "--json", "--trust", str(trust)))
        assert (found["level"], found["signed_size"]) == ("L2", 7)
    assert (home.settings.home / "keys" / "ledger.changes").read_text(encoding="utf-8").startswith("3 ")
    bound = Trust.read(new.read_text(encoding="utf-8")).log_keys
    assert {(key.from_size, key.until_size) for key in bound} == {(4, None), (0, 5)}


def test_a_key_is_not_changed_without_a_reason(call: Call, home: Departments) -> None:
    """A blank one says nothing."""
    assert call("rotate-key", "--reason", "  ")[0] == InvalidDeclaration.exit_code
    assert home.ledger.events(types=("LogKeyRotated",)) == []


def test_what_is_no_trust_is_named_by_its_file(call: Call, home: Departments, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that says nothing is not passed over."""
    (tmp_path / "hello").write_text("hello", encoding="utf-8")
    assert run(("ledger", "verify", "--trust", str(tmp_path / "hello"))) == 2
    assert "hello: This is nothing that a ledger can be verified against" in capsys.readouterr().err.replace("\n", " ")


def test_trust_in_another_log_does_not_verify_this_one(call: Call, home: Departments, tmp_path: Path) -> None:
    """The key of a log of another name signs nothing here."""
    (tmp_path / "key").write_text(str(VerifierKey("example.org/other", home.ledger_key.public)), encoding="utf-8")
    call("checkpoint")
    code, output = call("verify", "--json", "--trust", str(tmp_path / "key"))
    assert code == Tampered.exit_code
    assert json.loads(output)["level"] == "L0"


def test_receipts_that_were_dropped_lower_the_level_and_are_missed(call: Call, home: Departments, anchors: Path) -> None:
    """Who drops them hides that anybody saw the ledger; the folder still holds the note."""
    call("anchor")
    tamper(home.settings.home / "ledger" / "ledger.db", "DELETE FROM anchors")
    answer = in_json(call("verify", "--json"))
    assert (answer["level"], answer["exposure"]["leaves_since"]) == ("L2", answer["size"])
