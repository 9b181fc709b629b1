"""Fault: two deployments at once, two rollbacks at once, and bodies that never end. One wins, nobody is left in between."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

from lifecycle.errors import LifecycleError, Refused
from lifecycle.records.bodies.serving import RolledBack
from tests.serving.packages import BY_HAND, MODEL, order, plan
from tests.serving.running import RunningGateway, running_gateway, wait_for

LONG = plan((0.5, 100_000, 600.0), (1.0, 1, 0.0))


def at_once(*works: Callable[[], object]) -> list[LifecycleError]:
    """Has all of them begin at the same moment; what they raised."""
    raised: list[LifecycleError] = []
    line = threading.Barrier(len(works))

    def begin(work: Callable[[], object]) -> None:
        line.wait()
        try:
            work()
        except LifecycleError as error:
            raised.append(error)

    threads = [threading.Thread(target=begin, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_of_two_deployments_at_once_one_is_rolled_out(tmp_path: Path) -> None:
    """Sent at the same moment, one of them goes out and the others are refused; what they needed is free for later."""
    with running_gateway(tmp_path, workers=2) as gateway:
        gateway.serve(1)
        for version in (2, 3, 4):
            gateway.pack(version)
        raised = at_once(*(lambda version=version: gateway.deploy(version, LONG) for version in (2, 3, 4)))
        assert [type(error) for error in raised] == [Refused, Refused]
        rolling = [arm.version for arm in gateway.model().versions if arm.arm == "canary"]
        assert len(rolling) == 1
        gateway.await_weight(f"rollout-{MODEL}-{rolling[0]}", 0.5)
        gateway.client.rollback(MODEL, to_version=None, trigger=BY_HAND, reason="test", rollback_id="b1")
        other = next(version for version in (2, 3, 4) if version != rolling[0])
        # The decision of one that was refused is not used up.
        gateway.await_weight(gateway.deploy(other, LONG), 0.5)
        assert gateway.caller().infer_many(40)[0].keys() == {"champion", "canary"}


def test_of_one_order_sent_twice_at_once_one_rollout_comes(tmp_path: Path) -> None:
    """A caller who lost patience and sent it again has one rollout, and both hear the same."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        packed = gateway.pack(2)
        made = order(packed, 2, gateway.key, LONG)
        assert at_once(*[lambda: gateway.client.order(made, packed.folder)] * 3) == []
        gateway.await_weight(made.rollout_id, 0.5)
        wait_for(lambda: gateway.client.status().waiting_events == 0, "the events are entered")
        assert [event.subject.version for event in gateway.events("RolloutStepReached")] == [1, 2]


def test_of_two_rollbacks_at_once_the_second_undoes_nothing_more(tmp_path: Path) -> None:
    """Two people take the same version out: it is taken out once, and the one behind is told that what serves has changed."""
    with running_gateway(tmp_path, workers=2) as gateway:
        for version in (1, 2, 3):
            gateway.serve(version)

        def rollback(name: str) -> RolledBack:
            return gateway.client.rollback(MODEL, from_version=3, to_version=2, trigger=BY_HAND, reason="test", rollback_id=name)

        raised = at_once(lambda: rollback("b1"), lambda: rollback("b2"))
        assert [type(error) for error in raised] == [Refused]
        assert gateway.caller().infer()[1]["model_version"] == "2"
        wait_for(lambda: gateway.client.status().waiting_events == 0, "the events are entered")
        assert len(gateway.events("RolledBack")) == 1


def test_a_body_without_a_length_is_cut_off_when_it_is_too_long(tmp_path: Path) -> None:
    """A gigabyte in pieces, its length never said: refused past the limit, and not kept in memory."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        before = resident_mb(gateway)
        host, port = str(gateway.client.status().url).removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30.0) as connection:
            head = f"POST /v2/models/{MODEL}/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            connection.sendall(head.encode())
            piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
            sent = 0
            try:
                for _ in range(1_024):
                    connection.sendall(piece)
                    sent += 1
            except OSError:
                pass
            assert sent < 1_024
        assert gateway.caller().infer()[0] == 200
        assert resident_mb(gateway) < before + 64


def resident_mb(gateway: RunningGateway) -> int:
    status = Path(f"/proc/{gateway.process('worker')}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1_024
