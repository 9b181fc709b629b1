"""A process that answers frames, with a deadline for each: killed where it is late, and never believed out of turn."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
import weakref
from pathlib import Path

from lifecycle.policy.engine import EngineFailure
from lifecycle.policy.rego_process import ANSWER, LENGTH, UNDEFINED, WORDS

_PROGRAM = Path(__file__).with_name("rego_process.py")
_PIECE = 1 << 16
#: No decision is near this.
_LARGEST = 16 << 20


class PolicyFailure(EngineFailure):
    """The engine runs, and the policy does not."""


class AskedProcess:
    """One run of `rego_process`. For one thread at a time; after an EngineFailure that is no PolicyFailure it is over."""

    def __init__(self, policy: bytes, seconds: float) -> None:
        """Starts it on this policy. Raises EngineFailure, with what it said, where it does not get ready."""
        # Without our environment: a policy can read it (opa.runtime), and it may hold a token.
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}
        )
        self._number = 0
        self._owner = os.getpid()
        self.end = weakref.finalize(self, _end, self._process)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._questions, self._answers = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._questions, False)
        self.said = self._exchange(policy, seconds)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it may be asked: not by a fork of the process that started it, where two would read each other's answers."""
        return self.end.alive and self._owner == os.getpid()

    def ask(self, entrypoint: str, term: str, seconds: float) -> str | None:
        """The text of the answer, None where it is undefined. Raises EngineFailure for no answer in time, a crash or an error."""
        self._number += 1
        return self._exchange(f"{self._number}\n{entrypoint}\n{term}".encode("ascii"), seconds)

    def _exchange(self, frame: bytes, seconds: float) -> str | None:
        deadline = time.monotonic() + seconds
        try:
            self._write(LENGTH.pack(len(frame)) + frame, deadline)
            (length,) = LENGTH.unpack(self._read(LENGTH.size, deadline))
            if length > _LARGEST:
                raise EngineFailure("The embedded engine answered more than any decision has.", "Correct the policy.")
            number, word, text = self._read(length, deadline).decode("utf-8").split("\n", 2)
            if number != str(self._number) or word not in WORDS:
                raise EngineFailure("The embedded engine answered out of turn.", "Ask again.")
        except TimeoutError as error:
            self.end()
            raise EngineFailure(
                f"The embedded engine did not answer within {seconds:g} s, and was ended.", "Look for a rule that loops."
            ) from error
        # Its end shows as a closed pipe; what is half said is no answer.
        except (OSError, EOFError, ValueError) as error:
            self.end()
            raise EngineFailure(
                "The embedded engine ended in the middle of a question.", "Ask again; the next question starts it."
            ) from error
        except EngineFailure:
            self.end()
            raise
        if word == UNDEFINED:
            return None
        if word != ANSWER:
            raise PolicyFailure(text, "Correct the policy.")
        return text

    def _write(self, content: bytes, deadline: float) -> None:
        view = memoryview(content)
        while view:
            _await(self._questions, select.POLLOUT, deadline)
            view = view[os.write(self._questions, view[:_PIECE]) :]

    def _read(self, length: int, deadline: float) -> bytes:
        content = bytearray()
        while len(content) < length:
            _await(self._answers, select.POLLIN, deadline)
            piece = os.read(self._answers, min(length - len(content), _PIECE))
            if not piece:
                raise EOFError
            content += piece
        return bytes(content)


def _await(descriptor: int, readiness: int, deadline: float) -> None:
    waiting = select.poll()
    waiting.register(descriptor, readiness)
    if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1_000):
        raise TimeoutError


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()
