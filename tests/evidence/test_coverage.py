"""Coverage: which clauses a ledger holds evidence for, by leaf index, and which are gaps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import UnknownName
from lifecycle.evidence.controls import Clause, Framework, Gap, Selector
from lifecycle.evidence.coverage import Coverage, Covered, coverage, ranges
from lifecycle.ledger.ledger import Ledger
from lifecycle.lineage.selection import events_behind, every_event
from lifecycle.records.bodies.serving import PredictionsSealed, SealedVersion
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.identity import derived_id
from tests.lineage import in_memory, lives


def index_of(ledger: Ledger, event_type: str, version: int | None = None) -> int:
    return ledger.events(types=(event_type,), version=version)[0].index


def clause(table: Coverage, framework: str, name: str) -> Covered:
    (found,) = [one for one in table.clauses if (one.framework.framework, one.clause.id) == (framework, name)]
    return found


def one_clause(*selectors: Selector, gap: Gap | None = None) -> tuple[Framework, ...]:
    """A map of one clause."""
    made = Clause(id="1", title="One", asks="Something.", evidence=selectors, gap=gap, leaves_open="The rest." if selectors else None)
    house = Framework(
        schema_version="lifecycle.controls/1", framework="house", title="House", source="Us", remark="Ours.", applies=(), clauses=(made,)
    )
    return (house,)


def selector(*events: str, **fields: Any) -> Selector:
    return Selector.of({"shows": "It happened.", "events": list(events), "closes": "Let it happen.", **fields})


def test_every_clause_is_evidence_with_leaves_or_a_gap_with_a_way_out(ledger: Ledger, frameworks: tuple[Framework, ...]) -> None:
    """There is no third answer, and no clause without one."""
    table = coverage(ledger, frameworks, "credit", 1)
    assert len(table.clauses) == sum(len(one.clauses) for one in frameworks)
    for covered in table.clauses:
        if covered.status == "evidence":
            assert covered.indexes
            assert covered.gap is None
            assert covered.clause.leaves_open
        else:
            assert covered.gap is not None
            assert covered.gap.why
            assert covered.gap.closes


def test_the_leaves_that_are_cited_are_of_the_types_that_the_map_names(ledger: Ledger, frameworks: tuple[Framework, ...]) -> None:
    """Whoever looks a cited record up finds what the clause says is there."""
    types = {one.index: one.event.type for one in ledger.events()}
    cited = [shown for covered in coverage(ledger, frameworks, "credit").clauses for shown in covered.shown]
    assert cited
    for shown in cited:
        assert {types[index] for index in shown.indexes} <= set(shown.selector.events)


def test_evidence_of_one_version_is_no_evidence_of_another(ledger: Ledger, frameworks: tuple[Framework, ...]) -> None:
    """Version 1 was approved by a person; version 2 was not, whatever else the ledger holds."""
    oversight = clause(coverage(ledger, frameworks, "credit", 1), "eu_ai_act", "14(1)")
    assert oversight.status == "evidence"
    assert index_of(ledger, "ApprovalGiven", 1) in oversight.indexes
    denied = clause(coverage(ledger, frameworks, "credit", 2), "eu_ai_act", "14(1)")
    assert denied.status == "gap"
    assert denied.indexes == ()
    assert clause(coverage(ledger, frameworks), "eu_ai_act", "14(1)").status == "evidence"


def test_a_version_is_credited_with_the_data_that_it_learned_from(ledger: Ledger, frameworks: tuple[Framework, ...]) -> None:
    """The ingestion names no version; that it was this version's data is found by digest."""
    found = clause(coverage(ledger, frameworks, "credit", 3), "eu_ai_act", "10(2)(b)")
    assert found.indexes == (index_of(ledger, "DatasetIngested"),)
    assert {link.role for shown in found.shown for link in shown.files} == {"source", "dataset"}


def test_a_version_that_was_gone_back_to_has_a_part_in_the_rollback(ledger: Ledger) -> None:
    """RolledBack stands under version 3, and version 1 is the one that serves again by it."""
    back = index_of(ledger, "RolledBack", 3)
    assert back in {one.index for one in events_behind(ledger, "credit", 1)}
    assert back not in {one.index for one in events_behind(ledger, "credit", 2)}


