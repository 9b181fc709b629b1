"""Coverage as OSCAL (NIST, 1.2.1): catalogs of our own, in our own words, and assessment results that point to leaves.

An observation says which records speak to a clause; a gap is an observation and a finding, "not-satisfied". There is no finding
"satisfied": that evidence is there does not say that it is enough, and whoever reads it may add a finding of their own
(docs/adr/0012). The same coverage gives the same bytes: ids are made of what they name, and times are the ledger's.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from lifecycle.evidence.controls import Applicability, Clause, Framework
from lifecycle.evidence.coverage import Coverage, Covered, ranges
from lifecycle.records.record import Microseconds

OSCAL_VERSION = "1.2.1"
RESULTS = "assessment-results.json"
#: Of properties that OSCAL does not know.
NAMESPACE = "https://lifecycle.local/ns/oscal"
_IDS = uuid.uuid5(uuid.NAMESPACE_URL, NAMESPACE)

Href = Callable[[int], str]


def oscal(found: Coverage, leaf_href: Href) -> dict[str, bytes]:
    """The files by name: one of assessment results, and the catalog of each framework. `leaf_href` is where a leaf's proof lies."""
    files = {catalog_name(framework): _written({"catalog": _catalog(framework, found.as_of_us)}) for framework in found.frameworks}
    return {RESULTS: _written({"assessment-results": _results(found, leaf_href)}), **files}


def catalog_name(framework: Framework) -> str:
    """The file of a framework's catalog."""
    return f"catalog-{framework.framework}.json"


def control_id(framework: Framework, clause: Clause) -> str:
    """A clause as OSCAL names it: its tokens take no parentheses, so `9(2)(a)` of eu_ai_act is `eu_ai_act_9.2.a`."""
    return f"{framework.framework}_{re.sub(r'[^A-Za-z0-9_-]+', '.', clause.id).strip('.')}"


def _catalog(framework: Framework, as_of_us: Microseconds) -> dict[str, Any]:
    return {
        "uuid": _id("catalog", framework.framework),
        "metadata": _metadata(framework.title, "1", as_of_us, remarks=f"{framework.source}. {framework.remark}"),
        "controls": [_control(framework, clause) for clause in framework.clauses],
    }


def _control(framework: Framework, clause: Clause) -> dict[str, Any]:
    name = control_id(framework, clause)
    shown = " ".join(selector.shows for selector in clause.evidence if not selector.optional)
    objective = shown or "No record of the ledger can show this; the gap says why."
    return {
        "id": name,
        "title": clause.title,
        "props": [{"name": "label", "value": clause.id}, *_applies(framework.applies_to(clause))],
        "parts": [
            {"id": f"{name}_smt", "name": "statement", "prose": clause.asks},
            {"id": f"{name}_obj", "name": "assessment-objective", "prose": f"The ledger holds evidence: {objective}"},
        ],
    }


def _applies(applies: Iterable[Applicability]) -> list[dict[str, str]]:
    return [{"name": "applies-since", "ns": NAMESPACE, "value": one.since, "remarks": one.to_whom} for one in applies]


def _results(found: Coverage, leaf_href: Href) -> dict[str, Any]:
    about = found.model or "everything"
    if found.version is not None:
        about = f"{about}:{found.version}"
    plan, note = _id("plan"), _id("checkpoint", found.checkpoint or "")
    resources: list[dict[str, Any]] = [
        {
            "uuid": plan,
            "title": "Maps from clauses to records",
            "description": "What is looked for stands in the catalogs beside this file, clause by clause, as assessment objectives.",
            "rlinks": [{"href": catalog_name(framework), "media-type": "application/json"} for framework in found.frameworks],
        }
    ]
    if found.checkpoint is not None:
        encoded = base64.b64encode(found.checkpoint.encode()).decode()
        resources.append(
            {
                "uuid": note,
                "title": "Ledger checkpoint",
                "description": "The signed note (C2SP) that proofs of the leaves lead to.",
                "base64": {"filename": "checkpoint", "media-type": "text/plain", "value": encoded},
            }
        )
    return {
        "uuid": _id("results", about, str(found.size), found.checkpoint or ""),
        "metadata": _metadata(
            f"Evidence in the ledger about {about}",
            str(found.size),
            found.as_of_us,
            remarks="Says which records speak to which clause. It does not say that a clause is met.",
        ),
        "import-ap": {"href": f"#{plan}"},
        "results": [_result(found, framework, about, leaf_href) for framework in found.frameworks],
        "back-matter": {"resources": resources},
    }


