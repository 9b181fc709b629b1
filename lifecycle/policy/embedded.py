"""The embedded engine: Rego without a server, for laptops and tests.

regopy (rego-cpp) fails open in several ways if it is used as documented, and leaks, loops or crashes in others. `rego_process` closes the
first, each with a line of its own; that it is another process, with a deadline for each question, closes the rest. Whatever is not
exactly one object is a failure.
"""

from __future__ import annotations

import json
import re
import threading

from lifecycle.errors import InvalidDeclaration, MalformedRecord, Unavailable
from lifecycle.policy.asked_process import AskedProcess, PolicyFailure
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.engine import Answer, EngineFailure, question_text
from lifecycle.records.record import JsonObject, parse_json

#: Past this an answer is not worth waiting for: a decision takes milliseconds, compiling the policies a part of a second.
TIMEOUT_SECONDS = 10.0
START_SECONDS = 60.0
#: How regopy points at a place: the length of the file's name, the name, the offset of the first character and its length.
_PLACE = re.compile(r"\d+:([^\s|()]+\.rego)\|(\d+)\|")
_REASON = re.compile(r"\(errormsg \d+:([^)]*)\)")


class EmbeddedEngine:
    """Answers from a bundle that is compiled when this is made, in a process that ends with this.

    Raises InvalidDeclaration for a policy that does not compile, Unavailable where no process can be had. Threads are answered
    one after the other; a fork of this process starts an engine of its own.
    """

    def __init__(self, bundle: Bundle, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._bundle = bundle
        self._seconds = timeout_seconds
        self._gates = frozenset(bundle.rules)
        self._asking = threading.Lock()
        try:
            self._process = self._started()
        except PolicyFailure as error:
            raise InvalidDeclaration(
                f"{_place(error.what, bundle)} is not Rego that compiles: {_reason(error.what)}.",
                "Correct that line; `lifecycle policy test` with opa on the PATH says more.",
            ) from error
        except EngineFailure as error:
            raise Unavailable(error.what, "See that regopy can be imported here and that there is memory for one more process.") from error
        self._version = str(self._process.said)

    @property
    def name(self) -> str:
        return "regopy"

    @property
    def version(self) -> str:
        return self._version

    def answer(self, gate: str, question: JsonObject) -> Answer:
        if gate not in self._gates:
            raise EngineFailure(f"No policy answers for the gate {gate}.", "Write one in governance/policies/gates.", "SYS-005")
        term = question_text(question)
        with self._asking:
            if not self._process.usable:
                self._process = self._started()
            try:
                said = self._process.ask(f"gov/{gate}/decision", term, self._seconds)
            except EngineFailure as error:
                raise EngineFailure(f"The policy of the gate {gate} gave no answer: {_reason(error.what)}", error.next_step) from error
        try:
            answered = None if said is None else parse_json(said)
        except MalformedRecord as error:
            raise EngineFailure(f"The policy of the gate {gate} answered no JSON: {error.what}", "Correct the policy.") from error
        expressions = answered.get("expressions") if isinstance(answered, dict) else None
        if not isinstance(expressions, list) or len(expressions) != 1:
            raise EngineFailure(f"The policy of the gate {gate} decided nothing.", "Make `decision` defined for every input.", "SYS-002")
        return Answer(expressions[0])

    def _started(self) -> AskedProcess:
        policy = {
            "data": self._bundle.data,
            "modules": self._bundle.modules,
            "entrypoints": [f"gov/{gate}/decision" for gate in self._bundle.rules],
        }
        return AskedProcess(json.dumps(policy, ensure_ascii=True, allow_nan=False).encode(), START_SECONDS)


def _place(error: str, bundle: Bundle) -> str:
    for name, offset in _PLACE.findall(error):
        if name in bundle.modules:
            line = bundle.modules[name].encode()[: int(offset)].count(b"\n") + 1
            return f"{name}:{line}"
    return "A policy"


def _reason(error: str) -> str:
    reasons = dict.fromkeys(_REASON.findall(error))
    return "; ".join(reasons) if reasons else " ".join(error.split())[:200]
