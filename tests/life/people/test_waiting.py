"""What waits too long."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.errors import Refused
from lifecycle.life.gates import standing
from lifecycle.life.people import waiting
from lifecycle.life.people.approval import approve_version
from lifecycle.records.bodies.decisions import ApprovalRequested
from tests.scenarios.homes import copy_of_home_at_the_gate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]


def test_what_nobody_answered_in_time_expires_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its last moment a request waits for nobody, is recorded as expired once, and can't be approved any more."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    model = departments.model("credit")
    assert waiting.expire_overdue(departments, model) == []
    (requested,) = departments.ledger.events(types=("ApprovalRequested",), name="credit")
    too_late = standing.body_of(requested, ApprovalRequested).expires_at_us + 1
    monkeypatch.setattr(waiting, "now_us", lambda: too_late)
    assert waiting.expire_overdue(departments, model) == ["credit:1"]
    assert waiting.expire_overdue(departments, model) == []
    assert standing.states(departments)[("credit", 1)] == "expired"
    assert [r.event.type for r in departments.ledger.events(types=("VersionExpired",))] == ["VersionExpired"]
    with pytest.raises(Refused):
        approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="Late.")