def test_taking_another_version_out_is_no_evidence_that_this_one_was(ledger: Ledger) -> None:
    """Version 3 was rolled back to version 1: a table about version 1 does not say that a guardrail took it out."""
    maps = one_clause(selector("RolledBack"))
    (gone_back_to,) = coverage(ledger, maps, "credit", 1).clauses
    (taken_out,) = coverage(ledger, maps, "credit", 3).clauses
    assert (gone_back_to.status, gone_back_to.indexes) == ("gap", ())
    assert taken_out.indexes == (index_of(ledger, "RolledBack", 3),)


def test_a_segment_counts_for_the_versions_that_answered_in_it(ledger: Ledger, frameworks: tuple[Framework, ...]) -> None:
    """A sealed segment names its versions in its body, and its subject is the model."""
    sealed = ledger.append(sealed_for(1)).index
    assert clause(coverage(ledger, frameworks, "credit", 1), "gdpr", "22(1)").indexes == (sealed,)
    assert clause(coverage(ledger, frameworks, "credit", 3), "gdpr", "22(1)").status == "gap"


def test_a_version_that_is_not_there_is_no_version_with_gaps(ledger: Ledger, frameworks: tuple[Framework, ...]) -> None:
    """A misspelt version is an error; a table of gaps would say something about it."""
    with pytest.raises(UnknownName, match="credit:9"):
        coverage(ledger, frameworks, "credit", 9)
    with pytest.raises(UnknownName, match="cerdit"):
        coverage(ledger, frameworks, "cerdit")


def test_one_thing_that_is_missing_makes_a_gap_that_still_shows_what_is_there(ledger: Ledger) -> None:
    """Three of four things shown is a gap, and the reader sees the three."""
    maps = one_clause(selector("ModelEvaluated"), selector("VersionRetired", shows="It was retired.", closes="Retire it."))
    (covered,) = coverage(ledger, maps, "credit", 1).clauses
    assert covered.status == "gap"
    assert covered.indexes == (index_of(ledger, "ModelEvaluated", 1),)
    assert covered.gap == Gap(why="No record shows this: It was retired.", closes="Retire it.")


def test_what_is_told_of_a_clause_is_all_that_there_is_to_know(ledger: Ledger, frameworks: tuple[Framework, ...]) -> None:
    """Why it is a gap, what closes it, what there is nevertheless, and another day from which it applies."""
    maps = one_clause(selector("ModelTrained", shows="It was trained."), selector("VersionRetired"))
    (found,) = coverage(ledger, maps, "credit", 1).clauses
    assert found.told == (
        "No record shows this: It happened. Closes it: Let it happen. What the records show nevertheless: It was trained."
    )
    assert "Applies from 2026-08-02, providers of high-risk systems" in clause(coverage(ledger, frameworks), "eu_ai_act", "73(1)").told
    assert "Applies from" not in clause(coverage(ledger, frameworks), "eu_ai_act", "9(5)").told


def test_what_does_not_always_happen_is_told_and_never_missed(ledger: Ledger) -> None:
    """A rollback is evidence where there was one; where there was none, nothing is missing."""
    maps = one_clause(selector("ModelEvaluated"), selector("RolledBack", optional=True, closes=None))
    (with_one,) = coverage(ledger, maps, "credit", 3).clauses
    (without,) = coverage(ledger, maps, "credit", 2).clauses
    assert index_of(ledger, "RolledBack") in with_one.indexes
    assert without.status == "evidence"


def test_a_condition_keeps_out_what_does_not_fit_it(ledger: Ledger) -> None:
    """Only the deployment decisions, although every decision is of the same type."""
    maps = one_clause(selector("DecisionMade", where={"body.decision.gate": "deployment"}))
    (covered,) = coverage(ledger, maps, "credit", 1).clauses
    kept = [ledger.events(since=index, limit=1)[0].event for index in covered.indexes]
    assert [event.id for event in kept] == ["decided-deployment-1"]


