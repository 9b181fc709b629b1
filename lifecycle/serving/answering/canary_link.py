"""A worker's line to a canary's process: many requests at once over one socket, each with an end to its patience."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from lifecycle.errors import Unavailable
from lifecycle.records.manifest import ModelSchemas
from lifecycle.records.record import Digest, Version
from lifecycle.serving.allowed.packages import Allowance
from lifecycle.serving.answering.served import Answer, Columns, checked_answer
from lifecycle.serving.failures import ArmFailed, RequestRefused
from lifecycle.serving.frames import FrameProtocol

#: So many requests of one worker wait for a canary at most. It answers in one process, and its champion in every worker: where more of
#: them queued, the champion's own callers would soon be turned away for it.
MOST_WAITING = 32


class CanaryLink(FrameProtocol):
    """Asks a canary, and checks what it says: it is a version that nobody trusts yet."""

    def __init__(self, path: Path, version: Version, digest: Digest, allowance: Allowance, schemas: ModelSchemas) -> None:
        super().__init__()
        self.path = path
        self.version = version
        self.digest = digest
        self.allowance = allowance
        self.schemas = schemas
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._requests = 0
        self._room_taken = 0

    @classmethod
    async def connect(cls, path: Path, version: Version, digest: Digest, allowance: Allowance, schemas: ModelSchemas) -> CanaryLink:
        """A link to the canary that listens here. Raises Unavailable where none does."""
        try:
            _, link = await asyncio.get_running_loop().create_unix_connection(
                lambda: cls(path, version, digest, allowance, schemas), str(path)
            )
        except OSError as error:
            raise Unavailable(
                f"The canary of version {version} does not listen: {error.strerror}.", "Look at the gateway's log."
            ) from error
        return link

    async def answer(self, columns: Columns, rows: int, timeout: float) -> Answer:
        """Raises RequestRefused for what the canary does not take, ArmFailed where it breaks, dies, stalls or talks nonsense."""
        self._requests += 1
        number = self._requests
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self.send({"request": number, "columns": columns, "rows": rows})
            said = await asyncio.wait_for(future, timeout)
        except ConnectionError as error:
            raise ArmFailed(f"The process of version {self.version} is gone.") from error
        except TimeoutError as error:
            raise ArmFailed(f"Version {self.version} took longer than {timeout:g} s.", "timeout") from error
        finally:
            self._waiting.pop(number, None)
        if "refused" in said:
            raise RequestRefused(str(said["refused"]), str(said.get("field", "")))
        probabilities = said.get("probabilities")
        if not isinstance(probabilities, list):
            broke = "failed" in said and said.get("kind") != "invalid"
            raise ArmFailed(str(said.get("failed", f"Version {self.version} gave no answer.")), "exception" if broke else "invalid")
        return checked_answer(probabilities, rows, self.version, self.schemas)

    @property
    def full(self) -> bool:
        """Whether as many callers wait, or soon will, as may."""
        return self._room_taken >= MOST_WAITING

    def with_room_taken(self) -> CanaryLink:
        """This link, on which a caller will wait; `give_room_back` must follow. A copy for a shadow takes none: nobody waits for it."""
        self._room_taken += 1
        return self

    def give_room_back(self) -> None:
        """A caller waits no more."""
        self._room_taken -= 1

    @property
    def idle(self) -> bool:
        """Whether nobody waits for an answer."""
        return not self._waiting

    def message_received(self, message: dict[str, Any]) -> None:
        waiting = self._waiting.get(message.get("request", 0))
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    def disconnected(self) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionResetError("the canary is gone"))
