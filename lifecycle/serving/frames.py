"""Frames between processes: four bytes of length, then JSON. Both ends are our own, on one machine."""

from __future__ import annotations

import asyncio
import json
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, cast

from lifecycle.serving.answering.protocol import as_bytes

_LENGTH = struct.Struct(">I")
#: A frame longer than this is no frame: the other end has lost its place.
LONGEST_FRAME = 64 << 20


def frame(message: dict[str, Any]) -> bytes:
    """A message as it goes over a socket."""
    body = as_bytes(message)
    return _LENGTH.pack(len(body)) + body


class FrameBuffer:
    """Puts frames together from what arrives."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The messages that are whole by now. Raises ValueError for what is no frame."""
        self._bytes += data
        while len(self._bytes) >= _LENGTH.size:
            length = _LENGTH.unpack_from(self._bytes)[0]
            if length > LONGEST_FRAME:
                raise ValueError(f"a frame of {length} bytes")
            if len(self._bytes) < _LENGTH.size + length:
                return
            body = bytes(self._bytes[_LENGTH.size : _LENGTH.size + length])
            del self._bytes[: _LENGTH.size + length]
            yield json.loads(body)


class FrameProtocol(asyncio.Protocol, ABC):
    """One end of a connection that carries frames; subclasses say what a message means."""

    def __init__(self) -> None:
        self._buffer = FrameBuffer()
        self._transport: asyncio.Transport | None = None

    @property
    def connected(self) -> bool:
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A stream socket gets a stream transport; uvloop's does not derive from asyncio's, so it can't be asked.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._buffer.feed(data):
                self.message_received(message)
        except ValueError:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.disconnected()

    def send(self, message: dict[str, Any]) -> None:
        """Sends a message. Raises ConnectionError where the other end is gone."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the other process is gone")
        self._transport.write(frame(message))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    @abstractmethod
    def message_received(self, message: dict[str, Any]) -> None:
        """A whole message has arrived."""

    @abstractmethod
    def disconnected(self) -> None:
        """The other end is gone, and nothing more will arrive."""
