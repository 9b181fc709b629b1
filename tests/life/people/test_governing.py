"""Who governs the governors: nothing decides outside `local` that somebody proposed and two others agreed to."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lifecycle.approvals.keys import create_key, key_id_of, load_key
from lifecycle.approvals.statements import signed
from lifecycle.cli import main
from lifecycle.errors import LifecycleError, Refused, UnknownName
from lifecycle.life.gates import governed
from lifecycle.life.gates.asking import ask
from lifecycle.life.gates.governed import in_force, on_disk, open_proposals
from lifecycle.life.gates.standing import body_of
from lifecycle.life.people.enrolment import enrol
from lifecycle.life.people.governing import agree, propose
from lifecycle.life.people.rollout_words import PeoplesWord
from lifecycle.life.recording import Step
from lifecycle.life.revocation import revoke
from lifecycle.policy.bundle import Bundle
from lifecycle.records.approval import RolloutStatement
from lifecycle.records.bodies import GovernanceChanged, ModelTrained, SignatureBarred
from lifecycle.records.identity import now_us
from lifecycle.serving.rollouts.word import Word
from lifecycle.wiring import Departments
from tests.policy.questions import changed, good
from tests.records.samples.happenings import of_training

PEOPLE = ("ada", "rita", "rob", "olga")
WHY = "the yearly review"


@pytest.fixture
def project(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with this repository's policies, four governors, and an environment in which agreement is needed."""
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    shutil.copytree(repository / "governance", tmp_path / "governance")
    (tmp_path / "keys").mkdir()
    write_people(tmp_path, *(governor(tmp_path, name) for name in PEOPLE))
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(tmp_path))
    monkeypatch.setenv("LIFECYCLE_ENVIRONMENT", "staging")
    return tmp_path


@pytest.fixture
def departments(project: Path) -> Iterator[Departments]:
    made = Departments.here()
    yield made
    made.ledger.close()


def governor(project: Path, name: str, *, role: str = "governor") -> dict[str, Any]:
    """A person with a key of their own in keys/."""
    public = create_key(project / "keys" / f"{name}.key")
    return {"id": name, "roles": [role], "keys": [{"id": key_id_of(public), "public": public}]}


def write_people(project: Path, *people: dict[str, Any], **more: Any) -> None:
    (project / "governance" / "people.yaml").write_text(yaml.safe_dump({"people": list(people), **more}))


def change_limits(project: Path, least: int = 2000) -> None:
    file = project / "governance" / "limits" / "consumer_credit.yaml"
    file.write_text(file.read_text().replace("value: 1000,", f"value: {least},"))


def key(project: Path, person: str) -> Path:
    return project / "keys" / f"{person}.key"


def proposed(departments: Departments, project: Path, person: str = "ada") -> str:
    return propose(departments, person=person, key_file=key(project, person), reason=WHY).statement.proposal_id


def agreed(departments: Departments, project: Path, *people: str) -> None:
    for person in people:
        agree(departments, person=person, key_file=key(project, person), reason=WHY)


def asked(departments: Departments) -> str:
    """What a gate that stands for all of them says."""
    question = good(Bundle.load(departments.settings.project / "governance"), "data_access")
    return ask(departments, changed(question, "target", "environment", "staging"), Step(run_id="run")).result.outcome


def test_nothing_decides_before_the_bootstrap(departments: Departments, project: Path) -> None:
    """No policy that nobody agreed to, and one agreement is none; with the second of two others it decides at once."""
    with pytest.raises(Refused) as refusal:
        asked(departments)
    assert refusal.value.rules == ("GOV-001",)
    proposed(departments, project)
    agreed(departments, project, "rita")
    with pytest.raises(Refused):
        asked(departments)
    agreed(departments, project, "rob")
    assert asked(departments) == "allow"
    assert in_force(departments) == on_disk(departments)


