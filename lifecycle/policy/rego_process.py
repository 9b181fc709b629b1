"""The process in which rego-cpp runs: `python -I rego_process.py`, asked over its standard input.

A program of its own, and not a part of its parent, because of what rego-cpp does to a process: it leaks beside numpy, aborts a later
import of torch, can be sent into a loop or a crash by a policy, and shows a policy its environment (which is empty here). It ends
with its parent, whose end closes its input. It imports nothing of Lifecycle.

Frames are four bytes of length, big-endian, and that many bytes. The first asks for a policy: `{"data", "modules", "entrypoints"}`.
Each later one is a number, an entrypoint and an input, separated by new lines; its answer begins with the same number. Every answer has
a word of `WORDS` and a text.
"""

from __future__ import annotations

import json
import struct
import sys
from typing import IO, Any

LENGTH = struct.Struct(">I")
WORDS = ANSWER, UNDEFINED, FAILED = "answer", "undefined", "failed"


def main() -> None:
    """Answers until the input ends."""
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    first = _read(questions)
    if first is None:
        return
    import regopy

    try:
        compiled, version = _compiled(json.loads(first))
    except (regopy.RegoError, ValueError) as error:
        _write(answers, f"0\n{FAILED}\n{error}")
        return
    _write(answers, f"0\n{ANSWER}\n{version}")
    while (question := _read(questions)) is not None:
        number, entrypoint, term = question.decode("ascii").split("\n", 2)
        word, text = _answer(compiled, entrypoint, term)
        _write(answers, f"{number}\n{word}\n{text}")


def _compiled(policy: dict[str, Any]) -> tuple[Any, str]:
    import regopy

    interpreter = _interpreter()
    interpreter.add_data_json(json.dumps(policy["data"], ensure_ascii=True, allow_nan=False))
    for name, text in policy["modules"].items():
        interpreter.add_module(name, text)
    compiled = interpreter.build(None, policy["entrypoints"])
    if not compiled.ok():
        raise ValueError("the policies do not compile")
    return compiled, str(regopy.rego_version())


def _answer(compiled: Any, entrypoint: str, term: str) -> tuple[str, str]:
    import regopy

    # A fresh interpreter, because after a refused input the one before it stays.
    interpreter = _interpreter()
    try:
        # One JSON term, because `set_input` does not escape texts.
        interpreter.set_input_term(term)
        output = interpreter.query_bundle_entrypoint(compiled, entrypoint)
        text = str(output)
        if not output.ok():
            return FAILED, text
    # regopy raises errors of its own and ValueErrors of several kinds (JSON, Unicode, enum) where it meets a plan that it can't run.
    except (regopy.RegoError, ValueError) as error:
        return FAILED, f"{type(error).__name__}: {error}"
    return (UNDEFINED, "") if text == "undefined" else (ANSWER, text)


def _interpreter() -> Any:
    import regopy

    interpreter = regopy.Interpreter()
    interpreter.log_level = regopy.LogLevel.NONE
    # An error of a builtin is an error, because it is undefined otherwise.
    interpreter.strict_built_in_errors = True
    return interpreter


def _read(stream: IO[bytes]) -> bytes | None:
    """The next frame; None where there is none, or only a part of one."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    content = stream.read(length)
    return content if len(content) == length else None


def _write(stream: IO[bytes], text: str) -> None:
    content = text.encode("utf-8", "replace")
    stream.write(LENGTH.pack(len(content)) + content)
    stream.flush()


if __name__ == "__main__":
    main()
