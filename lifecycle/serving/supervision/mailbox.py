"""How a gateway is told what to do from another machine that has its folder mounted: each request a file, each answer a file.

    NAME.request   written whole, by whoever asks
    NAME.taken     the same file, once the gateway has taken it up: it is not taken back any more
    NAME.answer    what the gateway says
    alive          touched every second while the gateway runs

The folder is its user's alone, as the socket is: who may write here may order. A file of somebody else's is not looked at, nor what
is no file. What was there before the gateway started is turned away: whoever asked may have gone long ago, and could not take it back.
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
from lifecycle.serving.wire import LONGEST_LINE, error_as_json

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
        """Makes the folder, and turns away what lies in it. Raises Unavailable where that can't be done, or it is open to others."""
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
        for left in self._folder.glob(f"*{REQUEST}"):
            self._turn_away(left)

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

    def _turn_away(self, request: Path) -> None:
        why = Unavailable("The gateway has started since this was asked, and carries out nothing from before.", "Ask again.")
        try:
            durable.replace(request.with_suffix(ANSWER), json.dumps({"error": error_as_json(why)}).encode())
            request.rename(request.with_suffix(TAKEN))
        except OSError as error:
            raise Unavailable(f"{request} can't be turned away: {error.strerror}.", "Remove it.") from error

    def _take(self, request: Path) -> None:
        taken = request.with_suffix(TAKEN)
        try:
            request.rename(taken)
            line = _order_in(taken)
        except FileNotFoundError:
            # It was taken back.
            return
        except OSError as error:
            _LOG.warning("%s can't be read: %s", request.name, error.strerror)
            return
        if line is None:
            _LOG.warning("%s is of another user, is no file or is too long, and is not looked at", taken.name)
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
            found = left.lstat()
            if now - found.st_mtime > _KEEP_SECONDS and not stat.S_ISDIR(found.st_mode):
                left.unlink(missing_ok=True)


def _order_in(taken: Path) -> bytes | None:
    """What a file says; None for what is no file of this user, or longer than any order. Raises OSError.

    Nobody is waited for: a pipe opens at once, and is let go.
    """
    descriptor = os.open(taken, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_size > LONGEST_LINE:
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(LONGEST_LINE)
    finally:
        os.close(descriptor)


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
