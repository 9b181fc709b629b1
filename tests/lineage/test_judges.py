"""What other people's software says of the exports: validators, schemas, types and readers that know nothing of us."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from lifecycle.lineage.export import Lineage, export, written
from lifecycle.lineage.formats.in_toto import ACTIVITY, SLSA_PROVENANCE
from lifecycle.lineage.graph import Graph
from lifecycle.lineage.parsing import parse_prov
from lifecycle.records.record import JsonObject
from tests.lineage import in_memory, lives
from tests.lineage.graphs import graphs
from tests.lineage.signers import PRIVATE_KEY, SIGNER

STAMP: JsonObject = {"size": 7, "checkpoint": in_memory.CHECKPOINT}


def bill(**chosen: Any) -> Any:
    (content,) = export(lives.whole_life(), "cyclonedx", **chosen).values()
    return json.loads(content)


def complaint(document: str) -> object:
    """What CycloneDX's strict validator has against a document; None where it has nothing."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(document)


@pytest.mark.parametrize("chosen", [{}, {"model": "credit"}, {"model": "credit", "version": 1}], ids=str)
def test_cyclonedx_s_strict_validator_takes_the_bill(chosen: dict[str, Any]) -> None:
    """Whole, of one model and of one version."""
    assert complaint(json.dumps(bill(**chosen))) is None


@settings(max_examples=50)
@given(graph=graphs())
def test_cyclonedx_s_strict_validator_takes_any_graph(graph: Graph) -> None:
    """No label, fact or missing origin makes a document that it refuses."""
    (content,) = written(Lineage("any", graph, (), STAMP), "cyclonedx").values()
    assert complaint(content.decode()) is None


def test_the_validator_is_awake() -> None:
    """A key that CycloneDX does not know is refused, so that its silence says something."""
    assert complaint(json.dumps({**bill(), "lineage": []})) is not None


def test_a_bill_of_one_version_is_of_that_version() -> None:
    """Its subject is the version, as a machine-learning model with its digest and its card."""
    subject = bill(model="credit", version=1)["metadata"]["component"]
    assert (subject["type"], subject["name"], subject["version"]) == ("machine-learning-model", "credit:1", "1")
    assert subject["hashes"] == [{"alg": "SHA-256", "content": in_memory.model_digest(1).removeprefix("sha256:")}]
    card = subject["modelCard"]
    assert card["modelParameters"]["datasets"] == [{"ref": f"dataset/{in_memory.DATASET}"}]
    (figure,) = card["quantitativeAnalysis"]["performanceMetrics"]
    assert (figure["type"], figure["value"], figure["confidenceInterval"]) == ("auc", "0.83", {"lowerBound": "0.8", "upperBound": "0.86"})


def test_every_version_of_a_whole_bill_has_its_card() -> None:
    """Also the denied one, whose card says why."""
    cards = {one["name"]: one["modelCard"] for one in bill()["components"] if one["type"] == "machine-learning-model"}
    assert set(cards) == {"credit:1", "credit:2", "credit:3"}
    assert any("PRM-006" in said for said in cards["credit:2"]["considerations"]["technicalLimitations"])


def test_a_bill_says_what_depends_on_what() -> None:
    """For readers that look no further: the version on its dataset, the dataset on its source."""
    depends = {one["ref"]: one["dependsOn"] for one in bill(model="credit", version=1)["dependencies"]}
    assert depends["version/credit:1"] == [f"dataset/{in_memory.DATASET}"]
    assert depends[f"dataset/{in_memory.DATASET}"] == [f"source/{in_memory.SOURCE}"]


def test_every_reference_of_a_bill_leads_somewhere() -> None:
    """No task, dependency or card points at what is not in the document, and no name stands for two things."""
    document = bill()
    tasks = [task for formula in document["formulation"] for workflow in formula["workflows"] for task in workflow["tasks"]]
    named = [one["bom-ref"] for one in (document["metadata"]["component"], *document["components"], *tasks)]
    assert len(named) == len(set(named))
    parts = [part["resource"]["ref"] for task in tasks for part in (*task["inputs"], *task["outputs"])]
    depended = [ref for one in document["dependencies"] for ref in (one["ref"], *one["dependsOn"])]
    assert {*parts, *depended} <= set(named)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:(prov|rdflib).*")
@settings(max_examples=25)
@given(graph=graphs())
def test_the_prov_library_hands_any_graph_on_as_it_got_it(graph: Graph) -> None:
    """Read by it, written by it and read by us: the same nodes and edges, so that what the field does with it loses nothing."""
    from prov.model import ProvDocument

    (content,) = written(Lineage("any", graph, (), STAMP), "prov").values()
    document = ProvDocument.deserialize(content=content.decode(), format="json")
    handed_on = document.serialize(format="json") or ""
    assert ProvDocument.deserialize(content=handed_on, format="json") == document
    assert parse_prov(handed_on.encode()).graph == graph.bare()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(graph=graphs())
def test_openlineage_s_schemas_take_any_graph(graph: Graph, openlineage_schemas: Callable[[str], Any]) -> None:
    """No label, fact or missing origin makes an event or a facet that they refuse."""
    (content,) = written(Lineage("any", graph, (), STAMP), "openlineage").values()
    for line in content.splitlines():
        event = json.loads(line)
        openlineage_schemas("https://openlineage.io/spec/2-0-2/OpenLineage.json").validate(event)
        for holder in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
            for facet in holder["facets"].values():
                if facet["_schemaURL"].startswith("https://"):
                    openlineage_schemas(facet["_schemaURL"]).validate(facet)


