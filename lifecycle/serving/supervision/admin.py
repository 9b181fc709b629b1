"""How the gateway is told what to do: one JSON line and one answer per connection, on a socket that only its user can open."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from lifecycle.errors import LifecycleError, MalformedRecord
from lifecycle.records.record import JsonObject, parse_json
from lifecycle.serving.answering.protocol import as_bytes
from lifecycle.serving.wire import LONGEST_LINE, error_as_json

_LOG = logging.getLogger(__name__)

Verb = Callable[[JsonObject], Awaitable[Any]]


class AdminServer:
    """Answers the verbs that it is given. What a verb raises reaches the caller as the same error."""

    def __init__(self, path: Path, verbs: dict[str, Verb]) -> None:
        self._path = path
        self._verbs = verbs
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=LONGEST_LINE)
        finally:
            os.umask(before)

    async def end(self) -> None:
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            said = await self.answer(await reader.readline())
            writer.write(as_bytes(said) + b"\n")
            await writer.drain()
        except (ConnectionError, ValueError) as error:
            _LOG.warning("an administrator's connection broke: %s", error)
        finally:
            writer.close()

    async def answer(self, line: bytes) -> JsonObject:
        """What is said to one request."""
        try:
            message = parse_json(line)
            if not isinstance(message, dict) or message.get("do") not in self._verbs:
                raise MalformedRecord("This is not a request to the gateway.", f"It takes {', '.join(self._verbs)}.")
            return {"said": await self._verbs[str(message.pop("do"))](message)}
        except LifecycleError as error:
            return {"error": error_as_json(error)}
        except Exception as error:  # noqa: BLE001  # the caller hears that it failed; the log has the rest
            _LOG.exception("a request to the gateway failed")
            return {
                "error": {"kind": "LifecycleError", "what": f"The gateway failed: {type(error).__name__}.", "next_step": "Look at its log."}
            }
