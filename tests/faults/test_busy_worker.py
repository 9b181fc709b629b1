"""Fault: more callers than a worker can answer, so that a turn of its loop takes longer than the supervisor's patience."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.serving.running import RunningGateway, running_gateway, wait_for

CALLERS = 32


def ask_until(gateway: RunningGateway, over: threading.Event, statuses: list[int]) -> None:
    caller = gateway.caller()
    while not over.is_set():
        statuses.append(caller.infer()[0])


def test_a_worker_that_answers_callers_is_not_killed_for_being_busy(tmp_path: Path) -> None:
    """Each answer takes 80 ms, and 32 callers wait in one turn: it says nothing for seconds, answers everybody, and lives."""
    with running_gateway(tmp_path, watch_seconds=0.2) as gateway:
        gateway.serve(1, behaviour="slow")
        worker, over, statuses = gateway.process("worker"), threading.Event(), list[int]()
        callers = [threading.Thread(target=ask_until, args=(gateway, over, statuses)) for _ in range(CALLERS)]
        for caller in callers:
            caller.start()
        try:
            wait_for(lambda: gateway.log().count("too busy to say so") >= 3, "its silence was noticed, again and again")
        finally:
            over.set()
            for caller in callers:
                caller.join()
        assert gateway.process("worker") == worker
        assert set(statuses) == {200}
