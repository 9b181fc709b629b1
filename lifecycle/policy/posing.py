"""Posing a question to an engine: the one way in which the keeper, a replay, a backtest and the canaries do it.

An engine is shown what the rules of its gate read, and no more: much of an evidence document is there for people, and each
of its numbers would cost the engine time and stand in a server's log.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from pydantic import JsonValue

from lifecycle.policy.bundle import Bundle
from lifecycle.policy.engine import Engine, EngineFailure
from lifecycle.policy.recheck import believed
from lifecycle.records.gates import Gate, GateInput, GateResult
from lifecycle.records.record import JsonObject


def answer(question: GateInput, asked: bytes, bundle: Bundle, engine: Engine) -> GateResult:
    """What a bundle says to a question, checked as every answer is; `asked` are the canonical bytes of the question.

    Raises EngineFailure where there is no answer to believe.
    """
    return logged_answer(question, asked, bundle, engine)[0]


def logged_answer(question: GateInput, asked: bytes, bundle: Bundle, engine: Engine) -> tuple[GateResult, str | None]:
    """The same, and what the engine calls it in a log of its own, if it keeps one."""
    if question.gate not in bundle.rules:
        raise EngineFailure(f"The bundle has no gate {question.gate}.", "Write one in governance/policies/gates.", "SYS-005")
    said = engine.answer(question.gate, posed(asked, bundle, question.gate))
    return believed(said.value, question, bundle.rules[question.gate]), said.logged_as


def posed(asked: bytes, bundle: Bundle, gate: Gate) -> JsonObject:
    """The question as an engine is shown it: less what the METADATA of the gate's `decision` says that none of its rules reads.

    That can be wrong in one way only. A rule that does read it does not pass, and then neither does the gate's canary.
    """
    shown: JsonObject = orjson.loads(asked)
    for path in bundle.leaves_out.get(gate, ()):
        _leave_out(shown, path.split("."))
    return shown


def _leave_out(value: JsonValue, path: Sequence[str]) -> None:
    """Takes what stands at a path out of a value: of every item where a list lies on the way, and nothing where it leads nowhere."""
    if isinstance(value, list):
        for item in value:
            _leave_out(item, path)
    elif isinstance(value, dict):
        if len(path) == 1:
            value.pop(path[0], None)
        elif path[0] in value:
            _leave_out(value[path[0]], path[1:])
