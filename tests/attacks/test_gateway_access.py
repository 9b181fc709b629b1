"""Attacks on who may ask the gateway: forged and stolen leave, smuggled headers, floods, and clients that never end."""

from __future__ import annotations

import base64
import http.client
import os
import signal
import socket
from pathlib import Path

import pytest

from lifecycle.proofs.notes import SigningKey
from lifecycle.records.access import AccessBook, Quota
from lifecycle.records.bodies.access import RefusalsSealed
from lifecycle.records.identity import derived_id
from lifecycle.serving.access.credentials import key_digest, make_key
from tests.attacks.closed_gateway import KEY, OTHER_KEY, PATH, body, granted
from tests.serving.granted import access_decision, book, key_pass
from tests.serving.packages import ORIGIN, decided, prove
from tests.serving.running import RunningGateway, running_gateway, wait_for


def raw(gateway: RunningGateway, *headers: str, sent: bytes | None = None) -> bytes:
    """The first line of the answer to a request whose headers are sent as they stand."""
    content = body() if sent is None else sent
    head = "\r\n".join((f"POST {PATH} HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(content)}", *headers))
    host, port = str(gateway.client.status().url).removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30.0) as connection:
        connection.sendall(head.encode("latin-1") + b"\r\n\r\n" + content)
        return connection.makefile("rb").readline()


def half_a_request(gateway: RunningGateway, key: str) -> socket.socket:
    """A connection on which a request was begun and not ended."""
    host, port = str(gateway.client.status().url).removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=30.0)
    connection.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: 100\r\n\r\n{{".encode())
    return connection


def test_a_forged_pass_lets_nobody_in(tmp_path: Path) -> None:
    """A pass of a log of the attacker's own, one whose leaf was changed, a denial, one of another environment, one of another gate:
    the ledger's file may say what it likes, none of them opens the door, and the caller who was granted access is answered."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        digest = gateway.pack(1).digest
        good = granted(gateway)
        leaf = base64.b64decode(granted(gateway, OTHER_KEY, principal="other").leaf)
        changed = good.model_copy(update={"leaf": base64.b64encode(leaf).decode()})
        forged = (
            key_pass(SigningKey.generate(ORIGIN), digest, 1, OTHER_KEY),
            changed,
            granted(gateway, OTHER_KEY, allow=False),
            granted(gateway, OTHER_KEY, environment="production"),
            prove(
                decided(access_decision(digest, 1, credential=key_digest(OTHER_KEY)).model_copy(update={"gate": "promotion"})), gateway.key
            ),
        )
        gateway.say_who_may_ask(book(good, *forged))
        caller = gateway.caller()
        assert caller.infer(key=KEY)[0] == 200
        assert caller.infer(key=OTHER_KEY)[0] == 401
        assert gateway.log().count("does not hold and lets nobody in") == len(forged)


def test_a_book_that_was_changed_on_disk_lets_nobody_in_at_the_next_start(tmp_path: Path) -> None:
    """Whoever can write the file beside the gateway still needs a proof of the ledger's; a file that is no book closes the door."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.say_who_may_ask(book(granted(gateway)))
        gateway.kill()
        gateway.ledger.with_name("down").touch()
        forged = key_pass(SigningKey.generate(ORIGIN), gateway.pack(1).digest, 1, OTHER_KEY)
        (gateway.folder / "access.json").write_bytes(book(forged).canonical())
        gateway.start()
        assert gateway.caller().infer(key=OTHER_KEY)[0] == 401
        gateway.kill()
        (gateway.folder / "access.json").write_bytes(b"{")
        gateway.start()
        caller = gateway.caller()
        assert caller.infer()[0] == 401
        assert caller.infer(key=KEY)[0] == 401
        gateway.ledger.with_name("down").unlink()


def test_a_revoked_key_is_refused_within_seconds_and_on_open_connections(closed: RunningGateway) -> None:
    """The connection on which it was answered a moment ago answers it no more."""
    caller, stolen = closed.caller(), make_key()
    theft = granted(closed, stolen, principal="stolen")
    closed.say_who_may_ask(book(granted(closed), theft, size=2))
    assert caller.infer(key=stolen)[0] == 200
    closed.say_who_may_ask(book(granted(closed), theft, revoked=(derived_id("grant", "stolen"),), size=3))
    status, said = caller.infer(key=stolen)
    assert (status, "revoked" in said["error"]) == (401, True)
    assert caller.infer(key=KEY)[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((f"Authorization: Bearer {OTHER_KEY}", f"Authorization: Bearer {KEY}"), b"400"),
        ((f"Authorization: Bearer {KEY}", f"authorization: Bearer {KEY}"), b"400"),
        ((f"Authorization: Bearer {OTHER_KEY}, Bearer {KEY}",), b"401"),
        ((f"Authorization: Basic {KEY}",), b"401"),
        ((f"Authorization: Bearer {KEY[:-1]}",), b"401"),
        ((f"Authorization: Bearer {KEY} ",), b"200"),
        ((f"Authorization : Bearer {KEY}",), b"400"),
        ((f"X-Original-Authorization: Bearer {KEY}",), b"401"),
        (("X-Forwarded-User: portal", "X-Client-Cert: portal"), b"401"),
        (("lifecycle.certificate: portal",), b"401"),
        ((f"Authorization: Bearer {KEY}\x00",), b"400"),
        ((f"Authorization: Bearer {KEY}", "Transfer-Encoding: chunked"), b"400"),
        ((f"Authorization: Bearer {KEY}", "Content-Length: 1"), b"400"),
    ],
)
def test_no_header_is_smuggled_past_the_door(closed: RunningGateway, headers: tuple[str, ...], status: bytes) -> None:
    """Two headers, other schemes, headers of proxies, spaces, two lengths: only one key in one header counts."""
    assert raw(closed, *headers).split()[1] == status


def test_a_gigabyte_is_not_taken_in(closed: RunningGateway) -> None:
    """Refused by its announced length before a byte is read; and without a key, before its length is looked at."""
    announced = f"Content-Length: {1 << 30}"
    host, port = str(closed.client.status().url).removeprefix("http://").split(":")
    for key, expected in ((KEY, b"413"), (OTHER_KEY, b"401")):
        with socket.create_connection((host, int(port)), timeout=30.0) as connection:
            head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n{announced}\r\n\r\n"
            connection.sendall(head.encode())
            assert connection.makefile("rb").readline().split()[1] == expected


def test_a_client_that_sends_a_byte_a_second_holds_only_its_own_share(tmp_path: Path) -> None:
    """Its requests in flight count against it alone: past its own limit it is refused, others are answered, and its time ends."""
    with running_gateway(tmp_path, request_seconds=2.0) as gateway:
        gateway.serve(1)
        two = Quota(requests_per_minute=100_000, rows_per_day=100_000, concurrent=2)
        gateway.say_who_may_ask(book(granted(gateway), granted(gateway, OTHER_KEY, principal="slow", quota=two)))
        slow = [half_a_request(gateway, OTHER_KEY) for _ in range(2)]
        caller = gateway.caller()
        wait_for(lambda: caller.infer(key=OTHER_KEY)[0] == 429, "both are in flight")
        assert caller.headers["retry-after"] == "1"
        assert caller.infer(key=KEY)[0] == 200
        for connection in slow:
            assert connection.makefile("rb").readline().split()[1] == b"408"
            connection.close()
        wait_for(lambda: caller.infer(key=OTHER_KEY)[0] == 200, "what ended is in flight no more")


def test_a_flood_of_refusals_grows_neither_the_disk_nor_the_ledger(tmp_path: Path) -> None:
    """Thousands of requests with keys and models of the attacker's making: a few lines, one leaf for each segment, true counts."""
    with running_gateway(tmp_path, seal_seconds=1.0) as gateway:
        gateway.serve(1)
        gateway.say_who_may_ask(book(granted(gateway)))
        host, port = str(gateway.client.status().url).removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=30.0)
        for number in range(3_000):
            connection.request("POST", f"/v2/models/m{number}/infer", b"{}", {"Authorization": f"Bearer {make_key()}"})
            assert connection.getresponse().read()
        connection.close()

        def refused() -> int:
            bodies = [event.body for event in gateway.events("RefusalsSealed") if isinstance(event.body, RefusalsSealed)]
            return sum(one.requests for sealed in bodies for one in sealed.refused)

        wait_for(lambda: refused() == 3_000, "all refusals are sealed")
        bodies = [event.body for event in gateway.events("RefusalsSealed") if isinstance(event.body, RefusalsSealed)]
        assert {one.reason for sealed in bodies for one in sealed.refused} == {"unknown_credential"}
        assert sum(sealed.lines for sealed in bodies) < 200
        assert sum(file.stat().st_size for file in (gateway.folder / "refusals").iterdir()) < 200_000
        assert gateway.caller().infer(key=KEY)[0] == 200


