"""Exports: valid for the tools that read them, the same for the same ledger, and with the ledger's index on everything."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import InvalidDeclaration, UnknownName
from lifecycle.lineage import export as exporting
from lifecycle.lineage.export import FORMATS
from lifecycle.lineage.parsing import PARSERS
from lifecycle.records.bodies.decisions import VersionRetired
from lifecycle.records.bodies.keeping import BodiesPruned, ClosedVersion, LeafRange
from lifecycle.records.events import Subject
from tests.lineage import in_memory, lives
from tests.lineage.signers import SIGNER


def whole() -> in_memory.Ledger:
    """The whole life, with what goes wrong and what governs besides."""
    ledger = lives.whole_life()
    lives.rejected(ledger)
    lives.training_failed(ledger)
    lives.enrolled(ledger)
    lives.revoked(ledger, 3)
    return ledger


def export(ledger: in_memory.Ledger, form: str, **chosen: Any) -> dict[str, bytes]:
    return exporting.export(ledger, form, signer=SIGNER, **chosen)


def run_events(**chosen: Any) -> list[dict[str, Any]]:
    (content,) = export(whole(), "openlineage", **chosen).values()
    return [json.loads(line) for line in content.splitlines()]


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_ledger_gives_the_same_bytes(form: str) -> None:
    """Two ledgers with the same events export alike, byte for byte."""
    assert export(whole(), form) == export(whole(), form)


@pytest.mark.parametrize("form", FORMATS)
def test_a_files_name_says_what_is_in_it(form: str) -> None:
    """Everything, one model and one version are three different files."""
    names = [*export(whole(), form), *export(whole(), form, model="credit"), *export(whole(), form, model="credit", version=2)]
    assert [name.split(".")[0] for name in names] == ["ledger", "credit", "credit-2"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_version_is_exported_without_the_others_history(form: str) -> None:
    """The denied version's file has its training and not the first version's approval."""
    (content,) = export(whole(), form, model="credit", version=2).values()
    graph = PARSERS[form](content).graph
    assert "training/training-2" in graph
    assert "approval/approved-1" not in graph


def test_what_the_ledger_does_not_know_is_an_error_that_lists_what_it_does() -> None:
    """Unknown formats, models and versions are named, with what there is instead."""
    with pytest.raises(InvalidDeclaration, match="no export format 'xml'"):
        export(whole(), "xml")
    with pytest.raises(UnknownName, match="no model 'churn'"):
        export(whole(), "prov", model="churn")
    with pytest.raises(UnknownName) as raised:
        export(whole(), "prov", model="credit", version=9)
    assert "credit:1, credit:2, credit:3" in raised.value.next_step


def test_a_version_whose_past_was_pruned_is_told_as_such() -> None:
    """Not as one that there never was: the record that pruned it is named."""
    ledger = whole()
    gone = [one for one in ledger.recorded if one.event.subject.version == 2]
    ledger.recorded = [one for one in ledger.recorded if one not in gone]
    ledger.add(VersionRetired(reason="It is over."), gone[0].event.subject)
    pruned = BodiesPruned(
        rule="closed versions",
        columns_digest=in_memory.digest("columns"),
        ranges=(LeafRange(start=gone[0].index, end=gone[-1].index + 1),),
        count=len(gone),
        before_us=in_memory.START_US,
        policy_digest=in_memory.digest("policy"),
        closed_versions=(ClosedVersion(model="credit", version=2),),
    )
    recorded = ledger.add(pruned, Subject(kind="ledger", name="ledger"))
    with pytest.raises(UnknownName, match=f"pruned by record {recorded.index}"):
        export(ledger, "prov", model="credit", version=2)


def test_every_openlineage_event_is_valid(shared_vectors: Callable[[str], Path]) -> None:
    """Each event fits OpenLineage's own schema, and each standard facet the schema of that facet."""
    import jsonschema
    from referencing import Registry, Resource

    folder = shared_vectors("openlineage")
    schemas = [json.loads(path.read_text()) for path in (folder / "OpenLineage.json", *(folder / "facets").glob("*.json"))]
    registry: Any = Registry().with_resources([(schema["$id"], Resource.from_contents(schema)) for schema in schemas])
    formats = jsonschema.Draft202012Validator.FORMAT_CHECKER
    event_schema = {"$ref": "https://openlineage.io/spec/2-0-2/OpenLineage.json"}
    validator = jsonschema.Draft202012Validator(event_schema, registry=registry, format_checker=formats)
    checked = set()
    for event in run_events():
        validator.validate(event)
        for facet in facets_of(event):
            if facet["_schemaURL"].startswith("https://"):
                jsonschema.Draft202012Validator({"$ref": facet["_schemaURL"]}, registry=registry, format_checker=formats).validate(facet)
                checked.add(facet["_schemaURL"].rsplit("/", 1)[1])
    assert checked == {
        "JobTypeJobFacet",
        "JobDependenciesRunFacet",
        "ProcessingEngineRunFacet",
        "ErrorMessageRunFacet",
        "DatasetVersionDatasetFacet",
        "TagsDatasetFacet",
        "SchemaDatasetFacet",
        "DataQualityMetricsInputDatasetFacet",
    }


