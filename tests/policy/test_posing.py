"""What an engine is shown of a question: less than what was asked, and never less than a rule reads."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from lifecycle.errors import InvalidDeclaration
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.embedded import EmbeddedEngine
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.policy.posing import posed
from lifecycle.records.gates import GateInput
from lifecycle.records.record import JsonObject
from tests.policy.breaks import BREAKS, NEEDS_HIGH_RISK, SURELY_WORSE
from tests.policy.projects import copied, edit
from tests.policy.questions import NOBODY_DIGEST, against_champion, challenging, changed, comparison, good

LEAVING_OUT = ("deployment", "promotion")
#: Rules read this of something else, so that names alone prove nothing; what stands there is shown to change no answer, as for all.
READ_ELSEWHERE = ".against_champion.slices.comparisons.difference."


def with_all_that_evidence_has(bundle: Bundle, gate: str) -> GateInput:
    """A good question in whose evidence everything stands that is for people alone."""
    where = ("evidence", "promotion") if gate == "deployment" else ("evidence",)
    rates: JsonObject = {"selection_rate": 0.5, "true_positive_rate": 0.5, "false_positive_rate": 0.5}
    holds = {**SURELY_WORSE, "comparisons": [comparison("auc", 0.0, 0.1)]}
    question = changed(good(bundle, gate), *where, "evaluation", "computed_with", {"numpy": "2"})
    measured = {"auc": {"value": 0.9, "low": 0.8, "high": 0.95, "n": 900}}
    for judged in ("metrics", "baseline"):
        for metric in ("accuracy", "brier", "calibration_error", "log_loss"):
            if judged == "baseline" or metric in ("brier", "log_loss"):
                question = changed(question, *where, "evaluation", judged, metric, measured["auc"])
    part = {"column": "home", "group": "rent", "n": 900, "enough_data": True, "metrics": measured}
    question = changed(question, *where, "evaluation", "slices", [part])
    question = changed(question, *where, "evaluation", "fairness", 0, "groups", [{"group": "a", "n": 900, "enough_data": True, **rates}])
    if gate == "deployment":
        return question
    question = challenging(question, 0.0, 0.1)
    return changed(question, *where, "evaluation", "against_champion", against_champion(0.0, 0.1, [holds]))


def at(value: JsonValue, path: list[str]) -> Iterator[tuple[Any, str]]:
    """Every object that a path ends in, with the key that it ends by."""
    if isinstance(value, list):
        for item in value:
            yield from at(item, path)
    elif isinstance(value, dict) and path[0] in value:
        if len(path) == 1:
            yield value, path[0]
        else:
            yield from at(value[path[0]], path[1:])


@pytest.mark.parametrize("gate", LEAVING_OUT)
def test_every_path_that_is_left_out_leads_somewhere(bundle: Bundle, gate: str) -> None:
    """A path that names nothing would be a mistake that nobody sees."""
    question = with_all_that_evidence_has(bundle, gate).as_json()
    leading = {path for path in bundle.leaves_out[gate] if list(at(question, path.split(".")))}
    apart = {path for path in bundle.leaves_out[gate] if gate == "deployment" and "against_champion" in path}
    assert leading | apart == set(bundle.leaves_out[gate])
    assert leading


def test_only_evidence_is_left_out(bundle: Bundle) -> None:
    """Who asks, about what, where, when, and who approved: an engine is always shown all of that."""
    assert set(bundle.leaves_out) == set(bundle.rules)
    assert all(path.startswith("evidence.") for paths in bundle.leaves_out.values() for path in paths)


def test_what_an_engine_is_shown_has_none_of_it(bundle: Bundle) -> None:
    """Gone from every item of every list on the way; and what stands beside it stays."""
    question = with_all_that_evidence_has(bundle, "promotion")
    shown = posed(question.canonical(), bundle, "promotion")
    for path in bundle.leaves_out["promotion"]:
        assert list(at(shown, path.split("."))) == []
    difference = next(at(shown, ["evidence", "evaluation", "against_champion", "slices", "comparisons", "difference"]))
    assert difference[0] == {"metric": "auc", "difference": {"high": 0.1}}
    assert len(json.dumps(shown)) < len(question.canonical())


@pytest.mark.parametrize("value", [None, True, -1, "x", [], {}, [{"verdict": "measured"}]], ids=json.dumps)
@pytest.mark.parametrize("gate", LEAVING_OUT)
def test_whatever_stands_there_changes_no_answer(bundle: Bundle, embedded: EmbeddedEngine, gate: str, value: JsonValue) -> None:
    """The engine itself, shown any value in each of these places, says what it says without it: no rule reads them."""
    question = with_all_that_evidence_has(bundle, gate)
    least = embedded.answer(gate, posed(question.canonical(), bundle, question.gate))
    for path in bundle.leaves_out[gate]:
        whole = question.as_json()
        for holder, key in at(whole, path.split(".")):
            holder[key] = value
        assert embedded.answer(gate, whole) == least, path


@pytest.mark.parametrize(("gate", "rule"), sorted(key for key in BREAKS if key[0] in LEAVING_OUT))
def test_a_broken_rule_breaks_alike_with_and_without_it(bundle: Bundle, embedded: EmbeddedEngine, gate: str, rule: str) -> None:
    """Denials too are the same, with the same findings."""
    question = BREAKS[gate, rule](bundle, good(bundle, gate, risk_tier="high" if rule.startswith(NEEDS_HIGH_RISK) else "low"))
    assert embedded.answer(gate, json.loads(question.canonical())) == embedded.answer(
        gate, posed(question.canonical(), bundle, question.gate)
    )


@pytest.mark.parametrize("gate", LEAVING_OUT)
def test_no_reference_in_the_rules_can_mean_it(tool: Callable[[str], str], bundle: Bundle, tmp_path: Path, gate: str) -> None:
    """In what OPA itself parses, no reference names a left out field but as the field of something else."""
    opa = tool("opa")
    for name, text in bundle.modules.items():
        if "/lib/" in name or f"/{gate}/" in name:
            file = tmp_path / "one.rego"
            file.write_text(text)
            parsed = json.loads(subprocess.run([opa, "parse", "--format=json", str(file)], check=True, capture_output=True).stdout)
            for path in bundle.leaves_out[gate]:
                if READ_ELSEWHERE in path:
                    continue
                *_, holder, field = path.split(".")
                assert list(meaning(parsed, holder, field)) == [], f"{name} reads {path}"


def meaning(parsed: JsonValue, holder: str, field: str) -> Iterator[JsonValue]:
    """The references that may read `field` of `holder`: by its name after the holder's, or after a variable that may stand for it."""
    if isinstance(parsed, list):
        for item in parsed:
            yield from meaning(item, holder, field)
    elif isinstance(parsed, dict):
        parts = parsed.get("value")
        if parsed.get("type") == "ref" and isinstance(parts, list):
            named = [(part.get("type"), part.get("value")) for part in parts if isinstance(part, dict)]
            for before, part in pairwise(named):
                if part == ("string", field) and (before[0] == "var" or before[1] == holder):
                    yield parsed
        for value in parsed.values():
            yield from meaning(value, holder, field)


def test_a_gate_that_leaves_out_what_a_rule_needs_never_opens(governance: Path, tmp_path: Path) -> None:
    """The rule does not pass on the known-good input, and the keeper names it: nothing is ever decided on too little."""
    folder = copied(governance, tmp_path)
    edit(
        folder,
        "policies/gates/promotion/promotion.rego",
        "#     - evidence.evaluation.slices\n",
        "#     - evidence.evaluation.slices\n#     - evidence.evaluation.metrics.auc.low\n",
    )
    with pytest.raises(InvalidDeclaration, match="PRM-004"):
        GateKeeper.open(folder, environment="local", people_digest=NOBODY_DIGEST)
