"""That no rule reads what its gate leaves out of the question.

A rule that needs what is left out does not pass, and the gate's canary shows that. One that passes *because* something is missing (`not
input.evidence.…`) would pass for good. So the engine itself is shown other values in each of these places, in questions that have something
everywhere: an answer that changes names the path. A question is made from the schema of the gate's evidence, so that also what the canary
has none of (a champion, a slice) is there to be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from pydantic import JsonValue

from lifecycle.policy.bundle import Bundle
from lifecycle.policy.engine import Engine, EngineFailure
from lifecycle.records.gates import EVIDENCE_OF
from lifecycle.records.record import JsonObject

_LEAST: JsonObject = {"value": -1e9, "low": -1e9, "high": -1e9, "n": -1e9}
_MOST: JsonObject = {"value": 1e9, "low": 1e9, "high": 1e9, "n": 1e9}
#: What is put where nothing should be read: each type, and both sides of every threshold.
PROBES: tuple[JsonValue, ...] = (None, False, True, -1e9, 1e9, "", "x", [], {}, [{}], _LEAST, _MOST)
_DIGEST = "sha256:" + "a" * 64
#: Of so many names in the canary's evidence (metrics above all) one item is made in every list.
_MOST_NAMES = 6


def read_left_out(bundle: Bundle, engine: Engine) -> Iterator[tuple[str, str]]:
    """Each gate and path that it leaves out and that changes an answer of this engine, which must be one on this bundle."""
    for gate, left_out in bundle.leaves_out.items():
        unread = list(left_out)
        for question in _questions(bundle, gate) if left_out else ():
            for path in list(_read(engine, gate, question, unread)):
                unread.remove(path)
                yield gate, path


def _read(engine: Engine, gate: str, question: JsonObject, paths: Sequence[str]) -> Iterator[str]:
    """Those of these paths that change an answer, found by halves: that none does takes no more questions than there are probes."""
    if not paths or not _changes(engine, gate, question, paths):
        return
    if len(paths) == 1:
        yield paths[0]
        return
    half = len(paths) // 2
    yield from _read(engine, gate, question, paths[:half])
    yield from _read(engine, gate, question, paths[half:])


def _changes(engine: Engine, gate: str, question: JsonObject, paths: Sequence[str]) -> bool:
    said = _answer(engine, gate, _with(question, paths))
    return any(_answer(engine, gate, _with(question, paths, probe)) != said for probe in PROBES)


def _answer(engine: Engine, gate: str, question: JsonObject) -> JsonValue:
    """What the engine says; which of its failures it is counts too, for a rule that stumbles over a value has read it."""
    try:
        return engine.answer(gate, question).value
    except EngineFailure as failure:
        return failure.rule


def _with(question: JsonObject, paths: Sequence[str], *value: JsonValue) -> JsonObject:
    """The question with this value in every place that these paths lead to; with nothing there where none is given."""
    changed = deepcopy(question)
    for path in paths:
        *way, last = path.split(".")
        for place in _places(changed, way):
            place.pop(last, None)
            for one in value:
                place[last] = one
    return changed


def _places(value: JsonValue, way: Sequence[str]) -> Iterator[JsonObject]:
    """The objects that a way leads to, through every item of every list on it."""
    if isinstance(value, list):
        for item in value:
            yield from _places(item, way)
    elif isinstance(value, dict):
        if not way:
            yield value
        elif way[0] in value:
            yield from _places(value[way[0]], way[1:])


def _questions(bundle: Bundle, gate: str) -> Iterator[JsonObject]:
    """The gate's known-good question, and two with something in every field of the evidence: every flag up, and every flag down."""
    good = bundle.canaries[gate].as_json()
    subject = bundle.canaries[gate].subject.model_copy(update={"limits": min(bundle.limit_sets)}).as_json()
    names = sorted({*_names(good["evidence"]), *(path.rpartition(".")[2] for path in bundle.leaves_out[gate])})[:_MOST_NAMES]
    schema = EVIDENCE_OF[gate].model_json_schema()
    yield {**good, "subject": subject}
    for up in (True, False):
        yield {**good, "subject": subject, "evidence": _filled(schema, schema.get("$defs", {}), names, 0, up=up)}


def _names(value: JsonValue) -> Iterator[str]:
    """What things are called in the evidence: the keys of what is kept by name, such as metrics."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, dict) and {"value", "low", "high"} <= inner.keys():
                yield key
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


def _filled(schema: dict[str, Any], defined: dict[str, Any], names: Sequence[str], which: int, *, up: bool) -> JsonValue:
    """A value of a JSON schema in which nothing is null, empty or left out; texts are called by the `which`th name."""

    def within(inner: dict[str, Any], name: int = which) -> JsonValue:
        return _filled(inner, defined, names, name, up=up)

    if "$ref" in schema:
        return within(defined[schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return within(next(one for one in schema["anyOf"] if one.get("type") != "null"))
    if "const" in schema:
        fixed: JsonValue = schema["const"]
        return fixed
    if "enum" in schema:
        chosen: JsonValue = schema["enum"][0 if up else -1]
        return chosen
    match schema.get("type"):
        case "object" if "properties" in schema:
            return {name: within(inner) for name, inner in schema["properties"].items()}
        case "object":
            return {name: within(schema.get("additionalProperties") or {}, place) for place, name in enumerate(names)}
        case "array":
            return [within(schema.get("items", {}), place) for place in range(len(names))]
        case "boolean":
            return up
        case "integer" | "number":
            return 1
        case "string" if "sha256" in schema.get("pattern", ""):
            return _DIGEST
    return names[which]
