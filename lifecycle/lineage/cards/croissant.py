"""A dataset version as Croissant 1.0 with its RAI vocabulary 1.0 (mlcommons.org/croissant): what is in it, and where it may be used.

The columns are those that the ledger profiled at ingestion. Where rows were erased since, the file described holds what is left of
them, and the description says which record erased them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lifecycle.errors import UnknownName
from lifecycle.lineage.cards.rows import HandedOn, handed_on
from lifecycle.lineage.cards.version import Told
from lifecycle.lineage.export import stamp_of
from lifecycle.lineage.formats.instants import rfc3339
from lifecycle.lineage.ports import Artifacts, Ledger
from lifecycle.records.bodies.data import ColumnProfile, DatasetIngested
from lifecycle.records.counted import counted
from lifecycle.records.record import Digest, JsonObject, canonical_bytes

#: The context that the specification gives, word for word: readers compare it.
CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {"number": "sc:Float", "text": "sc:Text"}
#: The columns that ingestion adds, and what they hold.
_ADDED = {"row_id": "the number of the row in its source", "split": "train, validation or test, by a stable hash of the row's identity"}


def croissant(
    ledger: Ledger, artifacts: Artifacts | None, model: str, dataset: Digest | None = None, *, file: str = "dataset.parquet"
) -> bytes:
    """The description of one dataset version of a model, the newest unless a digest is given, as canonical JSON-LD.

    `file` is the address at which the description says that the rows lie, relative to it: what `rows_of` gives. Raises UnknownName
    where the ledger knows no such dataset.
    """
    stamp, ingested = stamp_of(ledger), _ingested(ledger, model, dataset)
    return croissant_of(ingested, stamp, handed_on(ledger, artifacts, ingested.event.subject.digest or ""), file=file)


def rows_of(ledger: Ledger, artifacts: Artifacts, model: str, dataset: Digest | None = None) -> bytes:
    """The file that the description names: the rows that are left, as Parquet. Raises UnknownName, Tampered."""
    digest = _ingested(ledger, model, dataset).event.subject.digest or ""
    content = handed_on(ledger, artifacts, digest).content
    if content is None:
        raise UnknownName(f"There is no artifact with the rows of {digest}.", "Restore it from a copy of the store.")
    return content


def croissant_of(ingested: Told[DatasetIngested], stamp: JsonObject, rows: HandedOn, *, file: str) -> bytes:
    """The description of a dataset version whose rows lie in `file`."""
    body, name = ingested.body, ingested.event.subject.name
    personal = body.classification == "personal"
    content_size = {} if rows.content is None else {"contentSize": f"{len(rows.content)} B"}
    erased = [f"Rows were erased since, by record {index} of the ledger." for index in rows.erasures]
    description = [
        f"The rows that {name} is trained, validated and tested on: {body.rows} rows of {body.source}, checked against {body.contract}.",
        *erased,
    ]
    document: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": f"{name}_dataset",
        "description": " ".join(description),
        "url": f"urn:lifecycle:dataset/{ingested.event.subject.digest}",
        "version": "1.0.0",
        "sameAs": f"urn:lifecycle:{ingested.event.subject.digest}",
        "license": body.licence,
        "datePublished": rfc3339(ingested.event.occurred_at_us),
        "creator": {"@type": "sc:Organization", "name": ingested.event.actor.id, "url": f"urn:lifecycle:agent/{ingested.event.actor.id}"},
        "citeAs": f"{body.source} ({body.source_digest}), record {ingested.index} of {_origin(stamp)}",
        "isLiveDataset": False,
        "rai:dataCollection": f"Read from {body.source}, whose bytes have the digest {body.source_digest}.",
        "rai:dataPreprocessingProtocol": [
            f"Contract {body.contract} ({body.contract_digest}); splits by a stable hash of a row's identity."
        ],
        "rai:personalSensitiveInformation": [f"Classified as {body.classification}." + (" Holds data of persons." if personal else "")],
        "rai:dataUseCases": [f"Regions: {', '.join(body.regions) or 'not said'}."],
        "rai:dataLimitations": _limitations(body),
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "rows",
                "name": "rows",
                "description": f"Every row, as Parquet. Record {ingested.index} of {_origin(stamp)} ({stamp['size']} records) names it.",
                "contentUrl": file,
                "encodingFormat": "application/x-parquet",
                "sha256": rows.digest.removeprefix("sha256:"),
                **content_size,
            }
        ],
        "recordSet": [{"@type": "cr:RecordSet", "@id": "row", "name": "row", "field": [_field(one) for one in body.columns]}],
    }
    return canonical_bytes(document)


def _field(column: ColumnProfile) -> JsonObject:
    said = _ADDED.get(column.column) or f"{column.distinct} different values, {column.missing} missing"
    return {
        "@type": "cr:Field",
        "@id": f"row/{column.column}",
        "name": column.column,
        "description": said[0].upper() + said[1:] + ".",
        "dataType": _TYPES[column.kind],
        "source": {"fileObject": {"@id": "rows"}, "extract": {"column": column.column}},
    }


def _limitations(body: DatasetIngested) -> list[str]:
    leaking = f"Columns that know the answer: {', '.join(body.leaking_columns)}." if body.leaking_columns else "No column knows the answer."
    flips = counted(body.suspected_label_flips, "row looks as if its label were wrong", "rows look as if their label were wrong")
    return [f"{counted(body.duplicate_rows, 'duplicate row')}.", f"{flips}.", leaking]


def _ingested(ledger: Ledger, model: str, dataset: Digest | None) -> Told[DatasetIngested]:
    known = ledger.events(types=("DatasetIngested",), name=model)
    for one in reversed(known):
        if isinstance(one.event.body, DatasetIngested) and dataset in (None, one.event.subject.digest):
            return Told(one.index, one.event, one.event.body)
    digests = ", ".join(dict.fromkeys(str(one.event.subject.digest) for one in known))
    raise UnknownName(
        f"The ledger knows no dataset {dataset or ''} of {model}.".replace("  ", " "),
        f"Its dataset versions are {digests}." if digests else "`lifecycle status` lists the models and their versions.",
    )


def _origin(stamp: JsonObject) -> str:
    """The name of the ledger, from its checkpoint."""
    return str(stamp["checkpoint"]).partition("\n")[0] or "the ledger"
