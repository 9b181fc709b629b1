"""The embedded engine: Rego without a server, for laptops and tests.

regopy (rego-cpp) fails open in several ways if it is used as documented; each line below closes one. An input is
given as one ASCII JSON term, because `set_input` does not escape texts. Every question gets a fresh interpreter,
because after a refused input the one before it stays. Errors of builtins are errors, because they are undefined
otherwise. Whatever is not exactly one object is a failure.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from pydantic import JsonValue

from lifecycle.errors import InvalidDeclaration, MalformedRecord
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.engine import EngineFailure, question_text
from lifecycle.records.record import JsonObject, parse_json

if TYPE_CHECKING:
    import regopy

#: How regopy points at a place: the length of the file's name, the name, the offset of the first character and its length.
_PLACE = re.compile(r"\d+:([^\s|()]+\.rego)\|(\d+)\|")
_REASON = re.compile(r"\(errormsg \d+:([^)]*)\)")


class EmbeddedEngine:
    """Answers from a bundle that is compiled once, when it is made. Raises InvalidDeclaration for a policy that does not compile."""

    def __init__(self, bundle: Bundle) -> None:
        # regopy brings a C++ runtime of its own. Loaded before the system's, which numpy loads, it makes a later import of
        # torch abort the whole process.
        import numpy as np  # noqa: F401  # for what its import loads
        import regopy

        self._compiled = _compile(bundle)
        self._gates = frozenset(bundle.rules)
        self._version = str(regopy.rego_version())

    @property
    def name(self) -> str:
        return "regopy"

    @property
    def version(self) -> str:
        return self._version

    def answer(self, gate: str, question: JsonObject) -> JsonValue:
        import regopy

        if gate not in self._gates:
            raise EngineFailure(f"No policy answers for the gate {gate}.", "Write one in governance/policies/gates.", "SYS-005")
        interpreter = _interpreter()
        try:
            interpreter.set_input_term(question_text(question))
            output = interpreter.query_bundle_entrypoint(self._compiled, f"gov/{gate}/decision")
            if not output.ok():
                raise EngineFailure(f"The policy of the gate {gate} failed: {_reason(str(output))}.", "Correct the policy.")
            if str(output) == "undefined":
                raise _decided_nothing(gate)
            answered = parse_json(str(output))
        # regopy raises ValueErrors of several kinds (JSON, Unicode, enum) where it meets a plan that it can't run.
        except (regopy.RegoError, MalformedRecord, ValueError) as error:
            raise EngineFailure(f"The policy of the gate {gate} could not be run: {_reason(str(error))}.", "Correct the policy.") from error
        expressions = answered.get("expressions") if isinstance(answered, dict) else None
        if not isinstance(expressions, list) or len(expressions) != 1:
            raise _decided_nothing(gate)
        return expressions[0]


def _decided_nothing(gate: str) -> EngineFailure:
    return EngineFailure(f"The policy of the gate {gate} decided nothing.", "Make `decision` defined for every input.", "SYS-002")


def _interpreter() -> regopy.Interpreter:
    import regopy

    interpreter = regopy.Interpreter()
    interpreter.log_level = regopy.LogLevel.NONE
    interpreter.strict_built_in_errors = True
    return interpreter


def _compile(bundle: Bundle) -> regopy.Bundle:
    import regopy

    interpreter = _interpreter()
    try:
        interpreter.add_data_json(json.dumps(bundle.data, ensure_ascii=True, allow_nan=False))
        for name, text in bundle.modules.items():
            interpreter.add_module(name, text)
        compiled = interpreter.build(None, [f"gov/{gate}/decision" for gate in bundle.rules])
    except regopy.RegoError as error:
        raise InvalidDeclaration(
            f"{_place(str(error), bundle)} is not Rego that compiles: {_reason(str(error))}.", "Correct that line."
        ) from error
    if not compiled.ok():
        raise InvalidDeclaration("The policies do not compile.", "Run `lifecycle policy test` with opa on the PATH to see where.")
    return compiled


def _place(error: str, bundle: Bundle) -> str:
    for name, offset in _PLACE.findall(error):
        if name in bundle.modules:
            line = bundle.modules[name].encode()[: int(offset)].count(b"\n") + 1
            return f"{name}:{line}"
    return "A policy"


def _reason(error: str) -> str:
    reasons = dict.fromkeys(_REASON.findall(error))
    return "; ".join(reasons) if reasons else " ".join(error.split())[:200]
