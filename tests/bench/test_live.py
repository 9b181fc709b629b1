"""The live bed and the soak: what they send, and that they see what is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bench.canaries.live import FAULTS, HIGH, Cell, LiveBed, Seen, body_of, grid, sample, summary
from bench.rigs.paced import PacedLoad, Sent
from bench.soak import Watched, soak
from tests.serving.packages import MODEL
from tests.serving.running import running_gateway

BY_NAME = {fault.name: fault for fault in FAULTS}
PATH = f"/v2/models/{MODEL}/infer"


def test_the_sample_has_every_fault_and_the_grid_every_rate_and_share() -> None:
    """No fault is left out of what runs by default."""
    assert {cell.fault for cell in sample()} == set(FAULTS)
    assert len(set(grid())) == len(FAULTS) * 9


def test_every_request_of_a_paced_load_is_sent_once_and_logged_once(tmp_path: Path) -> None:
    """The ids that callers were answered are those in the log; what is refused is a caller's error and in no log."""
    with running_gateway(tmp_path, workers=2) as gateway:
        gateway.serve(1)
        port = urlsplit(str(gateway.client.status().url)).port or 0

        async def send(path: str, name: str) -> Sent:
            paced = PacedLoad(port, path, 500.0, name, lambda request_id: body_of(request_id, HIGH), 1)
            paced.start()
            await asyncio.sleep(0.3)
            return await paced.end()

        sent = asyncio.run(send(PATH, "a"))
        refused = asyncio.run(send("/v2/models/unknown/infer", "b"))
        assert sent.requests == len(sent.answered) > 0
        assert sent.failed == 0
        assert (refused.failed, refused.statuses[404]) == (refused.requests, refused.requests)
        logged = Counter(row["request_id"] for row in gateway.client.predictions.rows(MODEL))
        assert logged == Counter(sent.answered)


@pytest.mark.slow
def test_a_dead_canary_is_found_live_and_costs_no_caller_an_answer(tmp_path: Path) -> None:
    """One cell of the bed as the bench runs it: taken out for its end, nothing lost, nobody failed."""
    with running_gateway(tmp_path, workers=2) as gateway:
        bed = LiveBed(gateway, 1)
        bed.prepare()
        seen = bed.run(Cell(BY_NAME["crash"], 200.0, 0.5))
        assert seen.by in ("process", "breaker", "errors")
        assert (seen.lost, seen.sent.failed) == (0, 0)
        assert seen.actuation_ms is not None


def test_what_was_taken_out_for_nothing_is_told() -> None:
    """A healthy canary that was taken out, and a bad one before its fault began, are false; one in time is not."""
    told = [
        Seen(Cell(BY_NAME["healthy"], 1.0, 0.1), Sent(), 0, detected_s=1.0, actuation_ms=1.0, by="errors"),
        Seen(Cell(BY_NAME["crash"], 2.0, 0.1), Sent(), 1, detected_s=-1.0, actuation_ms=3.0, by="errors"),
        Seen(Cell(BY_NAME["crash"], 3.0, 0.1), Sent(requests=2), 0, detected_s=1.0, actuation_ms=2.0, by="errors"),
    ]
    figures = summary(told)
    assert figures["false_live"] == ["healthy, 1/s, 10%", "crash, 2/s, 10%"]
    assert (figures["lost"], figures["client_errors_hard"], figures["live_rollbacks"]) == (1, 2, 3)


def test_a_soak_sees_what_is_missing_and_what_is_twice() -> None:
    """Answered and not logged, and logged twice, are lost; what was not answered need not be logged."""
    watched = Watched()
    for request_id in ("soak-0-0", "soak-0-1", "soak-0-1", "capacity"):
        watched.count(request_id)
    assert watched.lost("soak-0", {"requests": 4, "unanswered": [3]}) == 2
    assert watched.lost("soak-0", {"requests": 2, "unanswered": []}) == 1


@pytest.mark.slow
def test_a_gateway_under_load_and_rollouts_loses_nothing_and_does_not_grow() -> None:
    """The soak in little: three minutes, rollouts good and bad, every answer in the log, memory as it was."""
    figures = soak(180.0, 200.0, rollout_every=30.0)
    assert (figures["lost"], figures["client_errors"]) == (0, 0)
    assert figures["rollouts"] == {"completed": 3, "aborted": 2, "wrong": 0}
    assert figures["rss_growth_mb"] < 32
