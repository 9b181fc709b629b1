"""Takes the README's pictures from the real pages: `python docs/screenshots/take.py` (or `make screenshots`).

Opens the home that `make demo` has left (LIFECYCLE_HOME, or .lifecycle in the project), starts `lifecycle up` on it with a free
port, looks at the pages with headless Chromium, and stops what it started. Needs Chromium on PATH (`apt-get install chromium`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).resolve().parent
REPOSITORY = FOLDER.parents[1]
START_SECONDS = 180.0
#: Dagster's pages draw their graph and tables after the data have come.
SETTLE_MS = 4_000
#: What sensors start when the pages open is over when no run was under way for so long: longer than any of them waits.
QUIET_SECONDS, QUIET_AT_MOST_SECONDS = 45.0, 300.0
UNDER_WAY = "{ runsOrError(filter: {statuses: [QUEUED, NOT_STARTED, STARTING, STARTED, CANCELING]}) { ... on Runs { count } } }"


class Picture(NamedTuple):
    """One picture: its file, the path of the page, a text that the page must show, and its size in CSS pixels."""

    file: str
    path: str
    shows: str
    width: int = 1500
    height: int = 900
    #: At the desk: who looks, and what is opened first.
    who: str = "demo_risk_officer"
    opened: str = ""


PICTURES = (
    Picture("asset-graph.png", "/locations/lifecycle/asset-groups/credit", "promotion", 1900, 700),
    Picture("promotion.png", "/assets/credit/promotion?view=overview", "promotion", 1900, 1500),
    Picture("evaluation.png", "/assets/credit/evaluation?view=overview", "evaluation", 1900, 1500),
)


#: At the approval desk, by somebody who is signed in.
DESK_PICTURES = (
    Picture("desk-inbox.png", "/", "Versions in", 1200, 800),
    Picture("desk-version.png", "/versions/credit/1", "How good it is", 1200, 1500),
    Picture("desk-serving.png", "/serving", "What serves in", 1200, 800),
    Picture("desk-access.png", "/access", "Grant access", 1200, 1000, who="demo_operator"),
    Picture("desk-people.png", "/people", "People and their keys", 1200, 900, opened="Take this key back"),
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def pages() -> Iterator[str]:
    """`lifecycle up` on the home, until its pages and its desk answer; ended as by Ctrl-C."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    os.environ["LIFECYCLE_DESK_PORT"] = str(free_port())
    command = [sys.executable, "-m", "lifecycle.cli.main", "up", "--port", str(port)]
    process = subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ, "DAGSTER_DISABLE_TELEMETRY": "yes"})
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (answers(f"{address}/server_info") and answers(f"{desk()}/healthz")):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("The pages did not start; what `lifecycle up` said stands above.")
            time.sleep(0.5)
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


def desk() -> str:
    """The address of the desk that `pages` starts, by the name that passkeys speak at."""
    return f"http://localhost:{os.environ['LIFECYCLE_DESK_PORT']}"


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


def wait_until_quiet(address: str) -> None:
    """Waits until nothing runs: a picture of a life shows what came of it."""
    question = json.dumps({"query": UNDER_WAY}).encode()
    end = time.monotonic() + QUIET_AT_MOST_SECONDS
    since = time.monotonic()
    while (now := time.monotonic()) - since < QUIET_SECONDS:
        if now > end:
            sys.exit("Runs are still under way; look at the pages, and try again.")
        request = urllib.request.Request(f"{address}/graphql", question, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            if json.load(answer)["data"]["runsOrError"]["count"]:
                since = time.monotonic()
        time.sleep(1)


def take(browser: Browser, address: str, picture: Picture) -> None:
    """One picture, after the page shows what it is about."""
    page: Page = browser.new_page(viewport={"width": picture.width, "height": picture.height}, device_scale_factor=1.5)
    page.goto(address + picture.path, wait_until="domcontentloaded", timeout=60_000)
    page.get_by_text(picture.shows).first.wait_for(timeout=60_000)
    page.get_by_text("Hide navigation").click()
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=FOLDER / picture.file)
    page.close()


def called(*words: str) -> str:
    """What the command line says."""
    command = [sys.executable, "-m", "lifecycle.cli.main", *words]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout


def take_at_the_desk(browser: Browser, who: str, pictures: list[Picture]) -> None:
    """Registers a passkey of a virtual authenticator for somebody of the demonstration, signs in with it, and looks."""
    if who not in {person["id"] for person in json.loads(called("people", "list", "--json"))["people"]}:
        called("people", "add", who, "--role", "operator", "--name", "Demo operator (not a real person)")
    link = json.loads(called("people", "invite", who, "--json"))["link"]
    page = browser.new_page(device_scale_factor=1.5)
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    made = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": {**made, "isUserVerified": True, "automaticPresenceSimulation": True}})
    page.goto(link)
    page.get_by_role("button", name="Register a passkey").click()
    page.get_by_role("button", name="Sign in with a passkey").click(timeout=60_000)
    page.get_by_role("heading", name="Inbox").wait_for(timeout=60_000)
    for picture in pictures:
        page.set_viewport_size({"width": picture.width, "height": picture.height})
        page.goto(desk() + picture.path)
        page.get_by_text(picture.shows).first.wait_for(timeout=60_000)
        if picture.opened:
            page.get_by_text(picture.opened).first.click()
        page.screenshot(path=FOLDER / picture.file)
    page.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Takes the README's pictures from the real pages.")
    parser.add_argument("--url", help="Dagster's pages that run already, and no desk; without it `lifecycle up` is started")
    parser.add_argument("names", nargs="*", metavar="FILE", help="which pictures; all of them unless named")
    asked = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is not on PATH. Install it: apt-get install chromium")
    at_the_desk = [picture for picture in DESK_PICTURES if not asked.names or picture.file in asked.names]
    wanted = [picture for picture in PICTURES if not asked.names or picture.file in asked.names]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        if asked.url:
            for picture in wanted:
                take(browser, asked.url.rstrip("/"), picture)
        else:
            with pages() as address:
                if wanted:
                    wait_until_quiet(address)
                for picture in wanted:
                    take(browser, address, picture)
                for who in dict.fromkeys(picture.who for picture in at_the_desk):
                    take_at_the_desk(browser, who, [picture for picture in at_the_desk if picture.who == who])
        browser.close()


if __name__ == "__main__":
    main()