def test_conditions_on_a_list_hold_for_one_item_of_it(ledger: Ledger) -> None:
    """One verdict that holds and another guardrail's name are not a guardrail that holds."""
    errors_hold = {"body.verdicts.guardrail": "errors", "body.verdicts.verdict": "holds"}
    (covered,) = coverage(ledger, one_clause(selector("MonitoringReported", where=errors_hold)), "credit", 1).clauses
    assert covered.status == "evidence"
    errors_broke = {"body.verdicts.guardrail": "errors", "body.verdicts.verdict": "breached"}
    (covered,) = coverage(ledger, one_clause(selector("MonitoringReported", where=errors_broke)), "credit", 1).clauses
    assert covered.status == "gap"


def test_a_period_is_covered_by_its_own_leaves_only(ledger: Ledger, frameworks: tuple[Framework, ...]) -> None:
    """What a pack of a period does not hold is not cited in it."""
    within = range(5)
    assert set(coverage(ledger, frameworks, within=within).indexes) <= set(within)
    assert coverage(ledger, frameworks).indexes[-1] > 5


def test_what_happens_without_end_is_cited_up_to_a_bound_and_says_so(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a million sealed segments a year are evidence, and no list that anybody reads."""
    monkeypatch.setattr("lifecycle.evidence.coverage.MOST_CITED", 2)
    (covered,) = coverage(ledger, one_clause(selector("DecisionMade"))).clauses
    (shown,) = covered.shown
    assert shown.more
    assert shown.indexes == tuple(one.index for one in ledger.events(types=("DecisionMade",)))[:2]
    (covered,) = coverage(ledger, one_clause(selector("MonitoringReported"))).clauses
    assert not covered.shown[0].more


def test_the_same_ledger_gives_the_same_table(ledger: Ledger, frameworks: tuple[Framework, ...]) -> None:
    """Byte for byte, so that two packs can be compared."""
    assert coverage(ledger, frameworks, "credit", 1).as_json() == coverage(ledger, frameworks, "credit", 1).as_json()


def test_more_events_never_turn_evidence_into_a_gap(tmp_path: Path, frameworks: tuple[Framework, ...]) -> None:
    """Evidence only grows with the ledger: nothing that happens later takes back that something was shown."""
    with Ledger.open(f"sqlite:///{tmp_path / 'growing.db'}", origin="lifecycle.local/ledger") as growing:
        before: set[str] = set()
        for recorded in lives.whole_life().recorded:
            growing.append(recorded.event)
            table = coverage(growing, frameworks).clauses
            now = {f"{one.framework.framework} {one.clause.id}" for one in table if one.status == "evidence"}
            assert before <= now
            before = now
    assert before


def test_the_table_names_the_ledger_that_it_was_read_from(ledger: Ledger, frameworks: tuple[Framework, ...]) -> None:
    """A reader can tell how far the ledger reached, and what clause counts of each framework."""
    said: dict[str, Any] = coverage(ledger, frameworks).as_json()
    assert said["ledger"] == {"size": ledger.head().size, "checkpoint": None}
    counted = {one["framework"]: (one["evidence"], one["gaps"]) for one in said["frameworks"]}
    assert counted["soc2"] == (6, 0)
    assert sum(evidence + gaps for evidence, gaps in counted.values()) == len(said["clauses"])


def test_a_ledger_is_read_page_by_page_to_its_end(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of three reads the same events as one of two thousand."""
    monkeypatch.setattr("lifecycle.lineage.selection.PAGE", 3)
    assert list(every_event(ledger)) == ledger.events()


@pytest.mark.parametrize(("indexes", "read"), [((), ""), ((4,), "4"), ((2, 18, 26, 27, 28), "2, 18, 26–28")])
def test_indexes_are_written_as_a_person_reads_them(indexes: tuple[int, ...], read: str) -> None:
    """A run of leaves is one range."""
    assert ranges(indexes) == read


def sealed_for(version: int) -> Event:
    answered = SealedVersion(
        version=version, model_digest=in_memory.model_digest(version), decision_id=None, bundle_digest=None, arm="champion", rows=2
    )
    body = PredictionsSealed(
        segment="1.jsonl",
        stream=derived_id("stream"),
        number=1,
        rows=2,
        from_us=1,
        to_us=2,
        root=in_memory.digest("rows"),
        versions=(answered,),
    )
    subject = Subject(kind="model", name="credit")
    return Event.happened(body, subject=subject, actor=Actor(id="gateway", kind="service"), environment="local")
