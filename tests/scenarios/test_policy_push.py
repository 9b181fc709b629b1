"""A stricter policy on its way to the server that decides, beside a gateway that serves: it counts from the next question on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lifecycle.demo.acting import held_out
from lifecycle.demo.traffic import Traffic
from lifecycle.policy.bundle import Bundle
from tests.policy import server
from tests.scenarios.commands import CommandLine, approval, change, gateway, project_copy, wait_until
from tests.scenarios.homes import departments_at

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bad_input")]


class Quiet(SimpleHTTPRequestHandler):
    """The store that servers fetch their bundle from."""

    def log_message(self, *said: Any) -> None:
        """Nothing: it is asked every second."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which it is served."""
    folder = tmp_path / "store"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()


def test_a_push_takes_nothing_down_and_the_next_decision_names_it(
    tool: Callable[[str], str], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: tuple[Path, str]
) -> None:
    """What the older policies let in goes on answering, after a restart too; the next version is judged by the new ones, which deny it."""
    opa, (folder, address) = tool("opa"), store
    lifecycle, key = CommandLine(home, project_copy(tmp_path)), tmp_path / "policy.key"
    done(lifecycle, "keys", "new", str(key), "--policy")
    first, trusted = revision(lifecycle, tmp_path / "first.tar.gz", key), key.with_suffix(".pub")
    to = ((folder / "gov.tar.gz").as_uri(), "--key", str(trusted))
    done(lifecycle, "policy", "push", str(tmp_path / "first.tar.gz"), *to)
    bundle = Bundle.load(lifecycle.project / "governance")
    with server.running(opa, bundle, tmp_path, *server.fetching(address, "gov.tar.gz", trusted)) as url:
        monkeypatch.setenv("LIFECYCLE_OPA_URL", url)
        monkeypatch.setenv("LIFECYCLE_OPA_TOKEN", server.TOKEN)
        done(lifecycle, *approval(home))
        with gateway(lifecycle):
            with traffic(home, lifecycle):
                done(lifecycle, "deploy", "credit:1")
            assert decided(lifecycle)[-1] == ("deployment", "allow", "opa", first)

            limits = lifecycle.project / "governance" / "limits" / "consumer_credit.yaml"
            change(limits, "{value: 0.78, from: 0.65", "{value: 0.9, from: 0.65")
            second = revision(lifecycle, tmp_path / "second.tar.gz", key)
            before = len(decided(lifecycle))
            with traffic(home, lifecycle) as sent:
                pushed = done(lifecycle, "policy", "push", str(tmp_path / "second.tar.gz"), *to)
                assert "credit:2 was denied" in lifecycle("train", "credit").err
            assert (f"{second} lies at" in pushed, "decides by it" in pushed) == (True, True)
            assert (sent.counted.failed, sent.counted.errors, sent.counted.answered > 0) == (0, [], True)
            later = decided(lifecycle)[before:]
            assert {(engine, bundle) for _, _, engine, bundle in later} == {("opa", second)}
            assert later[-1][:2] == ("promotion", "deny")
        with gateway(lifecycle), traffic(home, lifecycle) as sent:
            wait_until(lambda: sent.counted.answered > 0, "it answers after a restart")
        assert sent.counted.errors == []
        assert lifecycle.states()["credit:1"] == "serving"
        assert not {"RolledBack", "VersionRevoked"} & set(lifecycle.types())
        again = json.loads(done(lifecycle, "policy", "replay", "--all", "--json"))
        assert (again["different"], again["not_replayable"]) == (0, 0)
        lifecycle.require_whole_ledger()


def done(lifecycle: CommandLine, *arguments: str) -> str:
    said = lifecycle(*arguments)
    assert said.code == 0, said.out + said.err
    return said.out


def revision(lifecycle: CommandLine, file: Path, key: Path) -> str:
    """Builds and signs the bundle of the project as it stands; what its decisions will name."""
    return done(lifecycle, "policy", "build", str(file), "--key", str(key)).strip()


def decided(lifecycle: CommandLine) -> list[tuple[str, str, str, str]]:
    """Gate, outcome, engine and bundle of every decision, oldest first."""
    made = [body["decision"] for body in lifecycle.bodies("DecisionMade")]
    return [(one["gate"], one["result"]["outcome"], one["policy"]["engine"], one["policy"]["bundle_digest"]) for one in made]


def traffic(home: Path, lifecycle: CommandLine) -> Traffic:
    """Callers of the gateway, for as long as the block lasts."""
    url = json.loads(done(lifecycle, "gateway", "status", "--json"))["url"]
    return Traffic(url, "credit", held_out(departments_at(home, LIFECYCLE_PROJECT=str(lifecycle.project)), 1))
