"""`python -m lifecycle.witness`: makes a witness's key, and runs one.

    python -m lifecycle.witness new-key --name witness.example.org/w1 --key FILE
    python -m lifecycle.witness run --key FILE --log VKEY [--log VKEY …] --state FOLDER [--host HOST] [--port PORT]

`new-key` prints the verifier key, for the policy of whoever believes this witness. `run` prints its address once it listens. Behind a
proxy with TLS it can be reached from elsewhere; by itself it listens on this machine only.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lifecycle import durable
from lifecycle.errors import InvalidDeclaration, LifecycleError, Unavailable
from lifecycle.proofs.cosignatures import WitnessSigner
from lifecycle.proofs.notes import VerifierKey
from lifecycle.proofs.secret_keys import create_key_file, read_key_file
from lifecycle.witness.deciding import Witness
from lifecycle.witness.memory import WitnessMemory
from lifecycle.witness.server import WitnessServer


def main(arguments: Sequence[str] | None = None) -> int:
    """The process. Returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m lifecycle.witness", description="A witness of transparency logs (C2SP tlog-witness).")
    verbs = parser.add_subparsers(dest="verb", required=True)
    making = verbs.add_parser("new-key", help="make a key, and print its public half")
    making.add_argument("--name", required=True, help="the witness's name: a URL without its scheme")
    running = verbs.add_parser("run", help="cosign what continues what was seen")
    running.add_argument("--log", action="append", required=True, metavar="VKEY", help="a log's verifier key; may be given several times")
    running.add_argument("--state", required=True, type=Path, metavar="FOLDER", help="where it remembers what it has seen")
    running.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    running.add_argument("--port", type=int, default=0, help="the port to listen on; 0 takes a free one")
    for verb in (making, running):
        verb.add_argument("--key", required=True, type=Path, metavar="FILE", help="the file of the witness's private key")
    given = parser.parse_args(arguments)
    try:
        if given.verb == "new-key":
            sys.stdout.write(f"{_new_key(given.key, given.name)}\n")
        else:
            _run(given)
    except LifecycleError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _new_key(file: Path, name: str) -> str:
    signer = WitnessSigner.generate(name)
    create_key_file(file, signer)
    return str(signer.verifier)


def _run(given: argparse.Namespace) -> None:
    logs: dict[str, list[VerifierKey]] = {}
    for text in given.log:
        key = VerifierKey.parse(text)
        logs.setdefault(key.name, []).append(key)
    signer = read_key_file(given.key, WitnessSigner)
    with _alone_with(given.state):
        witness = Witness(signer, logs, WitnessMemory(given.state), lambda: int(time.time()))
        try:
            server = WitnessServer(given.host, given.port, witness)
        except OSError as error:
            raise Unavailable(f"{given.host}:{given.port} can't be listened on: {error.strerror}.", "Choose another port.") from error
        with server:
            for number in (signal.SIGTERM, signal.SIGINT):
                # Not from this thread, which is the one that serves and would wait for itself.
                signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
            sys.stdout.write(f"{server.url}\n")
            sys.stdout.flush()
            server.serve_forever(poll_interval=0.1)


@contextmanager
def _alone_with(state: Path) -> Iterator[None]:
    """Holds the folder for this process: two witnesses with one memory could cosign two pasts."""
    with ExitStack() as alone:
        try:
            state.mkdir(parents=True, exist_ok=True, mode=0o700)
            alone.enter_context(durable.locked(state, wait=False))
        except BlockingIOError as error:
            raise InvalidDeclaration(f"Another witness uses {state}.", "Stop it first, or give this one a folder of its own.") from error
        except OSError as error:
            raise Unavailable(f"{state} can't be used: {error.strerror}.", "Give the witness write access to it.") from error
        yield


if __name__ == "__main__":
    sys.exit(main())
