"""The maps from regulation to evidence: what the loader takes, and what the project's own maps say."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from lifecycle.cli.main import lifecycle
from lifecycle.errors import InvalidDeclaration, UnknownName
from lifecycle.evidence.controls import Framework, Selector, framework_named, read_frameworks
from lifecycle.evidence.event_paths import fits
from lifecycle.records.bodies.serving import GuardrailVerdict, MonitoringReported
from lifecycle.records.events import Event
from tests.lineage.lives import whole_life
from tests.records.samples.happenings import happenings

MAP = """
schema_version: lifecycle.controls/1
framework: house_rules
title: House rules
source: This organisation
remark: For tests.
applies:
  - {since: "2026-01-01", to_whom: everybody}
clauses:
  - id: "1"
    title: Evaluated
    asks: A version is evaluated.
    evidence:
      - shows: It was evaluated.
        events: [ModelEvaluated]
        closes: Evaluate it.
    leaves_open: Whether it is any good.
"""


def written(folder: Path, text: str, name: str = "house_rules.yaml") -> Path:
    """A governance/controls folder with one map in it."""
    (folder / "frameworks").mkdir(parents=True, exist_ok=True)
    (folder / "frameworks" / name).write_text(text, encoding="utf-8")
    return folder


def test_a_map_is_read_as_it_is_written(tmp_path: Path) -> None:
    """A clause keeps its selectors, what they leave open, and the date of its framework."""
    (house,) = read_frameworks(written(tmp_path, MAP))
    (clause,) = house.clauses
    assert clause.evidence[0].events == ("ModelEvaluated",)
    assert house.applies_to(clause)[0].since == "2026-01-01"


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ("[ModelEvaluated]", "[ModelEvalated]", "ModelEvalated is not a type of event"),
        ("closes: Evaluate it.", "closes: Evaluate it.\n        where: {body.gate: any}", "no ModelEvaluated has anything at body.gate"),
        (
            "events: [ModelEvaluated]",
            "events: [DecisionMade]\n        where: {body.decision.gate: promotoin}",
            "body.decision.gate of a DecisionMade is never 'promotoin'",
        ),
        ("events: [ModelEvaluated]", "events: [DecisionMade]\n        has: [body.decision.outcome]", "no DecisionMade has anything at"),
        ("        closes: Evaluate it.\n", "", "says what closes its gap"),
        ("closes: Evaluate it.", "optional: true", "every selector is optional"),
        ("    leaves_open: Whether it is any good.\n", "", "evidence says what it leaves open"),
        ("remark: For tests.", "remark: For tests.\nauthor: nobody", "author"),
        ('since: "2026-01-01"', 'since: "2026-13-01"', "applies.0"),
        ("asks: A version is evaluated.", "asks: A version is compliant.", "house_rules.yaml:12 says 'complian'"),
        ("framework: house_rules", "framework: other_rules", "calls itself 'other_rules'"),
        ("title: House rules", "title: House rules\ntitle: Twice", "'title' stands twice"),
    ],
)
def test_a_map_that_says_something_else_is_refused_by_name(tmp_path: Path, before: str, after: str, names: str) -> None:
    """A misspelt type, path or value would be a gap for ever; so it is an error that names the file and the field."""
    assert before in MAP
    with pytest.raises(InvalidDeclaration, match=r"house_rules\.yaml") as refused:
        read_frameworks(written(tmp_path, MAP.replace(before, after)))
    assert names in refused.value.what


def test_a_clause_is_evidence_or_a_gap_and_never_both(tmp_path: Path) -> None:
    """A clause with selectors has no gap of its own, and one without them must say why."""
    gap = "    gap: {why: Nobody looked., closes: Somebody looks.}\n"
    with pytest.raises(InvalidDeclaration, match="selectors of evidence, or a gap"):
        read_frameworks(written(tmp_path, MAP + gap))
    without = MAP[: MAP.index("    evidence:")]
    with pytest.raises(InvalidDeclaration, match="selectors of evidence, or a gap"):
        read_frameworks(written(tmp_path, without))
    (house,) = read_frameworks(written(tmp_path, without + gap))
    assert house.clauses[0].gap is not None


def test_a_clause_stands_once(tmp_path: Path) -> None:
    """Two clauses of one id could say different things of one text."""
    with pytest.raises(InvalidDeclaration, match="the clause 1 stands twice"):
        read_frameworks(written(tmp_path, MAP + MAP[MAP.index('  - id: "1"') :]))


def test_a_project_without_maps_is_told_where_they_go(tmp_path: Path) -> None:
    """No map is not the same as no gap."""
    with pytest.raises(UnknownName, match="No map from regulation to evidence"):
        read_frameworks(tmp_path)


def test_a_framework_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    """A misspelt framework never looks like one without clauses."""
    with pytest.raises(UnknownName) as unknown:
        framework_named(read_frameworks(written(tmp_path, MAP)), "eu_ai_akt")
    assert "house_rules" in unknown.value.next_step


# The project's own maps


def selectors_of(frameworks: tuple[Framework, ...]) -> list[tuple[str, Selector]]:
    return [(f"{one.framework} {clause.id}", selector) for one in frameworks for clause in one.clauses for selector in clause.evidence]


def test_the_texts_that_the_issue_names_are_all_mapped(frameworks: tuple[Framework, ...]) -> None:
    """EU AI Act, NIST AI RMF, ISO/IEC 42001, SR 26-2, SS1/23, GDPR and SOC 2 each have a map."""
    assert {one.framework for one in frameworks} == {"eu_ai_act", "nist_ai_rmf", "iso_42001", "sr_26_2", "ss1_23", "gdpr", "soc2"}


@pytest.mark.parametrize("article", ["9", "10", "11", "12", "13", "14", "15", "17", "18", "19", "26", "72", "73", "IV"])
def test_every_article_of_the_act_that_binds_a_high_risk_system_has_clauses(frameworks: tuple[Framework, ...], article: str) -> None:
    """No article is left out by being forgotten."""
    act = framework_named(frameworks, "eu_ai_act")
    assert [clause.id for clause in act.clauses if clause.id.startswith((f"{article}(", f"{article}."))]


def test_the_act_applies_from_the_dates_of_the_omnibus(frameworks: tuple[Framework, ...]) -> None:
    """Annex III from 2 December 2027 and Annex I from 2 August 2028; Chapter IX by its general date, to be confirmed."""
    act = framework_named(frameworks, "eu_ai_act")
    assert [one.since for one in act.applies] == ["2027-12-02", "2028-08-02"]
    for clause in act.clauses:
        if clause.id.startswith(("72", "73")):
            assert [one.since for one in act.applies_to(clause)] == ["2026-08-02"]
            assert "counsel" in act.applies_to(clause)[0].to_whom


def test_every_selector_selects_something_that_can_happen(frameworks: tuple[Framework, ...]) -> None:
    """A selector that no event could ever fit would be a gap that nothing closes."""
    known = [*happenings(), *(one.event for one in whole_life().recorded), with_known_outcomes()]
    deaf = [
        f"{place}: {selector.shows}"
        for place, selector in selectors_of(frameworks)
        if not any(
            event.type in selector.events and fits(event, {path: selector.wanted(path) for path in selector.where}, selector.has)
            for event in known
        )
    ]
    assert not deaf


def with_known_outcomes() -> Event:
    """A monitoring report on rows of which it is known what came true."""
    reported = next(event for event in happenings() if isinstance(event.body, MonitoringReported))
    verdict = GuardrailVerdict(guardrail="accuracy", value=0.8, limit=0.75, verdict="holds")
    return reported.model_copy(update={"body": reported.body.model_copy(update={"verdicts": (verdict,)})})


def test_every_file_role_that_a_map_cites_is_one_that_such_events_name(frameworks: tuple[Framework, ...]) -> None:
    """A role that is misspelt would leave a file out of the evidence without a word."""
    known: list[Event] = [*happenings(), *(one.event for one in whole_life().recorded)]
    roles = {(event.type, link.role) for event in known for link in (*event.inputs, *event.outputs)}
    wrong = [
        f"{place}: {role}"
        for place, selector in selectors_of(frameworks)
        for role in selector.files
        if not any((event_type, role) in roles for event_type in selector.events)
    ]
    assert not wrong


def test_every_command_that_a_map_names_exists(frameworks: tuple[Framework, ...]) -> None:
    """`lifecycle …` in a map is a verb that there is."""
    told = " ".join(clause.model_dump_json() for one in frameworks for clause in one.clauses)
    commands = set(re.findall(r"`lifecycle ([^`]*)`", told))
    assert commands
    assert [command for command in commands if not _is_a_verb(command.split())] == []


def _is_a_verb(words: list[str]) -> bool:
    command: click.Command | None = lifecycle
    for word in words:
        if isinstance(command, click.Group):
            command = command.get_command(click.Context(command), word)
    return command is not None
