"""The graph as in-toto attestations: a signed Statement v1 for each activity, in ledger order, one DSSE envelope a line.

The subject is what the activity made; where it made nothing, what it was about; where it was about nothing with a digest, the record
of the activity itself. An ingestion or a training that made something is a SLSA Provenance v1: what was asked for is in
`externalParameters`, what it used in `resolvedDependencies`, and what SLSA has no words for in `internalParameters`. Everything else
has a predicate of our own, whose form docs/reference/lineage-exports.md gives.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from lifecycle import __version__
from lifecycle.lineage.formats.instants import rfc3339
from lifecycle.lineage.graph import Activity, Edge, Entity, Graph
from lifecycle.proofs.dsse import Signer, enveloped
from lifecycle.records.record import JsonObject, canonical_bytes, digest_of

#: What DSSE says of the payload.
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
SLSA_PROVENANCE = "https://slsa.dev/provenance/v1"
#: The predicate of our own.
ACTIVITY = "urn:lifecycle:attestation:activity:1"
#: What builds something in SLSA's sense.
BUILDING = frozenset({"ingestion", "training"})
#: The facts that say what was asked for; the others were found out on the way.
_ASKED = ("source", "contract", "device", "seed", "options")


def in_toto(graph: Graph, stamp: JsonObject, signer: Signer) -> bytes:
    """The envelopes, each in canonical bytes. `stamp` says how far the ledger reached and carries its newest checkpoint."""
    ordered = sorted(graph.activities.values(), key=lambda activity: (activity.indexes[0], activity.id))
    statements = (canonical_bytes(_statement(graph, activity, stamp)) for activity in ordered)
    return b"".join(canonical_bytes(enveloped(PAYLOAD_TYPE, statement, signer)) + b"\n" for statement in statements)


def _statement(graph: Graph, activity: Activity, stamp: JsonObject) -> JsonObject:
    made = _resources(graph, graph.edges_of(activity.id, "generated"))
    used = _resources(graph, graph.edges_of(activity.id, "used"))
    followed = graph.edges_of(activity.id, "followed")
    ours: JsonObject = {
        "activity": _told(activity),
        "generated": made,
        "followed": [{"activity": edge.other, "role": edge.role, "ledgerIndex": edge.index} for edge in followed],
        "ledger": stamp,
    }
    builds = activity.kind in BUILDING and any("digest" in resource for resource in made)
    return {
        "_type": STATEMENT,
        "subject": _subjects(made) or _subjects(used) or [{"name": activity.id, "digest": _sha256(canonical_bytes(_told(activity)))}],
        "predicateType": SLSA_PROVENANCE if builds else ACTIVITY,
        "predicate": _provenance(activity, used, ours) if builds else {**ours, "used": used},
    }


def _provenance(activity: Activity, used: list[Any], ours: JsonObject) -> JsonObject:
    """SLSA Provenance v1, https://slsa.dev/spec/v1.0/provenance."""
    asked: JsonObject = {name: activity.facts[name] for name in _ASKED if name in activity.facts}
    ended: JsonObject = {} if activity.ended_us is None else {"finishedOn": rfc3339(activity.ended_us)}
    return {
        "buildDefinition": {
            "buildType": f"urn:lifecycle:build:{activity.kind}:1",
            "externalParameters": {"model": activity.model, "environment": activity.environment, **asked},
            "internalParameters": {"lifecycle": ours},
            "resolvedDependencies": [*used, *_code(activity)],
        },
        "runDetails": {
            "builder": {"id": "urn:lifecycle:builder", "version": {"lifecycle": __version__}},
            "metadata": {"invocationId": activity.run_id or activity.id, "startedOn": rfc3339(activity.started_us), **ended},
        },
    }


def _code(activity: Activity) -> list[Any]:
    """The commit that was trained from, as SLSA names one. With changes on top of it, it is not what was trained from."""
    commit = str(activity.facts.get("code_commit", ""))
    return [{"name": "code", "digest": {"gitCommit": commit}}] if re.fullmatch(r"[0-9a-f]{40}", commit) else []


def _told(activity: Activity) -> JsonObject:
    ended: JsonObject = {} if activity.ended_us is None else {"endedOn": rfc3339(activity.ended_us)}
    return {
        "id": activity.id,
        "kind": activity.kind,
        "label": activity.label,
        "model": activity.model,
        "environment": activity.environment,
        "actor": activity.actor.as_json(),
        "startedOn": rfc3339(activity.started_us),
        **ended,
        "outcome": activity.outcome,
        "ledgerIndexes": list(activity.indexes),
        "events": list(activity.event_ids),
        "run": activity.run_id,
        "facts": activity.facts,
    }


def _resources(graph: Graph, edges: tuple[Edge, ...]) -> list[Any]:
    """A ResourceDescriptor for each part that a thing plays, with the part in its annotations."""
    return [_resource(graph.entities[edge.other], edge) for edge in edges]


def _resource(entity: Entity, edge: Edge) -> JsonObject:
    # A descriptor has to have a digest or an address.
    known: JsonObject = {"uri": f"urn:lifecycle:{quote(entity.id)}"} if entity.digest is None else {"digest": _digest(entity.digest)}
    part: JsonObject = {"role": edge.role, "ledgerIndex": edge.index}
    thing: JsonObject = {"kind": entity.kind, "label": entity.label, "firstIndex": entity.index}
    return {"name": entity.id, **known, "annotations": {**part, **thing}}


def _subjects(resources: list[Any]) -> list[Any]:
    """Each thing with a digest once, however many parts it plays."""
    return list({one["name"]: {"name": one["name"], "digest": one["digest"]} for one in resources if "digest" in one}.values())


def _digest(digest: str) -> JsonObject:
    return {"sha256": digest.removeprefix("sha256:")}


def _sha256(content: bytes) -> JsonObject:
    return _digest(digest_of(content))
