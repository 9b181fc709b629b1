"""Attacks on a gateway's mailbox: what somebody leaves there must neither stop the gateway nor be carried out when nobody waits."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from lifecycle.records.record import JsonObject
from lifecycle.serving.supervision.mailbox import MailboxServer, ask_by_mail
from lifecycle.serving.wire import LONGEST_LINE
from tests.serving.supervision.test_mailbox import while_served


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mailbox"


class Heard:
    """What a gateway was asked."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    async def __call__(self, line: bytes) -> JsonObject:
        self.lines.append(line)
        return {"said": None}


def plant(folder: Path, kind: str) -> None:
    """Leaves something under the name of a request."""
    planted = folder / f"a-{kind}.request"
    if kind == "pipe":
        os.mkfifo(planted)
    elif kind == "folder":
        planted.mkdir()
    else:
        with planted.open("wb") as file:
            # It takes no place on the disk, and more memory than any machine has.
            file.truncate(1 << 40)


@pytest.mark.parametrize("kind", ["pipe", "folder", "file_without_end"])
def test_what_is_no_request_stops_no_gateway(folder: Path, kind: str) -> None:
    """A pipe that nobody writes to, a folder, a file that no memory holds: the next request is answered as ever."""
    heard = Heard()

    async def test() -> None:
        plant(folder, kind)
        while list(folder.glob("a-*.request")):
            await asyncio.sleep(0.01)
        said = await asyncio.to_thread(ask_by_mail, folder, b'{"do": "status"}', 30.0)
        assert json.loads(said) == {"said": None}

    while_served(folder, test, heard)
    assert heard.lines == [b'{"do": "status"}']


def test_a_request_is_as_long_by_mail_as_on_the_socket(folder: Path) -> None:
    """One that is longer is not carried out."""
    heard = Heard()

    async def test() -> None:
        (folder / "a.request").write_bytes(b" " * (LONGEST_LINE + 1))
        await asyncio.to_thread(ask_by_mail, folder, b"{}", 30.0)

    while_served(folder, test, heard)
    assert heard.lines == [b"{}"]


def test_a_request_of_whoever_was_killed_while_waiting_is_not_carried_out_at_the_next_start(folder: Path) -> None:
    """Neither its asker nor its gateway could take it back: a rollback of last week must not come to pass today."""
    heard = Heard()
    MailboxServer(folder, heard).open()
    (folder / "left.request").write_bytes(b'{"do": "rollback"}')

    async def test() -> None:
        await asyncio.to_thread(ask_by_mail, folder, b"{}", 30.0)

    while_served(folder, test, heard)
    assert heard.lines == [b"{}"]
    assert not (folder / "left.request").exists()


def test_who_asks_while_a_gateway_starts_is_told_to_ask_again(folder: Path) -> None:
    """The request is of the gateway before, which was killed a moment ago: its asker is not left waiting for an answer that never comes."""
    heard = Heard()
    MailboxServer(folder, heard).open()
    (folder / "alive").touch()

    async def test() -> None:
        waiting = asyncio.create_task(asyncio.to_thread(ask_by_mail, folder, b'{"do": "rollback"}', 60.0))
        while not list(folder.glob("*.request")):
            await asyncio.sleep(0.001)
        MailboxServer(folder, heard).open()
        said = json.loads(await waiting)
        assert said["error"]["kind"] == "Unavailable"

    asyncio.run(test())
    assert heard.lines == []