@pytest.fixture(scope="module")
def openlineage_schemas(shared_vectors: Callable[[str], Path]) -> Callable[[str], Any]:
    """The validator of each of OpenLineage's published schemas, by its address."""
    import functools

    import jsonschema
    from referencing import Registry, Resource

    folder = shared_vectors("openlineage")
    schemas = [json.loads(path.read_text()) for path in (folder / "OpenLineage.json", *(folder / "facets").glob("*.json"))]
    registry: Any = Registry().with_resources([(schema["$id"], Resource.from_contents(schema)) for schema in schemas])

    @functools.cache
    def validator(address: str) -> Any:
        return jsonschema.Draft202012Validator(
            {"$ref": address}, registry=registry, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
        )

    return validator


def test_the_order_of_hashing_changes_no_byte(repository: Path) -> None:
    """Two processes that hash texts differently write the same four files."""
    script = (
        "import hashlib\nfrom lifecycle.lineage.export import FORMATS, export\nfrom tests.lineage import lives\n"
        "from tests.lineage.signers import SIGNER\n"
        "for form in FORMATS:\n    (content,) = export(lives.whole_life(), form, signer=SIGNER).values()\n"
        "    print(form, hashlib.sha256(content).hexdigest())\n"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=repository,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert len(told[0].splitlines()) == 4


def envelopes(**chosen: Any) -> list[dict[str, Any]]:
    (content,) = export(lives.whole_life(), "in-toto", signer=SIGNER, **chosen).values()
    return [json.loads(line) for line in content.splitlines()]


def statements(**chosen: Any) -> list[dict[str, Any]]:
    return [json.loads(base64.b64decode(envelope["payload"])) for envelope in envelopes(**chosen)]


def verify(envelope: dict[str, Any]) -> Any:
    """What securesystemslib found to be signed by the key. Raises where nothing is."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # it exports it without saying so

    pem = PRIVATE_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    key = SSlibKey(SIGNER.key_id, "ecdsa", "ecdsa-sha2-nistp256", {"public": pem})
    return Envelope.from_dict(json.loads(json.dumps(envelope))).verify([key], 1)


def test_securesystemslib_verifies_every_envelope() -> None:
    """Each is signed by the key that it names."""
    found = envelopes()
    assert found
    assert all(set(verify(envelope)) == {SIGNER.key_id} for envelope in found)


@pytest.mark.parametrize("part", ["payload", "payloadType", "sig"])
def test_an_envelope_that_was_touched_does_not_verify(part: str) -> None:
    """One changed byte of what is said, of its type or of the signature."""
    from securesystemslib.exceptions import VerificationError

    envelope = envelopes()[0]
    if part == "payload":
        said = base64.b64decode(envelope["payload"]).replace(b"complete", b"Complete")
        envelope["payload"] = base64.b64encode(said).decode()
    elif part == "payloadType":
        envelope["payloadType"] += "2"
    else:
        signature = bytearray(base64.b64decode(envelope["signatures"][0]["sig"]))
        signature[-1] ^= 1
        envelope["signatures"][0]["sig"] = base64.b64encode(bytes(signature)).decode()
    with pytest.raises(VerificationError):
        verify(envelope)


@settings(max_examples=25)
@given(graph=graphs())
def test_in_toto_s_own_types_take_any_statement(graph: Graph) -> None:
    """A type, subjects with digests, resources with an address or a digest: in-toto's validation of all of them."""
    from google.protobuf.json_format import ParseDict
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement

    (content,) = written(Lineage("any", graph, (), STAMP), "in-toto", SIGNER).values()
    for line in content.splitlines():
        said = ParseDict(json.loads(base64.b64decode(json.loads(line)["payload"])), statement_pb2.Statement())
        Statement.copy_from_pb(said).validate()


def test_a_training_is_a_slsa_provenance() -> None:
    """The version is its subject, the dataset among its dependencies, and what was asked for among its parameters."""
    (provenance,) = [
        one
        for one in statements(model="credit", version=1)
        if one["predicateType"] == SLSA_PROVENANCE and one["predicate"]["buildDefinition"]["buildType"] == "urn:lifecycle:build:training:1"
    ]
    assert {"name": "version/credit:1", "digest": {"sha256": in_memory.model_digest(1).removeprefix("sha256:")}} in provenance["subject"]
    definition = provenance["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {"model": "credit", "environment": "local", "device": "cpu", "seed": 7, "options": {}}
    assert in_memory.DATASET.removeprefix("sha256:") in [one["digest"]["sha256"] for one in definition["resolvedDependencies"]]
    assert provenance["predicate"]["runDetails"]["metadata"]["invocationId"] == "run-1"


def test_slsa_s_own_types_take_the_provenance() -> None:
    """The protocol buffers of SLSA know every field of it."""
    from google.protobuf.json_format import ParseDict
    from in_toto_attestation.predicates.provenance.v1 import provenance_pb2

    found = [one["predicate"] for one in statements() if one["predicateType"] == SLSA_PROVENANCE]
    assert found
    for predicate in found:
        ParseDict(predicate, provenance_pb2.Provenance())


def test_what_built_nothing_is_no_provenance() -> None:
    """A decision, an approval, a training that failed: a predicate of our own, about what they were about."""
    ledger = lives.whole_life()
    lives.training_failed(ledger)
    (content,) = export(ledger, "in-toto", signer=SIGNER).values()
    said = [json.loads(base64.b64decode(json.loads(line)["payload"])) for line in content.splitlines()]
    others = {one["predicate"]["activity"]["id"]: one for one in said if one["predicateType"] == ACTIVITY}
    assert {"training/training-9", "decision/promotion-2", "approval/approved-1", "rollout/rollout-3"} <= set(others)
    assert others["decision/promotion-2"]["subject"][0]["digest"]["sha256"] == in_memory.model_digest(2).removeprefix("sha256:")
