"""A provider, and a desk that people sign in at through it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from lifecycle.desk.provider.settings import ProviderSettings
from lifecycle.life.people.enrolment import enrol
from tests.desk.desks import Browser, DeskUnderTest
from tests.desk.provider.issuer import CLIENT, SECRET, Issuer, listening


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with listening(Issuer()) as started:
        yield started


@dataclass
class Provided:
    """A desk in front of which a provider stands, and the way through it."""

    desk: DeskUnderTest
    issuer: Issuer

    def with_settings(self, **changed: Any) -> None:
        assert self.desk.settings.provider is not None
        self.desk.settings = replace(self.desk.settings, provider=replace(self.desk.settings.provider, **changed))

    def browser(self) -> Browser:
        return self.desk.browser()

    def set_out(self, browser: Browser, next_page: str = "/") -> dict[str, str]:
        """What the desk has the browser ask the provider."""
        sent = browser.client.get("/sign-in/provider", params={"next": next_page})
        assert sent.status_code == 303, sent.text
        asked = parse_qs(urlsplit(sent.headers["location"]).query, strict_parsing=True)
        return {name: values[0] for name, values in asked.items()}

    def answer(self, browser: Browser, next_page: str = "/") -> str:
        """The path and query with which the provider sends the browser back."""
        back = urlsplit(self.issuer.authorize(self.set_out(browser, next_page)))
        return f"{back.path}?{back.query}"

    def sign_in(self, browser: Browser, next_page: str = "/") -> Any:
        """The whole way; what the desk says at its end."""
        return browser.client.get(self.answer(browser, next_page), headers={"Accept": "application/json"})


@pytest.fixture
def provided(desk: DeskUnderTest, issuer: Issuer) -> Provided:
    """`officer` is enrolled, with the role risk."""
    provider = ProviderSettings(issuer=issuer.url, client_id=CLIENT, client_secret=SECRET)
    desk.settings = replace(desk.settings, provider=provider)
    enrol(desk.departments, "officer", roles=("risk",))
    return Provided(desk, issuer)
