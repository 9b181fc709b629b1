"""Rules, as their METADATA declares them: one id, one severity, one message, one way out.

The annotation above a rule is the only place that says these things. The engines get them as data, the gates answer
with them, and a rule without an annotation, or an annotation without a rule, is an error before any engine starts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from lifecycle.errors import InvalidDeclaration
from lifecycle.records.documents import parse_yaml
from lifecycle.records.gates import Severity
from lifecycle.records.record import JsonObject, Record, describe

_PACKAGE = re.compile(r"^package ([\w.]+)\s*$", re.MULTILINE)
_PASSED = re.compile(r'^passed contains "([^"]*)"')
#: What a policy may not call: it reads the outside, the clock or chance, or one of the two engines gets it wrong.
_FORBIDDEN = re.compile(
    r"\b(http\.send|opa\.runtime|net\.\w+|rand\.\w+|uuid\.\w+|time\.\w+|regex\.\w+|trace|print|rego\.\w+|io\.jwt\.\w+|yaml\.\w+|providers\.[\w.]+)\s*\("
)


class Rule(Record):
    """What a rule says about itself. `awaits_people`: not passing it means waiting for people, not a denial. `waivable`: two
    people may let a version past it for a time. `emergency`: only together with all that may be waived, by a broken glass."""

    id: str
    title: str
    message: str
    severity: Severity
    controls: tuple[str, ...]
    fix: str
    awaits_people: bool = False
    waivable: bool = False
    emergency: bool = False

    def as_data(self) -> JsonObject:
        """This rule as the engines see it."""
        return {
            "severity": self.severity,
            "message": self.message,
            "controls": list(self.controls),
            "fix": self.fix,
            "awaits_people": self.awaits_people,
            "waivable": self.waivable,
            "emergency": self.emergency,
        }


@dataclass(frozen=True)
class Module:
    """One Rego file: its package, the rules that it declares, and for a gate the packages whose rules apply to it and the paths
    of the input that none of them reads."""

    path: str
    package: str
    rules: tuple[Rule, ...]
    applies: tuple[str, ...]
    leaves_out: tuple[str, ...]


def read_module(path: str, text: str) -> Module:
    """What a Rego file declares. Raises InvalidDeclaration that names the file and the line."""
    _refuse_forbidden_calls(path, text)
    package = _PACKAGE.search(text)
    if package is None:
        raise InvalidDeclaration(f"{path} has no package.", "Begin it with `package gov.…`.")
    rules: dict[str, Rule] = {}
    applies: tuple[str, ...] = ()
    leaves_out: tuple[str, ...] = ()
    for line, annotation, head in _annotations(path, text):
        custom = annotation.get("custom")
        if not isinstance(custom, dict):
            continue
        if head.startswith("decision :="):
            applies, leaves_out = _listed(custom, "applies"), _listed(custom, "leaves_out")
        elif "rule" in custom:
            rule = _rule(f"{path}:{line}", annotation, custom, head)
            if rule.id in rules:
                raise InvalidDeclaration(f"{path}:{line} annotates {rule.id} a second time.", "Annotate a rule once, above its first body.")
            rules[rule.id] = rule
    for number, line_text in enumerate(text.splitlines(), start=1):
        head_of_rule = _PASSED.match(line_text)
        if head_of_rule is not None and head_of_rule[1] not in rules:
            raise InvalidDeclaration(
                f"{path}:{number} passes {head_of_rule[1]!r}, which no annotation declares.",
                "Put a METADATA comment with title, description and custom.rule above it.",
            )
    return Module(path=path, package=package[1], rules=tuple(rules.values()), applies=applies, leaves_out=leaves_out)


def _listed(custom: dict[str, JsonValue], key: str) -> tuple[str, ...]:
    listed = custom.get(key)
    return tuple(str(name) for name in listed) if isinstance(listed, list) else ()


def _rule(place: str, annotation: dict[str, JsonValue], custom: dict[str, JsonValue], head: str) -> Rule:
    passed = _PASSED.match(head)
    if passed is None or passed[1] != custom["rule"]:
        raise InvalidDeclaration(
            f"{place} annotates {custom['rule']}, but the rule below it is another.", f'Write `passed contains "{custom["rule"]}"` there.'
        )
    stated = {key: value for key, value in custom.items() if key != "rule"}
    try:
        return Rule.model_validate_json(
            json.dumps({"id": custom["rule"], "title": annotation.get("title"), "message": annotation.get("description"), **stated})
        )
    except ValidationError as error:
        raise InvalidDeclaration(
            f"{place} does not declare {custom['rule']} well: {describe(error)}.", "Correct the named fields."
        ) from error


def _annotations(path: str, text: str) -> Iterator[tuple[int, dict[str, JsonValue], str]]:
    """Each METADATA comment as (the line that it begins at, what it says, the line of code below it)."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        if lines[at].strip() != "# METADATA":
            at += 1
            continue
        end = next((after for after in range(at, len(lines)) if not lines[after].startswith("#")), len(lines))
        said = parse_yaml("\n".join(line[1:].removeprefix(" ") for line in lines[at + 1 : end]), f"the METADATA at {path}:{at + 1}")
        if not isinstance(said, dict):
            raise InvalidDeclaration(f"The METADATA at {path}:{at + 1} says nothing.", "Give it a title, or remove it.")
        yield at + 1, said, lines[end] if end < len(lines) else ""
        at = end


def _refuse_forbidden_calls(path: str, text: str) -> None:
    for number, line in enumerate(text.splitlines(), start=1):
        call = None if line.lstrip().startswith("#") else _FORBIDDEN.search(line)
        if call is not None:
            raise InvalidDeclaration(
                f"{path}:{number} calls {call[1]}, which a policy may not.",
                "A policy decides on its input and its limits alone; have Python put what it needs into the input.",
            )