def _result(found: Coverage, framework: Framework, about: str, leaf_href: Href) -> dict[str, Any]:
    covered = [one for one in found.clauses if one.framework is framework]
    counted = found.counted(framework)
    result: dict[str, Any] = {
        "uuid": _id("result", framework.framework, about, str(found.size)),
        "title": framework.title,
        "description": f"{counted['evidence']} clauses with evidence and {counted['gap']} gaps, of what the ledger holds about {about}.",
        "start": _time(found.as_of_us),
        "props": [{"name": "ledger-size", "ns": NAMESPACE, "value": str(found.size)}],
        "reviewed-controls": {
            "control-selections": [{"include-controls": [{"control-id": control_id(framework, one.clause)} for one in covered]}]
        },
        "observations": [_observation(one, about, found, leaf_href) for one in covered],
    }
    gaps = [_finding(one, about, found) for one in covered if one.status == "gap"]
    return {**result, "findings": gaps} if gaps else result


def _observation(covered: Covered, about: str, found: Coverage, leaf_href: Href) -> dict[str, Any]:
    name = control_id(covered.framework, covered.clause)
    gap = covered.gap
    said = (
        f"Records {ranges(covered.indexes)} speak to this. Left open: {covered.clause.leaves_open}"
        if gap is None
        else f"A gap. {gap.why} What would close it: {gap.closes}"
    )
    observation: dict[str, Any] = {
        "uuid": _id("observation", name, about, str(found.size)),
        "title": f"{covered.clause.id} {covered.clause.title}",
        "description": said,
        "props": [
            {"name": "control-id", "ns": NAMESPACE, "value": name},
            {"name": "status", "ns": NAMESPACE, "value": covered.status},
        ],
        "links": [{"href": f"{catalog_name(covered.framework)}#{name}", "rel": "reference"}],
        "methods": ["EXAMINE"],
        "types": ["control-objective" if gap is None else "finding"],
        "collected": _time(found.as_of_us),
    }
    evidence = [
        {
            "href": leaf_href(index),
            "description": shown.selector.shows,
            "props": [{"name": "ledger-index", "ns": NAMESPACE, "value": str(index)}],
        }
        for shown in covered.shown
        for index in shown.indexes
    ]
    files = [
        {
            "description": f"The {link.role} that the records name.",
            "props": [
                {"name": "role", "ns": NAMESPACE, "value": link.role},
                {"name": "digest", "ns": NAMESPACE, "value": link.digest},
            ],
        }
        for link in dict.fromkeys(link for shown in covered.shown for link in shown.files)
    ]
    return {**observation, "relevant-evidence": [*evidence, *files]} if evidence else observation


def _finding(covered: Covered, about: str, found: Coverage) -> dict[str, Any]:
    name = control_id(covered.framework, covered.clause)
    gap = covered.gap
    assert gap is not None  # the caller asks for gaps only
    return {
        "uuid": _id("finding", name, about, str(found.size)),
        "title": f"No full evidence for {covered.clause.id} {covered.clause.title}",
        "description": gap.why,
        "target": {
            "type": "objective-id",
            "target-id": f"{name}_obj",
            "status": {"state": "not-satisfied", "reason": "other", "remarks": f"What would close it: {gap.closes}"},
        },
        "related-observations": [{"observation-uuid": _id("observation", name, about, str(found.size))}],
    }


def _metadata(title: str, version: str, at_us: Microseconds, *, remarks: str) -> dict[str, Any]:
    return {"title": title, "last-modified": _time(at_us), "version": version, "oscal-version": OSCAL_VERSION, "remarks": remarks}


def _id(*parts: str) -> str:
    """A UUIDv5: OSCAL takes versions 4 and 5, and only 5 is the same every time."""
    return str(uuid.uuid5(_IDS, json.dumps(parts)))


def _time(at_us: Microseconds) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _written(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
