"""The inbox."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lifecycle.desk.pages.inbox import inbox
from lifecycle.life.people.approval import approve_version
from lifecycle.wiring import Departments
from tests.desk.pages.rendered import rendered
from tests.scenarios.homes import copy_of_home_at_the_gate


def test_what_waits_for_my_role_is_mine(looked_at: Departments) -> None:
    """A risk officer is asked; an engineer sees that others are."""
    (item,) = inbox(looked_at, ("risk",)).yours
    assert (item.model, item.version, item.risk_tier) == ("credit", 1, "high")
    assert [(need.role, need.missing, need.count) for need in item.needs] == [("risk", 1, 1)]
    assert not inbox(looked_at, ("risk",)).others
    assert [one.version for one in inbox(looked_at, ("engineer",)).others] == [1]


def test_an_item_says_since_when_and_until_when(looked_at: Departments) -> None:
    """From the request in the ledger: three days from then."""
    (item,) = inbox(looked_at, ()).items
    assert item.expires_at_us - item.since_us <= 72 * 3_600_000_000
    page = rendered("inbox.html", "/", inbox=inbox(looked_at, ("risk",)))
    facts = {term.says: term.above.one("dd").says for term in page.all("dt") if term.above}  # each pair stands in a div
    assert facts["Expires"].startswith("in ")
    assert "ago" in facts["Asked"]
    assert len(page.one("article").all("time")) == 2


def test_the_gate_s_summary_counts_rules(looked_at: Departments) -> None:
    """All rules of the promotion gate but the one that waits for people."""
    (item,) = inbox(looked_at, ()).items
    assert item.evaluated - item.passed == 1
    assert item.warnings == item.waived == ()


def test_what_is_answered_waits_no_more_for_that_role(tmp_path: Path) -> None:
    """Once the officer has signed, no role is missing, and it is said who has."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="Read.")
    (item,) = inbox(departments, ("risk",)).items
    assert item.answered
    assert item.approvers == (cast.officer,)
    assert not item.for_you
    page = rendered("inbox.html", "/", inbox=inbox(departments, ("risk",)))
    assert "the role risk has approved" in page.one("article").says


def test_an_empty_inbox_says_so(looked_at: Departments) -> None:
    """Nothing waits: the page says what will appear here."""
    page = rendered("inbox.html", "/", inbox=replace(inbox(looked_at, ()), items=()))
    assert "No version waits." in page.one("main").says
    assert not page.all("article")


def test_the_page_leads_to_the_evidence(looked_at: Departments) -> None:
    """By a link that says of what, also to whoever hears it without what stands around it."""
    page = rendered("inbox.html", "/", inbox=inbox(looked_at, ("risk",)))
    button = page.one("a", class_="button")
    assert button.attributes["href"] == "/versions/credit/1"
    assert button.says == "Read the evidence on credit:1"