def facets_of(event: dict[str, Any]) -> list[dict[str, Any]]:
    holders = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
    return [facet for holder in holders for group in ("facets", "inputFacets") for facet in holder.get(group, {}).values()]


def test_a_run_starts_once_and_ends_once() -> None:
    """Every run has one START, and one end unless it is still open; the failed, aborted and refused say so."""
    by_run: dict[str, list[str]] = {}
    ends: dict[str, str] = {}
    for event in run_events():
        by_run.setdefault(event["run"]["runId"], []).append(event["eventType"])
        ends[event["run"]["facets"]["lifecycle"]["activity"]] = event["eventType"]
    assert all(kinds[0] == "START" and len(kinds) == 2 for kinds in by_run.values())
    assert ends["rollout/rollout-3"] == "ABORT"
    assert ends["ingestion/rejected"] == ends["training/training-9"] == "FAIL"
    assert ends["rollout/rollout-1"] == ends["decision/promotion-2"] == "COMPLETE"


def test_a_run_that_is_open_has_no_end() -> None:
    """A training that has started and not ended is exported as started."""
    ledger = in_memory.Ledger()
    lives.ingested(ledger)
    lives.trained(ledger, 1)
    ledger.recorded.pop()
    (content,) = export(ledger, "openlineage").values()
    training = [event for event in map(json.loads, content.splitlines()) if event["job"]["name"] == "credit.training"]
    assert [event["eventType"] for event in training] == ["START"]


def test_openlineage_carries_index_and_checkpoint() -> None:
    """Each run has the ledger indexes of its events and the checkpoint that the ledger had."""
    for event in run_events():
        facet = event["run"]["facets"]["lifecycle"]
        assert facet["ledgerIndexes"]
        assert facet["ledger"]["checkpoint"] == in_memory.CHECKPOINT
        assert all("ledgerIndex" in dataset["facets"]["lifecycle"] for dataset in event["inputs"] + event["outputs"])


def test_openlineage_s_own_facet_says_which_runs_had_to_end_first() -> None:
    """A rollout names the deployment decision that allowed it, by job and run, for readers that know nothing of us."""
    rollout = next(event for event in run_events() if event["run"]["facets"]["lifecycle"]["activity"] == "rollout/rollout-1")
    (upstream,) = rollout["run"]["facets"]["jobDependencies"]["upstream"]
    decisions = {event["run"]["runId"] for event in run_events() if event["job"]["name"] == "credit.deployment_gate"}
    assert upstream["job"] == {"namespace": "lifecycle.local", "name": "credit.deployment_gate"}
    assert upstream["run"]["runId"] in decisions


