"""Orders by mail: a gateway that runs on another machine that shares the folder."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lifecycle.errors import Unavailable
from lifecycle.records.record import JsonObject
from lifecycle.serving.client import GatewayClient
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.supervision import mailbox
from lifecycle.serving.supervision.mailbox import MailboxServer, ask_by_mail


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mailbox"


async def echo(line: bytes) -> JsonObject:
    return {"said": json.loads(line)}


def while_served(folder: Path, test: Callable[[], Awaitable[None]], answer: Callable[[bytes], Awaitable[JsonObject]] = echo) -> None:
    """Does something while a gateway looks into the mailbox."""

    async def run() -> None:
        server = MailboxServer(folder, answer)
        server.open()
        looking = asyncio.create_task(server.run())
        while not (folder / "alive").exists():
            await asyncio.sleep(0.01)
        try:
            await asyncio.wait_for(test(), 60)
        finally:
            looking.cancel()
            await server.end()

    asyncio.run(run())


def test_a_request_is_answered_and_nothing_is_left(folder: Path) -> None:
    """The answer is that of the request; both files are gone when it is read."""

    async def test() -> None:
        said = await asyncio.gather(*(asyncio.to_thread(ask_by_mail, folder, b'{"n": %d}' % number, 30.0) for number in range(5)))
        assert [json.loads(one)["said"] for one in said] == [{"n": number} for number in range(5)]
        assert {file.name for file in folder.iterdir()} == {"alive"}

    while_served(folder, test)
    assert list(folder.iterdir()) == []


def test_a_slow_request_holds_up_no_other(folder: Path) -> None:
    """A rollback is answered while an order is still checked."""
    release = asyncio.Event()

    async def answer(line: bytes) -> JsonObject:
        if line == b"slow":
            await release.wait()
        return {"said": line.decode()}

    async def test() -> None:
        slow = asyncio.create_task(asyncio.to_thread(ask_by_mail, folder, b"slow", 30.0))
        assert b"fast" in await asyncio.to_thread(ask_by_mail, folder, b"fast", 30.0)
        assert not slow.done()
        release.set()
        assert b"slow" in await slow

    while_served(folder, test, answer)


def test_a_request_that_nobody_takes_up_is_taken_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that starts later must not carry out what nobody waits for any more, whatever a killed one has left."""
    monkeypatch.setattr(mailbox, "_DEAD_SECONDS", 0.2)
    folder.mkdir(mode=0o700)
    (folder / "alive").touch()
    with pytest.raises(TimeoutError):
        ask_by_mail(folder, b"{}", 30.0)
    assert {file.name for file in folder.iterdir()} == {"alive"}


def test_a_link_in_the_mailbox_is_not_followed(folder: Path, tmp_path: Path) -> None:
    """What somebody links to is not read as an order."""
    (tmp_path / "other").write_bytes(b'{"do": "stop"}')
    heard: list[bytes] = []

    async def answer(line: bytes) -> JsonObject:
        heard.append(line)
        return {"said": None}

    async def test() -> None:
        (folder / "link.request").symlink_to(tmp_path / "other")
        while not (folder / "link.taken").is_symlink():
            await asyncio.sleep(0.01)
        await asyncio.to_thread(ask_by_mail, folder, b"{}", 30.0)

    while_served(folder, test, answer)
    assert heard == [b"{}"]


def test_a_mailbox_that_others_may_write_to_is_not_looked_into(folder: Path) -> None:
    """Anybody could order."""
    folder.mkdir()
    os.chmod(folder, 0o777)  # noqa: PTH101  # that is the attack
    with pytest.raises(Unavailable, match="anybody could order"):
        MailboxServer(folder, echo).open()
    assert list(folder.iterdir()) == []


def test_a_gateway_without_a_mailbox_is_told_to_be_down_at_once(tmp_path: Path) -> None:
    """Nobody waits for mail where none is taken."""
    made = GatewayFolder(tmp_path / "gateway")
    made.make()
    with pytest.raises(Unavailable, match="does not answer"):
        GatewayClient(made.path).status()
    assert not made.mailbox.exists()
