"""A model card in the Hugging Face format: YAML for programs, Markdown for people, one version a card.

The same ledger gives the same card. https://huggingface.co/docs/hub/model-cards has the format; of the metadata only what the ledger
knows is given, with the metrics as a `model-index`.
"""

from __future__ import annotations

from lifecycle.lineage.cards import sections
from lifecycle.lineage.cards.version import VersionRecords, gather
from lifecycle.lineage.export import stamp_of, unknown_version
from lifecycle.lineage.ports import Artifacts, Ledger
from lifecycle.lineage.selection import events_behind
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.record import JsonObject

#: What each metric is called on the Hub, where it has another name there.
HUB_NAMES = {"auc": "roc_auc", "brier": "brier_score", "calibration_error": "expected_calibration_error"}
TASK = "tabular-classification"


def model_card(ledger: Ledger, artifacts: Artifacts | None, model: str, version: int, *, description: str | None = None) -> bytes:
    """The card of a version, in UTF-8. `description` is what the project says that the model is for: the one sentence on it that the
    ledger does not hold, and the card says so.

    Raises UnknownName for a version that the ledger does not know.
    """
    stamp, recorded = stamp_of(ledger), events_behind(ledger, model, version)
    if not any(isinstance(one.event.body, ModelTrained) for one in recorded):
        raise unknown_version(ledger, model, version)
    return card_of(gather(recorded, artifacts, model, version), stamp, description=description)


def card_of(records: VersionRecords, stamp: JsonObject, *, description: str | None = None) -> bytes:
    """The card of a version whose records are gathered already. `stamp` is that of the ledger (`export.stamp_of`)."""
    import yaml

    front = yaml.safe_dump(metadata(records, stamp), sort_keys=False, allow_unicode=True, width=140)
    body = "\n\n".join(part for part in sections.all_of(records, stamp, description) if part)
    return f"---\n{front}---\n\n{body}\n".encode()


def metadata(records: VersionRecords, stamp: JsonObject) -> JsonObject:
    """The front matter."""
    body = records.trained.body
    said: JsonObject = {
        "library_name": "onnx",
        "pipeline_tag": TASK,
        "tags": ["onnx", "safetensors", "tabular", f"risk:{body.declared.risk_tier}", f"purpose:{body.declared.purpose}"],
        "model_name": records.name,
        "lifecycle": {
            "model": records.model,
            "version": records.version,
            "digest": records.digest,
            "ledger": {"size": stamp["size"], "index": records.trained.index},
        },
    }
    if records.evaluated is not None:
        said["metrics"] = [HUB_NAMES.get(name, name) for name in sorted(records.evaluated.body.headline)]
        said["model-index"] = [{"name": records.name, "results": [_results(records)]}]
    return said


def _results(records: VersionRecords) -> JsonObject:
    assert records.evaluated is not None  # whoever calls has looked
    headline = records.evaluated.body.headline
    data = records.ingested
    dataset: JsonObject = {
        "type": records.model if data is None else data.body.source,
        "name": records.model if data is None else data.body.source,
        "split": "test",
        "revision": records.evaluated.body.dataset_digest,
    }
    return {
        "task": {"type": TASK},
        "dataset": dataset,
        "metrics": [
            {
                "type": HUB_NAMES.get(name, name),
                "name": name,
                "value": value.value,
                "args": {"low": value.low, "high": value.high, "level": 0.95, "rows": value.n, "ledger_index": records.evaluated.index},
            }
            for name, value in sorted(headline.items())
        ],
    }
