"""The witness over HTTP: `POST <prefix>/add-checkpoint`, `GET <prefix>/<origin hash>/checkpoint`. Nothing but the standard library."""

from __future__ import annotations

import logging
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lifecycle.errors import LifecycleError
from lifecycle.witness.deciding import Answer, Witness

#: A note and 63 hashes fit many times over.
MOST_BYTES = 1_000_000
_PATIENCE_SECONDS = 30.0
#: ASCII digits, and few enough to be read as a number.
_LENGTH, _LONG = re.compile(r"[0-9]{1,9}"), re.compile(r"[0-9]+")
_CHECKPOINT = re.compile(r"/([0-9a-f]{64})/checkpoint")
_LOG = logging.getLogger(__name__)


class WitnessServer(ThreadingHTTPServer):
    """Listens for one witness, on a port that 0 lets the system choose."""

    daemon_threads = True

    def __init__(self, host: str, port: int, witness: Witness) -> None:
        self.witness = witness
        super().__init__((host, port), _Requests)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE_SECONDS
    server: WitnessServer

    def do_POST(self) -> None:
        """Cosigns, or says why not."""
        length = self.headers.get("Content-Length", "")
        told = _LENGTH.fullmatch(length) is not None
        if not told or int(length) > MOST_BYTES:
            self.close_connection = True
            self._answer(Answer(413 if told or _LONG.fullmatch(length) else 411, "Send a body, with its length.\n"))
            return
        body = self.rfile.read(int(length))
        if self.path != "/add-checkpoint":
            self._answer(Answer(404, "POST /add-checkpoint is what a witness takes.\n"))
            return
        try:
            self._answer(self.server.witness.add_checkpoint(body.decode()))
        except UnicodeDecodeError:
            self._answer(Answer(400, "This is not UTF-8.\n"))
        except LifecycleError as error:
            _LOG.error("%s", error)
            self._answer(Answer(500, "This witness can't remember, and so cosigns nothing.\n"))

    def do_GET(self) -> None:
        """The last cosigned checkpoint of a log."""
        asked = _CHECKPOINT.fullmatch(self.path)
        try:
            self._answer(self.server.witness.latest_note(asked[1]) if asked else Answer(404, "There is nothing here.\n"))
        except LifecycleError as error:
            _LOG.error("%s", error)
            self._answer(Answer(500, "This witness can't remember.\n"))

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the name is the base class's
        _LOG.info(format, *arguments)

    def _answer(self, answer: Answer) -> None:
        content = answer.text.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
