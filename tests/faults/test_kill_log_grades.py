"""Fault: a worker is killed while it answers. Whatever its models were declared as, no answer is unaccounted for."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from pathlib import Path

import pytest

from lifecycle.records.rollout import LogGrade
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.supervision.reporting import stopped_status
from tests.serving.packages import ENVIRONMENT, MODEL, plan
from tests.serving.running import RunningGateway, running_gateway, wait_for


class Load:
    """Callers who never pause, and who come again where a connection breaks."""

    def __init__(self, gateway: RunningGateway, callers: int) -> None:
        self.ids: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(gateway,)) for _ in range(callers)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, gateway: RunningGateway) -> None:
        caller = gateway.caller()
        while not self._over.is_set():
            try:
                status, said = caller.infer()
            except (OSError, http.client.HTTPException):
                continue
            if status == 200:
                self.ids.append(said["parameters"]["prediction_id"])


@pytest.mark.slow
@pytest.mark.parametrize("grade", [None, "audit", "best_effort"])
def test_no_answer_of_a_killed_worker_is_unaccounted_for(tmp_path: Path, grade: LogGrade | None) -> None:
    """Killed twice under load: each answer is in the log, or, of a best-effort model alone, among those that are counted as lost."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1, plan(log_grade=grade))
        with Load(gateway, 4) as load:
            for turn in (1, 2):
                enough = 100 * turn
                wait_for(lambda enough=enough: len(load.ids) >= enough, "there were answers")  # type: ignore[misc]  # binds this turn's
                os.kill(gateway.process("worker"), signal.SIGKILL)
                before = len(load.ids)
                wait_for(lambda before=before: len(load.ids) > before + 50, "another worker answers")  # type: ignore[misc]  # likewise
        gateway.stop()
        logged = {row["id"] for row in gateway.client.predictions.rows(MODEL)}
        missing = [one for one in load.ids if one not in logged]
        dropped = stopped_status(GatewayFolder(gateway.folder), ENVIRONMENT).models[0].rows_dropped if grade == "best_effort" else 0
        assert len(missing) <= dropped if grade == "best_effort" else not missing
        assert len(set(load.ids)) == len(load.ids)
