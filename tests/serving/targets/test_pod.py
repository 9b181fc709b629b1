"""A gateway that serves the one version that it was started with."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.errors import Refused, Tampered
from lifecycle.serving.settings import GatewaySettings
from lifecycle.serving.targets.pod import bring_in, bring_in_nobody
from tests.serving.packages import ENVIRONMENT, MODEL, order, plan
from tests.serving.running import RunningGateway

pytestmark = pytest.mark.slow


def package(running: RunningGateway, version: int) -> Path:
    """A package with its order, as a version's pod is given it."""
    packed = running.pack(version)
    made = order(packed, version, running.key, plan((0.1, 5, 0.0), (1.0, 0, 0.0)))
    (packed.folder / "order.json").write_bytes(made.canonical())
    return packed.folder


def settings_of(running: RunningGateway) -> GatewaySettings:
    return GatewaySettings(
        folder=running.folder,
        host="127.0.0.1",
        port=0,
        workers=1,
        environment=ENVIRONMENT,
        log_key=str(running.key.verifier),
        signing_public_key=Path("unused"),
    )


def test_it_answers_with_that_version_alone(tmp_path: Path) -> None:
    """Whatever the steps of its plan: which share comes here is the route's matter. A second start changes nothing."""
    running = RunningGateway(tmp_path)
    given = package(running, 4)
    for _ in range(2):
        bring_in(settings_of(running), lambda folder, signature: None, given)
    try:
        running.start()
        status, said = running.caller().infer()
        assert (status, said["model_version"], said["parameters"]["arm"]) == (200, "4", "champion")
        assert running.events() == []
    finally:
        running.stop()


@pytest.mark.parametrize(("refers", "status"), [(True, 200), (False, 503)])
def test_without_a_version_it_refers_to_a_person_or_refuses(refers: bool, status: int, tmp_path: Path) -> None:
    """As the gateway of one machine does with the share that no version may answer."""
    running = RunningGateway(tmp_path)
    for _ in range(2):
        bring_in_nobody(settings_of(running), MODEL, refers=refers)
    try:
        running.start()
        found, said = running.caller().infer()
        assert found == status
        if refers:
            assert said["parameters"]["arm"] == "referral"
    finally:
        running.stop()
    with pytest.raises(Refused):
        bring_in(settings_of(running), lambda folder, signature: None, package(running, 4))


def test_bytes_that_were_not_allowed_do_not_come_in(tmp_path: Path) -> None:
    """Proof, signature and digests are checked as with every order; nothing serves afterwards."""
    running = RunningGateway(tmp_path)
    given = package(running, 4)
    (given / "manifest.json").write_bytes(b"{}")
    with pytest.raises(Tampered):
        bring_in(settings_of(running), lambda folder, signature: None, given)
    assert not running.folder.joinpath("journal.jsonl").exists()


def test_a_folder_that_serves_something_else_is_left_alone(tmp_path: Path) -> None:
    """Another version in the same folder is refused, and what served there still does."""
    running = RunningGateway(tmp_path)
    bring_in(settings_of(running), lambda folder, signature: None, package(running, 4))
    with pytest.raises(Refused):
        bring_in(settings_of(running), lambda folder, signature: None, package(running, 5))
    try:
        running.start()
        assert running.caller().infer()[1]["model_version"] == "4"
    finally:
        running.stop()
