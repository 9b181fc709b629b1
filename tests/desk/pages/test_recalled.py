"""What a withdrawn version told callers, on its page and as a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.desk.pages.recalled import SHOWN, newest_recall, recall_file
from lifecycle.desk.pages.version import VersionView, version_view
from lifecycle.errors import Tampered, Unavailable, UnknownName
from lifecycle.life.gates import standing
from lifecycle.records.bodies.recalls import DecisionsRecalled
from lifecycle.records.bodies.serving import RolledBack, Trigger
from lifecycle.records.events import Event
from lifecycle.records.recall import RecallList
from lifecycle.records.record import digest_of
from lifecycle.wiring import Departments
from tests.desk.desks import desk_of
from tests.desk.pages.rendered import Element, rendered
from tests.desk.pages.served import DIFFERS, GATEWAY, deploy, recall
from tests.life.recalled_home import BAD, GOOD, RecalledHome
from tests.scenarios.homes import copy_of_home_at_the_gate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("desk-pages")]


def page_of(view: VersionView) -> Element:
    return rendered("version.html", "/versions/credit/1", view=view)


def section_of(view: VersionView) -> Element:
    return page_of(view).one("section", aria_labelledby="recall")


@pytest.fixture(scope="module")
def view(looked_at: Departments) -> VersionView:
    return version_view(looked_at, "credit", 1)


def test_a_version_that_was_never_rolled_out_has_nothing_to_recall(view: VersionView) -> None:
    """It told nobody anything."""
    assert not view.recallable
    assert view.recall is None
    assert not page_of(view).all("section", aria_labelledby="recall")


def test_a_version_that_was_taken_out_says_how_to_recall_it(tmp_path: Path) -> None:
    """Before anybody looked: with the command, and the job."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    deploy(departments, cast, 1)
    assert not version_view(departments, "credit", 1).recallable
    subject = standing.trained(departments, "credit", 1).event.subject
    body = RolledBack(
        rollback_id="r",
        trigger=Trigger(kind="person", metric="", value=None, limit=None, detail="It is bad."),
        from_version=1,
        from_digest=subject.digest or "",
        to_version=None,
        to_digest=None,
        decided_at_us=1,
        actuation_us=1,
        observed=(),
    )
    departments.ledger.append(Event.happened(body, subject=subject, actor=GATEWAY, environment="local"))
    view = version_view(departments, "credit", 1)
    assert (view.state, view.recallable, view.recall) == ("rolled_back", True, None)
    assert "lifecycle recall credit:1" in section_of(view).says


def test_the_figures_of_a_recall_stand_on_the_page_with_the_first_that_differ(departments: Departments) -> None:
    """How many, of how many, asked of which version; what was not asked is told, and what is not whole is a fault in words."""
    recall(departments, 1)
    view = version_view(departments, "credit", 1)
    section = section_of(view)
    for said in (
        "1,204",
        "1,197 of credit:1",
        "✕ 1",
        "3 erased",
        "2 not taken",
        "1 decision is not as sealed",
        "1 decision was sealed and not found",
    ):
        assert said in section.says
    assert section.one("tbody").one("tr").says == f"{DIFFERS.prediction_id} 1970-01-01 00:00 UTC bad 0.200 good 0.700"
    assert section.one("a", download="").attributes["href"] == "/versions/credit/1/recall.csv"
    assert "Recall" in page_of(view).one("nav", class_="contents").says


def test_a_list_that_the_store_has_lost_is_said_to_be_lost(departments: Departments) -> None:
    """The figures are in the ledger and stay."""
    digest = recall(departments, 1).list_digest.removeprefix("sha256:")
    (stored,) = (path for path in departments.settings.home.rglob(f"*{digest[2:]}*") if path.is_file())
    stored.unlink()
    section = section_of(version_view(departments, "credit", 1))
    assert "Lost." in section.says
    assert not section.all("a", download="")
    with pytest.raises(Unavailable, match="does not have the list"):
        recall_file(departments, "credit", 1)


@pytest.fixture
def recalled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecalledHome:
    """A home in which two decisions of credit:1 were recalled, one of which differs."""
    home = RecalledHome(tmp_path)
    monkeypatch.setattr(standing, "serving_version", lambda departments, model: 1)
    home.tell(0, GOOD, values=home.values[0])
    home.tell(1, BAD, values=home.values[0])
    home.recall()
    return home


def test_the_file_has_every_decision_that_differs_and_names_nobody(recalled: RecalledHome, tmp_path: Path) -> None:
    """For whoever is signed in, as an attachment; the page shows the first of them."""
    rita = desk_of(recalled.departments, tmp_path / "desk").enrolled("rita", roles=("risk",))
    answer = rita.client.get("/versions/credit/1/recall.csv")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="credit-1-recall.csv"'
    assert len(answer.text.splitlines()) == 2
    assert "caller-" not in answer.text
    shown = newest_recall(recalled.departments, "credit", 1)
    assert shown is not None
    assert shown.first is not None
    assert len(shown.first) == 1 <= SHOWN
    assert rita.client.get("/versions/credit/9/recall.csv").status_code == 404


def test_a_version_that_nobody_recalled_has_no_file(looked_at: Departments) -> None:
    """It is said, with the command."""
    with pytest.raises(UnknownName, match="Nobody recalled credit:1"):
        recall_file(looked_at, "credit", 1)


def test_a_list_that_was_swapped_is_not_sent(recalled: RecalledHome) -> None:
    """Its digest stands in the ledger: another one is neither shown nor given to anybody."""
    departments = recalled.departments
    (recorded,) = departments.ledger.events(types=("DecisionsRecalled",))
    digest = standing.body_of(recorded, DecisionsRecalled).list_digest
    listed = RecallList.parse(departments.artifacts.read(digest))
    other = listed.model_copy(update={"differing": ()}).canonical()
    assert digest_of(other) != digest
    (stored,) = (path for path in recalled.home.rglob(f"*{digest.removeprefix('sha256:')[2:]}*") if path.is_file())
    stored.chmod(0o600)
    stored.write_bytes(other)
    with pytest.raises(Tampered):
        recall_file(departments, "credit", 1)
    with pytest.raises(Tampered):
        newest_recall(departments, "credit", 1)
