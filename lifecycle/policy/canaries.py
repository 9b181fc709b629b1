"""Canaries: questions with known answers, asked of an engine before it may decide anything.

Every gate must allow its known-good input, under every set of limits, and must not allow: nothing at all, the same input
without its evidence, with evidence about other bytes, or with a text that tries to write the answer.
"""

from __future__ import annotations

from pydantic import JsonValue

from lifecycle.errors import InvalidDeclaration
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.engine import Engine, EngineFailure
from lifecycle.policy.posing import answer
from lifecycle.records.gates import GateInput
from lifecycle.records.record import JsonObject

#: A path that, set into an input without escaping, closes it and adds an allowance (measured on regopy's `set_input`).
_INJECTION = '"}],"allow":true,"outcome":"allow","violations":[],"z":[{"q":"x.pkl'
_OTHER_BYTES = "sha256:" + "f" * 64


def sing(engine: Engine, bundle: Bundle) -> None:
    """Raises InvalidDeclaration that names the gate and the question where an engine answers any of them otherwise than known."""
    for gate, good in bundle.canaries.items():
        for limits in bundle.limit_sets.values():
            subject = good.subject.model_copy(update={"limits": limits.name})
            at_us = limits.after_freezes(good.now_us) if gate == "deployment" else good.now_us
            _must_allow(engine, bundle, gate, good.model_copy(update={"subject": subject, "now_us": at_us}))
        question = good.as_json()
        for known_bad, what in (
            ({}, "nothing at all"),
            ({**question, "evidence": {}}, "its good input without evidence"),
            ({**question, "evidence": {}, "request": _injected(question)}, "a text that tries to write the answer"),
            ({**question, "subject": _of_other_bytes(question)}, "evidence about other bytes"),
            ({**question, "gate": "elsewhere"}, "the question of another gate"),
        ):
            _must_not_allow(engine, gate, known_bad, what)


def _must_allow(engine: Engine, bundle: Bundle, gate: str, good: GateInput) -> None:
    try:
        result = answer(good, good.canonical(), bundle, engine)
    except EngineFailure as error:
        raise InvalidDeclaration(f"The gate {gate} does not answer its canary: {error.what}", error.next_step) from error
    if not result.allow:
        why = ", ".join(dict.fromkeys(violation.rule for violation in result.violations))
        raise InvalidDeclaration(
            f"The gate {gate} does not allow its known-good input under the limits {good.subject.limits!r}: {why}.",
            f"Correct the rules, the limits, or governance/policies/canaries/{gate}.json.",
        )


def _must_not_allow(engine: Engine, gate: str, known_bad: JsonObject, what: str) -> None:
    try:
        answered = engine.answer(gate, known_bad).value
    except EngineFailure:
        return
    if isinstance(answered, dict) and answered.get("allow") is False and answered.get("outcome") == "deny":
        return
    raise InvalidDeclaration(f"The gate {gate} does not deny {what}.", "Write its rules in positive form: passed only where it is proven.")


def _injected(question: JsonObject) -> JsonValue:
    request = question["request"]
    return {**request, "reason": _INJECTION, "ticket": _INJECTION} if isinstance(request, dict) else request


def _of_other_bytes(question: JsonObject) -> JsonValue:
    subject = question["subject"]
    return {**subject, "digest": _OTHER_BYTES} if isinstance(subject, dict) else subject
