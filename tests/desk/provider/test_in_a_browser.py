"""Signing in through a provider in a real browser, where the provider is another site than the desk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.desk.desks import DeskUnderTest
from tests.desk.listening import listening
from tests.desk.provider.conftest import Provided

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("desk-browser")]


@pytest.fixture
def address(provided: Provided) -> Iterator[str]:
    """The desk, listening on `localhost`; the provider is at 127.0.0.1, which for a browser is another site."""
    desk: DeskUnderTest = provided.desk
    with listening(desk.departments, lambda port: replace(desk.settings, port=port, origin=f"http://localhost:{port}")) as settings:
        yield settings.origin


def test_the_whole_way_ends_on_the_page_that_was_wanted(tool: Callable[[str], str], provided: Provided, address: str) -> None:
    """Though the session's cookie is sent from no other site: the desk's own page leads on. The policy of content refuses nothing of it."""
    from playwright.sync_api import ConsoleMessage, sync_playwright

    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            said.append(message.text)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=tool("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", hear)
        page.goto(f"{address}/ledger")
        page.get_by_role("link", name="Sign in through 127.0.0.1").click()
        page.get_by_role("heading", name="Ledger", exact=True).wait_for(timeout=30_000)
        assert page.url == f"{address}/ledger"
        assert "officer" in page.get_by_role("banner").inner_text()
        cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("link", name="Sign in through 127.0.0.1").wait_for(timeout=30_000)
        browser.close()
    assert (cookies["lifecycle-desk"]["sameSite"], cookies["lifecycle-desk"]["httpOnly"]) == ("Strict", True)
    assert "lifecycle-desk-way" not in cookies
    assert said == []
