"""What is made from the records of a pack: exports, card, clauses, and the index as a page and on paper."""

from __future__ import annotations

import hashlib
import json

from lifecycle.errors import UnknownName
from lifecycle.evidence.controls import Framework
from lifecycle.evidence.coverage import coverage
from lifecycle.evidence.index.contents import period_index, version_index
from lifecycle.evidence.index.page import page_of
from lifecycle.evidence.index.paper import paper_of
from lifecycle.evidence.layout import CONTENTS, leaf_path, verifier
from lifecycle.evidence.oscal import oscal
from lifecycle.evidence.pack import Draft, Scope
from lifecycle.lineage.cards.croissant import croissant
from lifecycle.lineage.cards.model_card import card_of
from lifecycle.lineage.cards.version import gather
from lifecycle.lineage.export import FORMATS, lineage_of, stamp_of, written
from lifecycle.lineage.ports import Artifacts
from lifecycle.lineage.selection import events_behind
from lifecycle.proofs.dsse import Signer

_EXPORTS = {
    "openlineage": "the lineage as OpenLineage events",
    "prov": "the lineage as W3C PROV-JSON",
    "cyclonedx": "the model as a CycloneDX ML-BOM",
    "in-toto": "signed in-toto attestations",
}
#: A period of more records than this is packed without exports of its lineage: nobody draws a graph of so many, and making it takes
#: a hundred times the memory of the records. `lifecycle lineage export` writes that of any model or version.
MOST_EXPORTED = 10_000
_README = """This is an evidence pack: what a ledger recorded about {scope}, with the proof of each record.

{contents}

    pip install cryptography
    python verify.py PACK.zip --trust WHAT-YOU-HELD-BEFORE

Better with a verify.py that you had before; this one is sha256:{verifier}.

Nothing is to be trusted because it is in here. verify.py says what the pack proves by itself (L0), and what it
proves together with what you knew before: the ledger's key, a checkpoint that you kept, witnesses.
"""


def views_of(draft: Draft, artifacts: Artifacts, frameworks: tuple[Framework, ...], signer: Signer) -> dict[str, bytes]:
    """The files by their path in the pack. Everything is read from the draft: a view says nothing that the pack does not hold."""
    ledger, scope = draft.ledger, draft.scope
    files, told = dict[str, bytes](), dict[str, str]()

    def add(made: dict[str, bytes], what: str, folder: str = "views") -> None:
        for name, content in made.items():
            files[f"{folder}/{name}"] = content
            told[f"{folder}/{name}"] = what

    if scope.version is not None or len(ledger) <= MOST_EXPORTED:
        lineage = lineage_of(ledger, scope.model, scope.version)
        for form in FORMATS:
            add(written(lineage, form, signer), _EXPORTS.get(form, form))
    covered = coverage(ledger, frameworks, scope.model, scope.version)
    add({"clauses.json": _json(covered.as_json())}, "clauses, and the records that speak to each or why that is a gap")
    add(oscal(covered, lambda index: f"../../{_leaf(draft, index)}"), "the clauses as OSCAL assessment results and catalogs", "views/oscal")
    if scope.model is not None and scope.version is not None:
        records = gather(events_behind(ledger, scope.model, scope.version), artifacts, scope.model, scope.version)
        add({"model-card.md": card_of(records, stamp_of(ledger))}, "the model card, as Hugging Face has it")
        try:
            add({"croissant.json": croissant(ledger, None, scope.model, records.trained.body.dataset_digest)}, "the dataset, as Croissant")
        except UnknownName:
            pass  # The ingestion is older than what is packed, or its record was pruned.
        index = version_index(draft, records, covered, told)
    else:
        index = period_index(draft, covered, told)
    return files | {"index.html": page_of(index), "index.pdf": paper_of(index), "README.txt": _readme(draft.scope)}


def _readme(scope: Scope) -> bytes:
    contents = "\n".join(f"{path:24}{what}" for path, what in CONTENTS.items())
    return _README.format(scope=scope, contents=contents, verifier=hashlib.sha256(verifier()).hexdigest()).encode()


def _leaf(draft: Draft, index: int) -> str:
    return leaf_path(index, draft.selection.rows[index].type)


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"
