"""How a gateway is told what to do from another machine that has its folder mounted: each request a file, each answer a file.

    NAME.request   written whole, by whoever asks
    NAME.taken     the same file, once the gateway has taken it up: it is not taken back any more
    NAME.answer    what the gateway says
    alive          touched every second while the gateway runs

The folder is its user's alone, as the socket is: who may write here may order. A file of somebody else's is not looked at.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import stat
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from lifecycle import durable
from lifecycle.errors import Unavailable
from lifecycle.records.record import JsonObject

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 0.2
_TOUCH_SECONDS = 1.0
#: A gateway that has not touched its mailbox for so long has ended. By the clock of whoever looks: nobody's clocks are compared.
_DEAD_SECONDS = 5.0
#: Answers that nobody has fetched are removed after this.
_KEEP_SECONDS = 3_600.0
ALIVE, REQUEST, TAKEN, ANSWER = "alive", ".request", ".taken", ".answer"


class MailboxServer:
    """Takes requests up and answers them, each in its own time, for ever."""

    def __init__(self, folder: Path, answer: Callable[[bytes], Awaitable[JsonObject]]) -> None:
        self._folder = folder
        self._answer = answer
        self._answering: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Makes the folder. Raises Unavailable where that can't be done, and where it is open to others."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self._folder.lstat()
        except OSError as error:
            raise Unavailable(f"{self._folder} can't be made: {error.strerror}.", "Give write access to the gateway's folder.") from error
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022:
            raise Unavailable(
                f"{self._folder} belongs to somebody else or is open to others, so that anybody could order.",
                "Remove it: the gateway makes it anew.",
            )

    async def run(self) -> None:
        """Looks for ever."""
        touched = float("-inf")
        while True:
            try:
                if time.monotonic() - touched >= _TOUCH_SECONDS:
                    (self._folder / ALIVE).touch()
                    touched = time.monotonic()
                    self._sweep()
                for request in sorted(self._folder.glob(f"*{REQUEST}")):
                    self._take(request)
            except OSError as error:
                _LOG.warning("the mailbox can't be looked into: %s", error.strerror)
            await asyncio.sleep(_LOOK_SECONDS)

    async def end(self) -> None:
        """Leaves what is not answered, and says that nobody looks any more."""
        for task in list(self._answering):
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)
        (self._folder / ALIVE).unlink(missing_ok=True)

    def _take(self, request: Path) -> None:
        taken = request.with_suffix(TAKEN)
        request.rename(taken)
        try:
            descriptor = os.open(taken, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                mine = os.fstat(descriptor).st_uid == os.getuid()
                line = file.read() if mine else b""
        except OSError as error:
            _LOG.warning("%s can't be read: %s", taken.name, error.strerror)
            return
        if not mine:
            _LOG.warning("%s is of another user, and is not looked at", taken.name)
            return
        task = asyncio.get_running_loop().create_task(self._say(taken, line))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _say(self, taken: Path, line: bytes) -> None:
        said = json.dumps(await self._answer(line)).encode()
        try:
            durable.replace(taken.with_suffix(ANSWER), said)
            taken.unlink(missing_ok=True)
        except OSError as error:
            _LOG.warning("the answer to %s can't be written: %s", taken.name, error.strerror)

    def _sweep(self) -> None:
        now = time.time()
        for left in (*self._folder.glob(f"*{ANSWER}"), *self._folder.glob(f"*{TAKEN}")):
            if now - left.lstat().st_mtime > _KEEP_SECONDS:
                left.unlink(missing_ok=True)


def ask_by_mail(folder: Path, line: bytes, patience_seconds: float) -> bytes:
    """What the gateway with this mailbox answers. Raises OSError where nobody looks into it, or nobody answers in time.

    A request that was not taken up is taken back, so that it is not carried out later, when nobody waits for it.
    """
    request = folder / f"{uuid.uuid4().hex}{REQUEST}"
    durable.replace(request, line)
    answer, alive = request.with_suffix(ANSWER), folder / ALIVE
    deadline, beat, heard = time.monotonic() + patience_seconds, _beat(alive), time.monotonic()
    while not answer.exists():
        latest, now = _beat(alive), time.monotonic()
        if latest != beat:
            beat, heard = latest, now
        if beat is None or now - heard > _DEAD_SECONDS or now > deadline:
            request.unlink(missing_ok=True)
            if not answer.exists():
                raise TimeoutError("nobody answers by mail")
        time.sleep(_LOOK_SECONDS / 4)
    try:
        return answer.read_bytes()
    finally:
        answer.unlink(missing_ok=True)


def _beat(alive: Path) -> int | None:
    try:
        return alive.stat().st_mtime_ns
    except FileNotFoundError:
        return None
