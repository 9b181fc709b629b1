"""`lifecycle keys` and `lifecycle people` as somebody types them."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from lifecycle.cli import main


def test_from_a_key_to_a_person_who_can_sign(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Make a key, enrol its owner, see them listed with what they may do."""
    assert main.run(["keys", "new", str(project / "alice.key"), "--for", "alice"]) == 0
    made = capsys.readouterr()
    key_id = made.out.split()[0]
    assert "lifecycle people add alice" in made.err
    assert stat.S_IMODE((project / "alice.key").stat().st_mode) == 0o600
    assert main.run(["people", "add", "alice", "--role", "risk", "--team", "risk_office", "--key", str(project / "alice.pub")]) == 0
    assert main.run(["people", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert listed["people"] == [
        {
            "id": "alice",
            "name": "",
            "roles": ["risk"],
            "acts_also_as": ["risk_office"],
            "keys": [key_id],
            "revoked_keys": [],
            "registry": "home",
        }
    ]
    assert main.run(["people", "list"]) == 0
    assert "risk_office" in capsys.readouterr().out
    assert main.run(["ledger", "log", "--type", "PersonEnrolled", "--json"]) == 0
    assert '"person": "alice"' in capsys.readouterr().out


def test_a_lost_key_is_revoked(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its id, with what happened to it; a key that nobody has is named."""
    assert main.run(["keys", "new", str(project / "alice.key")]) == 0
    key_id = capsys.readouterr().out.split()[0]
    assert main.run(["people", "add", "alice", "--role", "risk", "--key", str(project / "alice.pub")]) == 0
    assert main.run(["keys", "revoke", key_id, "--reason", "The laptop was stolen."]) == 0
    assert main.run(["ledger", "log", "--type", "KeyRevoked", "--json"]) == 0
    assert "The laptop was stolen." in capsys.readouterr().out
    assert main.run(["people", "list", "--json"]) == 0
    (alice,) = json.loads(capsys.readouterr().out)["people"]
    assert (alice["keys"], alice["revoked_keys"]) == ([], [key_id])
    assert main.run(["keys", "revoke", "ed25519-none", "--reason", "It was lost."]) == 2
    assert "no key 'ed25519-none' here" in capsys.readouterr().err


def test_an_empty_registry_says_what_to_do(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody enrolled is no error, and names the next step."""
    assert main.run(["people", "list"]) == 0
    assert "lifecycle people add" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["people", "add", "alice", "--key", "absent.pub"], 2, "There is no public key"),
        (["people", "add", "Alice Smith"], 2, "id"),
        (["people", "add", "alice", "--role", "rsk"], 2, "Did you mean risk?"),
        (["people", "add", "alice", "--role", "risk", "--role", "janitor"], 2, "governor, operator, risk"),
        (["keys", "new", "governance/people.yaml"], 2, "stands already"),
        (["keys", "new", "nowhere/alice.key"], 5, "can't be written"),
    ],
)
def test_what_makes_no_sense_is_said(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    """Clear words, and an exit code that says which kind of trouble it is."""
    monkeypatch.chdir(project)
    assert main.run(arguments) == code
    said = capsys.readouterr().err
    assert words in said
    assert "Next:" in said


def test_an_invitation_is_a_link_whose_secret_no_log_sees(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For somebody who is enrolled; what makes it good stands behind the #, and nowhere on disk."""
    assert main.run(["people", "invite", "alice"]) == 2
    assert "Nobody here goes by 'alice'" in capsys.readouterr().err
    assert main.run(["people", "add", "alice", "--role", "risk"]) == 0
    capsys.readouterr()
    assert main.run(["people", "invite", "alice", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    address, _, token = made["link"].partition("#")
    assert (made["person"], address, made["valid_seconds"]) == ("alice", "http://localhost:3001/enrol", 3_600)
    assert len(token) >= 43
    desk = project / ".lifecycle" / "desk"
    assert stat.S_IMODE(desk.stat().st_mode) == 0o700
    assert not [file for file in desk.iterdir() if token.encode() in file.read_bytes()]
    assert main.run(["people", "invite", "alice"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith(address)
    assert "once, for the next 60 minutes" in told.err


def test_a_role_that_a_rule_of_the_project_names_is_one(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever writes a rule of their own may enrol people for it, and a misspelt one of these is found as well."""
    rule = project / "governance" / "policies" / "lib" / "approvals" / "approvals.rego"
    rule.write_text(rule.read_text().replace('required_of_role := {"risk": limits', 'required_of_role := {"clinical_safety": limits', 1))
    assert main.run(["people", "add", "carla", "--role", "clinical_safety"]) == 0
    capsys.readouterr()
    assert main.run(["people", "add", "carlo", "--role", "clinical_saftey"]) == 2
    assert "Did you mean clinical_safety?" in capsys.readouterr().err
    assert main.run(["people", "list", "--json"]) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)["people"]] == ["carla"]
