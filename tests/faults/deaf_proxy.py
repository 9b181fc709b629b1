"""Stands between a client and its Postgres server, and can stop passing answers on: what was asked is done, and nobody hears."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class DeafProxy:
    """Passes bytes both ways until the client's hold a word; what the server answers from then on is lost, and so is the connection."""

    def __init__(self, listening: Path, server: Path) -> None:
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(listening))
        self._listener.listen()
        #: The word after which the proxy is deaf to the server, once.
        self.word: bytes | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            server.connect(str(self._server))
            threading.Thread(target=self._answer, args=(server, client), daemon=True).start()
            while asked := client.recv(65_536):
                if self.word is not None and self.word in asked:
                    self.word = None
                    client.shutdown(socket.SHUT_RDWR)
                    server.sendall(asked)
                    # The server did what it was asked for once it answers.
                    return
                server.sendall(asked)

    @staticmethod
    def _answer(server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while answered := server.recv(65_536):
                client.sendall(answered)


@contextmanager
def deaf_proxy(server_socket: Path, folder: Path) -> Iterator[DeafProxy]:
    """A proxy that listens in this folder as a server does."""
    proxy = DeafProxy(folder / server_socket.name, server_socket)
    try:
        yield proxy
    finally:
        proxy.close()
