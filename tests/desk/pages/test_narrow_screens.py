"""Every page in a real browser: on a phone, enlarged to four times, by day and by night (WCAG 1.4.10, reflow at 320 CSS pixels)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lifecycle.desk.sessions import Sessions
from lifecycle.desk.settings import DeskSettings
from lifecycle.desk.store import DeskStore
from tests.desk.listening import listening
from tests.desk.pages.served import recall
from tests.scenarios.homes import copy_of_home_at_the_gate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("desk-browser")]

PATHS = ("/", "/versions/credit/1", "/serving", "/access", "/people", "/governance", "/ledger", "/sign-in", "/enrol", "/nowhere")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """A desk that listens, and the cookie of somebody who is signed in."""
    folder: Path = tmp_path_factory.mktemp("narrow")
    departments, cast = copy_of_home_at_the_gate(folder)
    recall(departments, 1)
    with listening(departments, lambda port: DeskSettings.of(departments, port=port)) as settings:
        session = Sessions(DeskStore(settings.folder), settings).begin(cast.officer, departments.people.person(cast.officer).keys[0].id)
        yield settings.origin, {"name": settings.cookie, "value": session, "url": settings.origin}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_a_small_screen(tool: Callable[[str], str], desk: tuple[str, dict[str, str]], scheme: str) -> None:
    """Nothing has to be scrolled sideways to be read but wide tables and the picture, each in a part of its own; nothing is refused by the
    content-security policy, and no script stumbles."""
    from playwright.sync_api import ConsoleMessage, sync_playwright

    origin, cookie = desk
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and "404" not in message.text:
            said.append(message.text)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=tool("chromium"), args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 320, "height": 640}, color_scheme="dark" if scheme == "dark" else "light")
        context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": cookie["url"]}])
        page = context.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: said.append(str(error)))
        wide = {}
        for path in PATHS:
            page.goto(origin + path)
            wide[path] = page.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert wide == dict.fromkeys(PATHS, 320)
    assert said == []
