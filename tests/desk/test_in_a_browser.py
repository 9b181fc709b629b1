"""Granting and taking back in a real browser with a virtual authenticator: what the script does that no other test runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lifecycle.desk.matters import grants as matter
from lifecycle.desk.settings import DeskSettings
from lifecycle.errors import Unavailable
from lifecycle.life.access.grants import grants
from lifecycle.life.gates import standing
from lifecycle.life.people.enrolment import enrol
from lifecycle.records.bodies.access import AccessGranted
from lifecycle.records.bodies.revocations import VersionRevoked
from lifecycle.serving.access.credentials import key_digest
from lifecycle.wiring import Departments
from tests.desk.listening import listening, signed_in
from tests.scenarios.homes import copy_of_home_at_the_gate

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("desk-browser")]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[Departments, DeskSettings]]:
    """The desk of a home where credit:1 waits; olga is an operator, gisela a governor."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    enrol(departments, "olga", roles=("operator",))
    enrol(departments, "gisela", roles=("governor",))
    with listening(departments, lambda port: DeskSettings.of(departments, port=port)) as settings:
        yield departments, settings


def ask_for_access(page: Page, settings: DeskSettings, *, days: str = "90") -> None:
    """Fills in the form for loan_portal, and signs."""
    page.goto(f"{settings.origin}/access")
    page.get_by_label("The application that calls").fill("loan_portal")
    page.get_by_label("For how many days").fill(days)
    page.get_by_label("Why.").fill("The portal, production.")
    page.get_by_role("button", name="Grant access with my passkey").click()


def test_the_key_of_a_grant_is_shown_once_and_takes_the_focus(tool: Callable[[str], str], desk: tuple[Departments, DeskSettings]) -> None:
    """Until the page is left; a screen reader comes to it; the form is gone, so that nobody grants twice."""
    from playwright.sync_api import sync_playwright

    departments, settings = desk
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=tool("chromium"), args=["--no-sandbox"])
        page = signed_in(browser, settings, "olga")
        ask_for_access(page, settings)
        shown = page.get_by_role("region", name="The key of the application")
        shown.wait_for(timeout=60_000)
        key = shown.locator("pre code").inner_text()
        focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
        buttons = page.get_by_role("button", name="Grant access with my passkey").count()
        page.get_by_role("link", name="I have kept it").click()
        page.get_by_role("heading", name="loan_portal").wait_for(timeout=60_000)
        again = key in page.content()
        browser.close()
    (recorded,) = departments.ledger.events(types=("AccessGranted",))
    assert standing.body_of(recorded, AccessGranted).credential_digest == key_digest(key)
    assert (focused, buttons, again) == ("The key of the application", 0, False)


def test_a_key_is_shown_though_the_ledger_did_not_answer_and_the_grant_comes_later(
    tool: Callable[[str], str], desk: tuple[Departments, DeskSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was signed is kept and recorded later: a key that nobody was shown would open nothing for anybody."""
    from playwright.sync_api import sync_playwright

    departments, settings = desk

    def away(*arguments: object) -> None:
        raise Unavailable("The ledger does not answer.", "Try again.")

    monkeypatch.setattr(matter, "record_access", away)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=tool("chromium"), args=["--no-sandbox"])
        page = signed_in(browser, settings, "olga")
        ask_for_access(page, settings)
        shown = page.get_by_role("region", name="The key of the application")
        shown.wait_for(timeout=60_000)
        told = shown.inner_text()
        browser.close()
    assert "What you signed is kept, and not recorded yet." in told
    assert "lck_" in told
    assert grants(departments) == []


def test_a_refused_grant_shows_no_key(tool: Callable[[str], str], desk: tuple[Departments, DeskSettings]) -> None:
    """What is refused is told beside the form, which stays."""
    from playwright.sync_api import sync_playwright

    _, settings = desk
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=tool("chromium"), args=["--no-sandbox"])
        page = signed_in(browser, settings, "olga")
        ask_for_access(page, settings, days="9999")
        told = page.locator(".failed")
        told.wait_for(timeout=60_000)
        said, shown = told.inner_text(), page.locator("[data-key]").is_visible()
        browser.close()
    assert (said.startswith("'9999' is no number of days."), shown) == (True, False)


def test_a_version_is_taken_back_and_the_page_says_so_at_once(tool: Callable[[str], str], desk: tuple[Departments, DeskSettings]) -> None:
    """The page that the script goes to is the one that it is on: it is loaded anew all the same."""
    from playwright.sync_api import sync_playwright

    departments, settings = desk
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=tool("chromium"), args=["--no-sandbox"])
        page = signed_in(browser, settings, "gisela")
        page.goto(f"{settings.origin}/versions/credit/1")
        page.get_by_text("Take credit:1 back for good").click()
        section = page.get_by_role("region", name="Revocation")
        section.get_by_label("Why.").fill("Its data were not ours.")
        section.get_by_role("button", name="Revoke credit:1 with my passkey").click()
        section.get_by_text("It must never serve in local again. gisela").wait_for(timeout=60_000)
        url = page.url
        browser.close()
    assert url.endswith("/versions/credit/1#revocation")
    (recorded,) = departments.ledger.events(types=("VersionRevoked",))
    assert (recorded.event.actor.id, recorded.event.actor.authenticated) == ("gisela", True)
    assert standing.body_of(recorded, VersionRevoked).reason == "Its data were not ours."