def test_a_killed_worker_forgives_no_quota_and_holds_nothing_in_flight(tmp_path: Path) -> None:
    """What was used stays used over a crash; what was in flight in the process that died is in flight no more."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        few = Quota(requests_per_minute=100_000, rows_per_day=40, concurrent=1)
        gateway.say_who_may_ask(book(granted(gateway, quota=few)))
        caller, answered = gateway.caller(), 20
        assert [caller.infer(key=KEY)[0] for _ in range(answered)] == [200] * answered
        hanging = half_a_request(gateway, KEY)

        def refused_because_of(what: str) -> bool:
            nonlocal answered
            try:
                status, said = gateway.caller().infer(key=KEY)
            except (OSError, http.client.HTTPException):
                return False
            answered += status == 200
            return status == 429 and what in said["error"]

        wait_for(lambda: refused_because_of("at once"), "one is in flight")
        os.kill(gateway.process("worker"), signal.SIGKILL)
        hanging.close()
        wait_for(lambda: refused_because_of("in a day"), "the new worker has answered all that was left")
        assert answered == 40


def test_a_book_that_says_it_is_open_opens_nothing_outside_of_local(tmp_path: Path) -> None:
    """Production can't be opened by a file, by a fresh ledger, or by revoking everybody."""
    gateway = RunningGateway(tmp_path)
    gateway.more = {"environment": "production"}
    try:
        gateway.start()
        for said in (book(closed=False), AccessBook(closed=False, ledger_size=0, read_at_us=0)):
            gateway.say_who_may_ask(said)
            assert gateway.caller().infer()[0] == 401
    finally:
        gateway.stop()
