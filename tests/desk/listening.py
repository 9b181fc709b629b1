"""A desk that listens, for real browsers, and a browser whose authenticator is virtual."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lifecycle.desk.application import desk_application
from lifecycle.desk.invitations import invite
from lifecycle.desk.settings import DeskSettings
from lifecycle.desk.store import DeskStore
from lifecycle.wiring import Departments
from tests.ports import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

START_SECONDS = 30.0


@contextmanager
def listening(departments: Departments, settings_at: Callable[[int], DeskSettings]) -> Iterator[DeskSettings]:
    """The desk on a free port, with the settings that are made for it, until the block ends."""
    import uvicorn

    settings = settings_at(port := free_port())
    server = uvicorn.Server(uvicorn.Config(desk_application(departments, settings), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        yield settings
    finally:
        server.should_exit = True
        thread.join()


def signed_in(browser: Browser, settings: DeskSettings, person: str) -> Page:
    """A page of somebody who has followed an invitation and signed in with the passkey that they made."""
    page = browser.new_page()
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    made = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": {**made, "isUserVerified": True, "automaticPresenceSimulation": True}})
    page.goto(invite(DeskStore(settings.folder), settings, person))
    page.get_by_role("button", name="Register a passkey").click()
    page.get_by_role("button", name="Sign in with a passkey").click(timeout=60_000)
    page.get_by_role("heading", name="Inbox").wait_for(timeout=60_000)
    return page