def test_the_dataset_that_training_reads_is_the_one_that_ingestion_wrote() -> None:
    """Namespace, name and version join the two in any OpenLineage backend."""
    written = [d for event in run_events() if event["job"]["name"] == "credit.ingestion" for d in event["outputs"]]
    read = [d for event in run_events() if event["job"]["name"] == "credit.training" for d in event["inputs"]]
    identities = [{(d["namespace"], d["name"], d["facets"]["version"]["datasetVersion"]) for d in side} for side in (written, read)]
    assert identities[0] == identities[1]


def prov_document(**chosen: Any) -> tuple[Any, dict[str, Any]]:
    from prov.model import ProvDocument

    (content,) = export(whole(), "prov", **chosen).values()
    return ProvDocument.deserialize(content=content.decode(), format="json"), json.loads(content)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_prov_document_is_what_the_prov_library_reads() -> None:
    """Parsed and written again by the library of the field it is equal, and no record is lost."""
    from prov.model import ProvDocument

    document, raw = prov_document()
    assert ProvDocument.deserialize(content=document.serialize(format="json"), format="json") == document
    assert len(document.records) == sum(len(records) for kind, records in raw.items() if kind != "prefix")


def test_prov_names_nothing_that_it_does_not_declare() -> None:
    """Both ends of every relation stand in the document."""
    _, raw = prov_document()
    declared = {name for kind in ("entity", "activity", "agent") for name in raw[kind]}
    ends = {"prov:activity", "prov:entity", "prov:informed", "prov:informant", "prov:agent", "prov:generatedEntity", "prov:usedEntity"}
    relations = [
        said for kind, records in raw.items() if kind not in ("prefix", "entity", "activity", "agent") for said in records.values()
    ]
    assert relations
    assert {said[end] for said in relations for end in ends if end in said} <= declared
    assert all("lifecycle:ledgerIndex" in said for said in relations)


def test_prov_says_what_a_version_is_derived_from() -> None:
    """The version is derived from its dataset, and the dataset from its source."""
    _, raw = prov_document(model="credit", version=1)
    derived = {(said["prov:generatedEntity"], said["prov:usedEntity"]) for said in raw["wasDerivedFrom"].values()}
    dataset, source = (
        f"lifecycle:{kind}/{of.replace(':', '%3A')}" for kind, of in (("dataset", in_memory.DATASET), ("source", in_memory.SOURCE))
    )
    assert {("lifecycle:version/credit%3A1", dataset), (dataset, source)} <= derived


def test_prov_tells_a_person_from_a_service_and_a_fact_from_a_claim() -> None:
    """The approver is a person by a signature; Dagster is software that knows nobody."""
    _, raw = prov_document()
    kinds = {name: agent["prov:type"]["$"] for name, agent in raw["agent"].items()}
    assert kinds == {
        "lifecycle:agent/human/rita": "prov:Person",
        "lifecycle:agent/human/dora": "prov:Person",
        "lifecycle:agent/service/dagster": "prov:SoftwareAgent",
    }
    basis = {said["prov:activity"]: said["lifecycle:basis"] for said in raw["wasAssociatedWith"].values()}
    assert (basis["lifecycle:approval/approved-1"], basis["lifecycle:training/training-1"]) == ("fact", "claim")


def test_prov_carries_the_checkpoint() -> None:
    """The ledger is an entity of the document, with its size and its signed note."""
    _, raw = prov_document()
    assert raw["entity"]["lifecycle:ledger"]["lifecycle:checkpoint"] == in_memory.CHECKPOINT
    assert raw["entity"]["lifecycle:ledger"]["lifecycle:size"] == len(whole().recorded)


def test_an_empty_ledger_exports_nothing_and_says_so() -> None:
    """Before anything has happened there is an empty list of runs, and a document with the ledger alone."""
    empty = in_memory.Ledger(note=None)
    assert export(empty, "openlineage") == {"ledger.openlineage.ndjson": b""}
    (content,) = export(empty, "prov").values()
    assert json.loads(content)["entity"] == {"lifecycle:ledger": {"lifecycle:checkpoint": "", "lifecycle:size": 0, "prov:type": "ledger"}}
