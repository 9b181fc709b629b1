"""A desk over a home in which one version waits for approval, and browsers that come to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from lifecycle.desk.application import desk_application
from lifecycle.desk.invitations import invite
from lifecycle.desk.settings import DeskSettings
from lifecycle.desk.store import DeskStore
from lifecycle.life.gates.standing import body_of
from lifecycle.life.people.enrolment import enrol
from lifecycle.records.bodies.decisions import ApprovalRequested
from lifecycle.wiring import Departments
from tests.approvals.waiting_version import MODEL, VERSION
from tests.desk.authenticators import ORIGIN, Authenticator

JSON = {"Accept": "application/json", "Origin": ORIGIN}


@dataclass
class Browser:
    """A person's browser and their authenticator."""

    client: TestClient
    authenticator: Authenticator = field(default_factory=Authenticator)
    #: The decision that asks for approval, as a page shows it.
    asked: str = ""

    def post(self, path: str, said: Any, **headers: str) -> Any:
        """What our script sends."""
        return self.client.post(path, json=said, headers=JSON | headers)

    def register(self, link: str, **wrong: Any) -> Any:
        """Follows an invitation."""
        token = link.partition("#")[2]
        begun = self.post("/enrol/begin", {"token": token})
        if begun.status_code != 200:
            return begun
        credential = self.authenticator.make(begun.json()["options"], **wrong)
        return self.post("/enrol/finish", {"token": token, "challenge_id": begun.json()["challenge_id"], "credential": credential})

    def sign_in(self, **wrong: Any) -> Any:
        begun = self.post("/sign-in/begin", {}).json()
        credential = self.authenticator.sign(begun["options"], **wrong)
        return self.post("/sign-in/finish", {"challenge_id": begun["challenge_id"], "credential": credential})

    @property
    def csrf(self) -> str:
        """The token of the session, as it stands in the pages' forms."""
        from lifecycle.desk.sessions import csrf_token

        return csrf_token(self.client.cookies["lifecycle-desk"])

    def begin(self, decision: str = "approve", reason: str = "Read and weighed.", **fields: str) -> Any:
        """Says what is to be signed."""
        sent = {"asked": self.asked, "decision": decision, "reason": reason, "csrf": self.csrf} | fields
        return self.client.post(f"/versions/{MODEL}/{VERSION}/signing", data=sent, headers=JSON)

    def begin_at(self, path: str, **fields: str) -> Any:
        """The same for whatever else is signed, by the form that stands at this address."""
        return self.client.post(path, data={"reason": "Read and weighed.", "csrf": self.csrf} | fields, headers=JSON)

    def finish(self, begun: Any, credential: Any = None, **wrong: Any) -> Any:
        """Has the authenticator answer, and sends that."""
        answer = credential or self.authenticator.sign(begun.json()["options"], **wrong)
        return self.post(f"/signing/{begun.json()['ceremony']}", {"credential": answer}, **{"X-Desk-CSRF": self.csrf})


@dataclass
class DeskUnderTest:
    """A desk, its home, and what opens it."""

    departments: Departments
    settings: DeskSettings
    browsers: list[TestClient] = field(default_factory=list)

    def browser(self, authenticator: Authenticator | None = None, **client: Any) -> Browser:
        """A browser that has never been here."""
        opened = TestClient(self.application(), base_url=ORIGIN, follow_redirects=False, **client)
        self.browsers.append(opened)
        requested = self.departments.ledger.events(types=("ApprovalRequested",), newest_first=True, limit=1)
        asked = [body_of(one, ApprovalRequested).decision_id for one in requested]
        return Browser(opened, authenticator or Authenticator(), *asked)

    def application(self) -> Any:
        """The desk, as it is after a start."""
        return desk_application(self.departments, self.settings)

    def enrolled(self, person: str, *, roles: tuple[str, ...] = (), teams: tuple[str, ...] = ()) -> Browser:
        """A person with a passkey, in a browser that is signed in."""
        enrol(self.departments, person, roles=roles, teams=teams)
        browser = self.browser()
        assert browser.register(self.link(person)).status_code == 200
        assert browser.sign_in().status_code == 200
        return browser

    def link(self, person: str) -> str:
        return invite(DeskStore(self.settings.folder), self.settings, person)

    @property
    def departments_now(self) -> Departments:
        """The departments with the people as they are now: the desk enrols with its own."""
        return Departments(self.departments.settings)

    def types(self) -> list[str]:
        return [recorded.event.type for recorded in self.departments.ledger.events()]


def desk_of(departments: Departments, folder: Path) -> DeskUnderTest:
    folder.mkdir(mode=0o700, exist_ok=True)
    return DeskUnderTest(departments, DeskSettings(folder=folder, host="127.0.0.1", port=3001, origin=ORIGIN))