def test_what_is_returned_is_what_stands(departments: Departments, project: Path) -> None:
    """The records of a proposal and of an agreement are those of the ledger, with the place that it gave them."""
    made = propose(departments, person="ada", key_file=key(project, "ada"), reason=WHY)
    agreement = agree(departments, person="rita", key_file=key(project, "rita"), reason=WHY)
    assert [made.recorded, agreement.recorded] == departments.ledger.events(types=("GovernanceProposed", "GovernanceSigned"))


def test_somebody_of_the_home_does_not_govern_and_is_told_why(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`people list` shows them, so that nobody goes by their name is not what is wrong."""
    monkeypatch.setenv("LIFECYCLE_ENVIRONMENT", "local")
    departments = Departments.here()
    enrol(departments, "homer", roles=("governor",))
    with pytest.raises(Refused, match="homer is enrolled in this home alone") as refusal:
        propose(departments, person="homer", key_file=key(project, "ada"), reason=WHY)
    assert refusal.value.rules == ("GOV-004",)
    assert "lifecycle people add homer --role governor --project" in refusal.value.next_step
    assert departments.ledger.events(types=("GovernanceProposed",)) == []
    departments.ledger.close()


def test_somebody_who_came_since_the_people_in_force_were_agreed_to_is_told_so(departments: Departments, project: Path) -> None:
    """Those who are in force let them in, by a change that they agree to; somebody whom nobody knows is named as unknown."""
    proposed(departments, project)
    agreed(departments, project, "rita", "rob")
    people = yaml.safe_load((project / "governance" / "people.yaml").read_text())["people"]
    write_people(project, *people, governor(project, "nina"))
    now = Departments.here()
    with pytest.raises(Refused, match="nina is enrolled since the people in force were agreed to"):
        propose(now, person="nina", key_file=key(project, "nina"), reason=WHY)
    with pytest.raises(UnknownName, match="'nobody'"):
        propose(now, person="nobody", key_file=key(project, "nina"), reason=WHY)
    now.ledger.close()


@pytest.mark.parametrize("edit", ["limits", "people", "policy"])
def test_a_locally_edited_file_is_refused(departments: Departments, project: Path, edit: str) -> None:
    """A limit, a person or a rule that no agreement covers: no gate decides, and nothing is recorded as decided."""
    proposed(departments, project)
    agreed(departments, project, "rita", "rob")
    if edit == "limits":
        change_limits(project)
    elif edit == "people":
        write_people(project, *(governor(project, f"{name}_2") for name in PEOPLE))
    else:
        rego = project / "governance" / "policies" / "gates" / "data_access" / "data_access.rego"
        rego.write_text(rego.read_text() + "\n")
    elsewhere = Departments.here()
    with pytest.raises(Refused) as refusal:
        asked(elsewhere)
    assert refusal.value.rules == ("GOV-002",)
    assert elsewhere.ledger.events(types=("DecisionMade",)) == []


def test_in_local_files_count_as_they_are(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a laptop nobody has to agree."""
    monkeypatch.setenv("LIFECYCLE_ENVIRONMENT", "local")
    departments = Departments.here()
    question = good(departments.gate_keeper.bundle, "data_access")
    assert ask(departments, question, Step(run_id="run")).allowed


def test_nobody_agrees_to_their_own_proposal_or_twice(departments: Departments, project: Path) -> None:
    """Neither the proposer nor one person for two, whatever key."""
    proposed(departments, project)
    for person, before in (("ada", ()), ("rita", ("rita",))):
        agreed(departments, project, *before)
        with pytest.raises(Refused) as refusal:
            agreed(departments, project, person)
        assert refusal.value.rules == ("GOV-005",)
        assert refusal.value.what == f"{person} had a part in this already."
    assert in_force(departments) is None


def test_a_delegation_is_no_second_person(departments: Departments, project: Path) -> None:
    """Whoever acts for the proposer, or for one who agreed, is not another."""
    people = yaml.safe_load((project / "governance" / "people.yaml").read_text())["people"]
    write_people(project, *people, delegations=[{"from": "ada", "to": "rita"}, {"from": "rob", "to": "olga"}])
    proposed(departments, project)
    with pytest.raises(Refused) as refusal:
        agreed(departments, project, "rita")
    assert refusal.value.rules == ("GOV-005",)
    agreed(departments, project, "rob")
    with pytest.raises(Refused):
        agreed(departments, project, "olga")
    assert in_force(departments) is None


def test_only_a_governor_in_force_has_a_say(departments: Departments, project: Path) -> None:
    """After the bootstrap those whom the last agreement names judge, and nobody whom the change would bring in."""
    proposed(departments, project)
    agreed(departments, project, "rita", "rob")
    people = yaml.safe_load((project / "governance" / "people.yaml").read_text())["people"]
    write_people(project, *people, governor(project, "mallory"), governor(project, "trent"), governor(project, "eve", role="risk"))
    fresh = Departments.here()
    for person in ("mallory", "eve"):
        with pytest.raises(LifecycleError):
            proposed(fresh, project, person)
    proposed(fresh, project)
    with pytest.raises(LifecycleError):
        agreed(fresh, project, "mallory")
    agreed(fresh, project, "rita", "rob")
    change_limits(project)
    newest = Departments.here()
    proposed(newest, project, "mallory")
    agreed(newest, project, "trent", "rita")
    assert in_force(newest) == on_disk(newest)


def test_a_role_that_is_not_governor_proposes_nothing(departments: Departments, project: Path) -> None:
    """Being enrolled is not enough."""
    people = yaml.safe_load((project / "governance" / "people.yaml").read_text())["people"]
    write_people(project, *people, governor(project, "eve", role="risk"))
    with pytest.raises(Refused) as refusal:
        proposed(departments, project, "eve")
    assert refusal.value.rules == ("GOV-004",)


def test_another_s_key_signs_nothing(departments: Departments, project: Path) -> None:
    """A name without its key is nobody."""
    with pytest.raises(Refused) as refusal:
        propose(departments, person="ada", key_file=key(project, "rita"), reason=WHY)
    assert refusal.value.rules == ("KEY-ENROLLED",)
    assert departments.ledger.events(types=governed.GOVERNING) == []


def test_what_a_revoked_key_signed_does_not_count(departments: Departments, project: Path) -> None:
    """Neither its proposal nor its agreement, from before or after."""
    proposed(departments, project)
    agreed(departments, project, "rita")
    hers = key(project, "rita")
    revoke(departments, key_id_of(hers.with_suffix(".pub").read_text().strip()), reason="lost", person="rita", key_file=hers)
    (standing,) = open_proposals(departments)
    assert standing.agreed_by == ()
    agreed(departments, project, "rob")
    assert in_force(departments) is None
    with pytest.raises(LifecycleError):
        agreed(departments, project, "rita")
    agreed(departments, project, "olga")
    assert in_force(departments) is not None


def test_a_proposal_is_void_once_something_else_came_into_force(departments: Departments, project: Path) -> None:
    """It was read as a change of what stood then."""
    proposed(departments, project)
    agreed(departments, project, "rita", "rob")
    change_limits(project)
    first = proposed(Departments.here(), project)
    change_limits(project, 2000)
    file = project / "governance" / "limits" / "consumer_credit.yaml"
    file.write_text(file.read_text().replace("value: 2000,", "value: 3000,"))
    fresh = Departments.here()
    second = proposed(fresh, project, "rita")
    with pytest.raises(UnknownName, match="Which proposal"):
        agreed(fresh, project, "rob")
    for person in ("rob", "olga"):
        agree(fresh, person=person, key_file=key(project, person), reason=WHY, proposal_id=second)
    with pytest.raises(UnknownName, match="Nothing is proposed"):
        agree(fresh, person="rob", key_file=key(project, "rob"), reason=WHY, proposal_id=first)


def test_what_counts_already_is_not_proposed_again(departments: Departments, project: Path) -> None:
    """A change that is none is told so."""
    proposed(departments, project)
    agreed(departments, project, "rita", "rob")
    with pytest.raises(Refused) as refusal:
        proposed(departments, project)
    assert refusal.value.rules == ("GOV-003",)


def test_a_proposal_expires(departments: Departments, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody agreed to in its time is over."""
    proposed(departments, project)
    later = open_proposals(departments)[0].statement.expires_at_us
    monkeypatch.setattr(governed, "now_us", lambda: later)
    assert open_proposals(departments) == []


def test_two_who_agree_at_once_both_count_once(departments: Departments, project: Path) -> None:
    """Of a race there is one change, by two people."""
    proposed(departments, project)
    threads = [threading.Thread(target=agreed, args=(Departments.here(), project, person)) for person in ("rita", "rob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (change,) = departments.ledger.events(types=("GovernanceChanged",))
    assert sorted(body_of(change, GovernanceChanged).agreed_by) == ["rita", "rob"]


def test_status_propose_and_agree_on_the_command_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What differs, what waits for whom, and when it counts; as a table and as JSON."""
    Departments.here().ledger.close()

    def run(*command: str) -> Any:
        capsys.readouterr()
        assert main.run(["governance", *command, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    def signing(person: str) -> tuple[str, ...]:
        return ("--as", person, "--key", str(key(project, person)), "--reason", WHY)

    assert run("status")["agreed"] is False
    made = run("propose", *signing("ada"))
    assert (made["missing"], made["in_force"]) == (2, False)
    assert run("agree", *signing("rita"))["agreed_by"] == ["rita"]
    assert main.run(["governance", "status"]) == 0
    assert "rita" in capsys.readouterr().out
    assert run("agree", made["proposal"], *signing("rob"))["in_force"] is True
    standing = run("status")
    assert standing["agreed"] is True
    assert standing["in_force"] == standing["on_disk"]


def test_who_was_not_agreed_to_has_no_word_on_a_rollout(departments: Departments, project: Path) -> None:
    """Attack: an operator of one's own in people.yaml. Before the first agreement nobody's word counts, after an edit nobody's any more."""
    trained = next(event for event in of_training() if isinstance(event.body, ModelTrained))
    departments.ledger.append(trained)
    people = yaml.safe_load((project / "governance" / "people.yaml").read_text())["people"]
    people.append(governor(project, "omar", role="operator"))
    write_people(project, *people)
    asked = PeoplesWord(departments)

    def say(person: str) -> None:
        registry, about = Departments.here(make=False).people, trained.subject
        assert (about.version, about.digest) != (None, None)
        said = RolloutStatement(
            part="promote",
            rollout_id="r1",
            model=about.name,
            version=about.version or 0,
            model_digest=about.digest or "",
            signer=person,
            reason=WHY,
            environment="staging",
            nonce=person,
            signed_at_us=now_us(),
            expires_at_us=now_us() + 3_600_000_000,
        )
        asked(Word.signed(signed(said, load_key(key(project, person)), registry)), about)

    with pytest.raises(Refused) as before:
        say("omar")
    agreed_to = Departments.here()
    proposed(agreed_to, project)
    agreed(agreed_to, project, "rita", "rob")
    say("omar")
    write_people(project, *people, governor(project, "mallory", role="operator"))
    with pytest.raises(Refused) as after:
        say("mallory")
    with pytest.raises(Refused) as theirs:
        say("omar")
    assert [refusal.value.rules for refusal in (before, after, theirs)] == [("GOV-001",), ("GOV-002",), ("GOV-002",)]
    barred = departments.ledger.events(types=("SignatureBarred",))
    assert [body_of(one, SignatureBarred).person for one in barred] == ["omar", "mallory", "omar"]
