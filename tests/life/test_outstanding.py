"""What was taken back while nothing takes it out: whoever looks is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lifecycle.cli import main
from lifecycle.desk.pages.inbox import inbox
from lifecycle.desk.pages.serving import serving_view
from lifecycle.life.gates import standing
from lifecycle.life.overview import overview
from lifecycle.life.revocation import revoke
from lifecycle.records.bodies.serving import RolledBack, RolloutCompleted, RolloutRequested, Trigger
from lifecycle.records.events import Actor, Event
from lifecycle.records.identity import new_id
from tests.desk.pages.rendered import rendered
from tests.life.test_revoking import House

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]


class Serving(House):
    """credit:1 serves by the ledger, and no gateway runs."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        vars(self.departments).pop("gateway")
        rollout_id = new_id()
        self.append(
            RolloutRequested(
                rollout_id=rollout_id,
                plan=self.departments.model("credit").rollout,
                decision_id=self.deployed(),
                champion_version=None,
                champion_digest=None,
            )
        )
        self.append(RolloutCompleted(rollout_id=rollout_id, superseded_version=None, superseded_digest=None, observed=()))
        assert standing.serving_version(self.departments, "credit") == 1

    def append(self, body: RolloutRequested | RolloutCompleted | RolledBack) -> None:
        subject = standing.trained(self.departments, "credit", 1).event.subject
        self.departments.ledger.append(
            Event.happened(body, subject=subject, actor=Actor(id="gateway", kind="service"), environment="local")
        )

    def taken_out(self) -> None:
        """As a gateway records it that goes back to nothing."""
        digest = standing.trained(self.departments, "credit", 1).event.subject.digest
        assert digest is not None
        self.append(
            RolledBack(
                rollback_id=new_id(),
                trigger=Trigger(kind="revocation", metric="", value=None, limit=None, detail="revoked"),
                from_version=1,
                from_digest=digest,
                to_version=None,
                to_digest=None,
                decided_at_us=1,
                actuation_us=1,
                observed=(),
            )
        )

    def told(self) -> list[str]:
        return [f"{one.model}:{one.version} {one.why}" for one in overview(self.departments).outstanding]


@pytest.fixture
def serving(tmp_path: Path) -> Serving:
    return Serving(tmp_path)


def test_an_approval_that_is_revoked_while_no_gateway_runs_is_told_of(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By `revoke` itself, by `status` and at the desk: by the ledger the version serves, and it may not."""
    assert serving.told() == []
    monkeypatch.setenv("LIFECYCLE_HOME", str(serving.departments.settings.home))
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(serving.departments.settings.project))
    assert main.run(["revoke", serving.given.event.id, "--reason", "I misread the report."]) == 0
    assert "No gateway runs here" in capsys.readouterr().err
    assert len(serving.told()) == 1
    assert main.run(["status"]) == 0
    said = capsys.readouterr().out
    assert "credit:1 may serve no more: what" in said
    assert "No gateway runs here: one that starts takes it out." in said
    assert main.run(["status", "--json"]) == 0
    (gone,) = json.loads(capsys.readouterr().out)["may_serve_no_more"]
    assert (gone["name"], gone["decision"] is None) == ("credit:1", False)
    box = rendered("inbox.html", "/", inbox=inbox(serving.departments, ("risk",)))
    page = rendered("serving.html", "/serving", view=serving_view(serving.departments), asked_for=False)
    for one in (box, page):
        assert [notice.says for notice in one.all("p", class_="is-bad") if "credit:1 may serve no more." in notice.says]


def test_what_was_taken_out_is_not_told_of_again(serving: Serving) -> None:
    """Once a gateway has recorded that it went back."""
    revoke(serving.departments, serving.given.event.id, reason="I misread the report.")
    assert len(serving.told()) == 1
    serving.taken_out()
    assert serving.told() == []


def test_a_key_that_is_revoked_and_was_never_in_other_hands_is_nothing_to_tell_of(serving: Serving) -> None:
    """What was deployed with it stands."""
    revoke(serving.departments, serving.key_id, reason="A new one is in use.")
    assert serving.told() == []
