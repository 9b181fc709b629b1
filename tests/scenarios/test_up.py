"""`lifecycle up`: the pages, the sensors and the gateway on one home, as `make ui` starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lifecycle.approvals.statements import opened
from lifecycle.life.gates.standing import body_of
from lifecycle.life.people.approval import approve_version
from lifecycle.life.people.in_force import people_in_force
from lifecycle.records.approval import Statement
from lifecycle.records.bodies import ApprovalGiven
from lifecycle.wiring import Departments
from tests.ports import free_port
from tests.scenarios.homes import PROJECT, copy_of_home_at_the_gate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420), pytest.mark.xdist_group("up")]

PATIENCE_SECONDS = 150.0


class Up(NamedTuple):
    """Pages that are up, and the departments of the home that they show."""

    url: str
    desk: str
    process: subprocess.Popen[str]
    departments: Departments
    key: Path
    officer: str

    def ask(self, query: str) -> Any:
        request = urllib.request.Request(f"{self.url}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]


def until(holds: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = holds()
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError(f"{what} did not happen in {PATIENCE_SECONDS:.0f} s")


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    port = free_port()
    desk = free_port()
    environment = {**os.environ, "LIFECYCLE_HOME": str(departments.settings.home), "LIFECYCLE_DESK_PORT": str(desk)}
    command = [sys.executable, "-m", "lifecycle.cli.main", "up", "--port", str(port)]
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        said = [process.stdout.readline() for _ in range(5)]
        assert "Ctrl-C" in said[-1], said
        yield Up(f"http://127.0.0.1:{port}", f"http://localhost:{desk}", process, departments, cast.key(cast.officer), cast.officer)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        process.stdout.close()


def test_an_approval_on_the_command_line_starts_its_deployment(up: Up) -> None:
    """The sensor sees it, a run starts, and the version is being rolled out by the gateway."""
    approve_version(up.departments, "credit", 1, person=up.officer, key_file=up.key, reason="It is within its limits.")
    reached = until(lambda: up.departments.ledger.events(types=("RolloutStepReached",), name="credit", version=1), "the first step")
    run_id = up.departments.ledger.events(types=("RolloutRequested",), name="credit", version=1)[0].event.run_id
    runs = up.ask('{ runsOrError(filter: {pipelineName: "credit_deploy"}) { ... on Runs { results { runId status } } } }')
    assert reached[0].event.actor.id == "gateway"
    assert [run["runId"] for run in runs["runsOrError"]["results"]] == [run_id]


def test_the_approval_desk_is_up_beside_dagster(up: Up) -> None:
    """It asks whoever comes to sign in, and shows nothing before."""
    opener = urllib.request.build_opener()
    with opener.open(f"{up.desk}/healthz", timeout=30) as answer:
        assert answer.read().strip() == b"ok"
    with opener.open(f"{up.desk}/versions/credit/1", timeout=30) as answer:
        assert "/sign-in" in answer.url
        assert b"credit:1" not in answer.read()


def test_one_ctrl_c_stops_all_that_it_started(up: Up) -> None:
    """Pages, daemon, code server, signer and gateway: none is left."""
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 130
    home = str(up.departments.settings.home)
    left = []
    for entry in Path("/proc").iterdir():
        try:
            environment = (entry / "environ").read_bytes() if entry.name.isdigit() and entry.name != str(os.getpid()) else b""
        except OSError:
            continue
        if f"LIFECYCLE_HOME={home}".encode() in environment:
            left.append((entry / "cmdline").read_bytes())
    assert left == []


def test_the_pages_show_the_life_of_the_model(up: Up, tool: Callable[[str], str]) -> None:
    """In a real browser: every stage in the asset graph, and the sensors with their switches."""
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=tool("chromium"), args=quiet)
        page = browser.new_page(viewport={"width": 1900, "height": 900})
        page.goto(f"{up.url}/locations/lifecycle/asset-groups/credit")
        for stage in ("dataset", "candidate", "evaluation", "promotion", "deployment", "monitoring", "rollback"):
            page.get_by_text(stage, exact=True).first.wait_for(timeout=60_000)
        page.goto(f"{up.url}/automation")
        for sensor in ("credit_approvals", "credit_broken_deployments", "credit_rollbacks", "credit_new_data", "credit_breaches"):
            page.get_by_text(sensor, exact=True).first.wait_for(timeout=60_000)
        browser.close()


def test_an_approver_registers_signs_in_and_approves_in_a_browser_and_the_version_is_deployed(up: Up, tool: Callable[[str], str]) -> None:
    """The whole way at the desk, with a virtual authenticator: a link, a passkey, the page of evidence, a signature, a rollout.

    The statement in the ledger verifies offline by the assertion beside it, and nothing but the passkey signed it.
    """
    from playwright.sync_api import sync_playwright

    settings = up.departments.settings
    environment = {**os.environ, "LIFECYCLE_HOME": str(settings.home), "LIFECYCLE_DESK_PORT": up.desk.rpartition(":")[2]}
    command = [sys.executable, "-m", "lifecycle.cli.main", "people", "invite", up.officer, "--json"]
    link = json.loads(subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True).stdout)["link"]
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=tool("chromium"), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        devices = page.context.new_cdp_session(page)
        devices.send("WebAuthn.enable")
        options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
        devices.send(
            "WebAuthn.addVirtualAuthenticator", {"options": {**options, "isUserVerified": True, "automaticPresenceSimulation": True}}
        )
        page.goto(link)
        page.get_by_role("button", name="Register a passkey").click()
        page.get_by_role("button", name="Sign in with a passkey").click(timeout=30_000)
        page.get_by_role("link", name="credit:1").first.click(timeout=30_000)
        page.get_by_label("Your reason").fill("The intervals are within their limits.")
        page.get_by_role("button", name="Approve with my passkey").click()
        (given,) = until(lambda: up.departments.ledger.events(types=("ApprovalGiven",), name="credit", version=1), "the approval")
        page.screenshot(path=str(settings.home / "desk.png"), full_page=True)
        browser.close()
    body = body_of(given, ApprovalGiven)
    assert body.envelope.assertion is not None
    assert (body.statement.approver, body.statement.reason) == (up.officer, "The intervals are within their limits.")
    people = people_in_force(Departments(settings))
    assert opened(body.envelope, Statement, people, body.statement.signed_at_us) == body.statement
    until(lambda: up.departments.ledger.events(types=("RolloutStepReached",), name="credit", version=1), "the first step")
