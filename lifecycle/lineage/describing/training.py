"""What events of training and evaluation say about the graph."""

from __future__ import annotations

from lifecycle.lineage.describing.description import Description, Tellers
from lifecycle.records.bodies.training import ModelEvaluated, ModelTrained, TrainingFailed, TrainingStarted
from lifecycle.records.events import Event
from lifecycle.records.record import JsonObject


def _training_started(event: Event, body: TrainingStarted) -> Description:
    facts: JsonObject = {"device": body.device, "seed": body.seed, "estimated_cost": body.estimated_cost, "options": body.options}
    return Description(
        f"training/{body.training_id or event.id}",
        "training",
        "training",
        "open",
        facts,
        tuple((f"decision/{decision}", "allowed_by") for decision in body.decision_ids),
        used=(("dataset", body.dataset_digest),),
    )


def _trained(event: Event, body: ModelTrained) -> Description:
    metering = body.metering
    facts: JsonObject = {
        "device": metering.device,
        "precision": metering.precision,
        "seconds": metering.seconds,
        "epochs": metering.epochs,
        "resumed_from_epoch": metering.resumed_from_epoch,
        "cost": metering.cost,
        "currency": metering.currency,
        "code_commit": body.code_commit,
        "code_author": body.code_author,
        "code_author_basis": body.code_author_basis,
        "baseline": body.baseline_name,
    }
    made = (("model", body.model_digest), ("signature", body.signature_digest), ("baseline", body.baseline_digest))
    used = (("dataset", body.dataset_digest),)
    return Description(f"training/{body.training_id}", "training", f"trained {event.subject}", "complete", facts, used=used, generated=made)


def _training_failed(event: Event, body: TrainingFailed) -> Description:
    facts: JsonObject = {"reason": body.reason, "last_epoch": body.last_epoch}
    return Description(f"training/{body.training_id}", "training", "training", "failed", facts, used=(("dataset", body.dataset_digest),))


def _evaluated(event: Event, body: ModelEvaluated) -> Description:
    headline: JsonObject = {name: measured.as_json() for name, measured in body.headline.items()}
    return Description(
        f"evaluation/{event.id}",
        "evaluation",
        f"evaluated {event.subject}",
        "complete",
        {"headline": headline, "champion_version": body.champion_version},
        used=(("model", body.model_digest), ("dataset", body.dataset_digest)),
        generated=(("evidence", body.evidence_digest), ("report_json", body.report_json_digest), ("report_html", body.report_html_digest)),
    )


TELLERS: Tellers = {
    TrainingStarted: _training_started,
    ModelTrained: _trained,
    TrainingFailed: _training_failed,
    ModelEvaluated: _evaluated,
}
