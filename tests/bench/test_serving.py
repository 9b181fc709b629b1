"""What bench.serving puts beside the gateway: the grades of its log, and a version that weighs 160 MB."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.canaries.live import HIGH, body_of
from bench.rigs.graded import GRADES, graded
from bench.rigs.hot_load import hot_load
from bench.rigs.side_by_side import Server
from tests.serving.packages import MODEL, pack


def test_every_grade_answers_with_the_same_package(tmp_path: Path) -> None:
    """Three gateways of their own, each under a plan that declares one grade."""
    package = pack(tmp_path / "package").folder
    with graded(package, MODEL) as ports:
        assert list(ports) == list(GRADES)
        for port in ports.values():
            assert not Server(port, f"/v2/models/{MODEL}/infer", [body_of("ID", HIGH)]).under_load(1, 0.2).failed


@pytest.mark.slow
def test_callers_of_a_heavy_version_are_all_answered(tmp_path: Path) -> None:
    """As many rounds as are asked for, each beside one without a load; nobody's request fails."""
    found = hot_load(1)
    said = found["hot_load"]
    assert [len(said[kind]["slowest_ms"]) for kind in ("during", "without")] == [1, 1]
    assert said["during"]["failed"] == said["without"]["failed"] == 0
    assert found["hot_load_slowest_ms"] > 0.0
