"""What a version was made from: training and what allowed it, code, dataset and source."""

from __future__ import annotations

from functools import partial

from lifecycle.lineage.explaining.allowing import decided
from lifecycle.lineage.explaining.chain import Found
from lifecycle.lineage.explaining.walk import Walk, require, told
from lifecycle.lineage.outline import moment
from lifecycle.lineage.step import Step
from lifecycle.records.bodies.data import DatasetIngested
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.keeping import SubjectErased
from lifecycle.records.bodies.training import ModelTrained, TrainingStarted

_UNREACHED = ("training", "training decision", "code", "dataset", "source")


def follow_making(walk: Walk, trained: Found[ModelTrained] | None) -> None:
    """From the version to the source of its data."""
    if trained is None:
        for edge in _UNREACHED:
            walk.unreached("made", edge, "version")
        return
    started = walk.follow("made", "training", lambda: _training(walk, trained))
    if started is None:
        walk.unreached("made", "training decision", "training")
    else:
        for decision in started.body.decision_ids:
            walk.follow("made", "training decision", partial(_decision, walk, decision))
    walk.steps.append(_code(trained))
    dataset = walk.follow("made", "dataset", lambda: _dataset(walk, trained))
    if dataset is None:
        walk.unreached("made", "source", "dataset")
    else:
        walk.steps.append(told("made", "source", dataset, "source", dataset.body.source, digest=dataset.body.source_digest))


def _training(walk: Walk, trained: Found[ModelTrained]) -> tuple[Step, Found[TrainingStarted]]:
    """The run's start. One that could not name itself yet is joined to its end by the run of Dagster."""
    body, run = trained.body, trained.event.run_id
    found = walk.chain.latest(
        TrainingStarted,
        lambda event, start: (
            start.training_id == body.training_id or (start.training_id is None and run is not None and event.run_id == run)
        ),
        f"the ledger holds no start of the training {body.training_id}",
    )
    require(found.body.dataset_digest == body.dataset_digest, "it began on another dataset than it ended on")
    used = body.metering
    detail = f"{moment(trained.event.occurred_at_us)}  {used.epochs} epochs in {used.seconds:.1f} s on {used.device}"
    facts = {
        "training": body.training_id,
        "run": run,
        "seed": found.body.seed,
        "device": used.device,
        "precision": used.precision,
        "epochs": used.epochs,
        "seconds": used.seconds,
        "cost": f"{used.cost:.4f} {used.currency}",
        "baseline": body.baseline_name,
    }
    return told("made", "training", found, f"trained {walk.version}", detail, facts=facts), found


def _decision(walk: Walk, decision_id: str) -> tuple[Step, Found[DecisionMade]]:
    found = walk.chain.latest(
        DecisionMade, lambda event, body: body.decision.id == decision_id, f"the ledger holds no decision {decision_id}"
    )
    require(found.body.decision.result.allow, f"decision {decision_id} did not allow: {found.body.decision.result.outcome}")
    return decided(found, "made", "training decision"), found


def _code(trained: Found[ModelTrained]) -> Step:
    body = trained.body
    if body.code_commit == "unversioned":
        return Step("made", "code", "code", "under no version control", index=trained.index, tone="waiting")
    author = f"by {body.code_author} (a {body.code_author_basis})" if body.code_author else "its author in git is no enrolled person"
    facts = {"commit": body.code_commit, "author": body.code_author, "author_basis": body.code_author_basis}
    return Step("made", "code", f"commit {body.code_commit[:12]}", author, index=trained.index, facts=facts)


def _dataset(walk: Walk, trained: Found[ModelTrained]) -> tuple[Step, Found[DatasetIngested]]:
    digest, trained_us = trained.body.dataset_digest, trained.event.occurred_at_us
    found = walk.chain.latest(
        DatasetIngested,
        lambda event, body: event.subject.digest == digest and event.occurred_at_us <= trained_us,
        "the ledger holds no ingestion, before it was trained, of the dataset that it used",
    )
    body = found.body
    erased = walk.chain.all(SubjectErased, lambda event, gone: any(rows.dataset_digest == digest for rows in gone.datasets))
    left = [rows.remaining_digest for one in erased for rows in one.body.datasets if rows.dataset_digest == digest]
    require(walk.store.has(left[-1] if left else digest), "its rows are not in the artifact store, and nothing says that they were erased")
    gone = sum(len(rows.rows) for one in erased for rows in one.body.datasets if rows.dataset_digest == digest)
    splits = ", ".join(f"{rows:,} {name}" for name, rows in body.splits.items())
    detail = f"{body.rows:,} rows ({splits}), {body.classification}, licence {body.licence}"
    if gone:
        detail += f"; {gone} erased since"
    facts = {
        "rows": body.rows,
        "splits": dict(body.splits),
        "contract": body.contract,
        "classification": body.classification,
        "licence": body.licence,
        "regions": list(body.regions),
    }
    return told("made", "dataset", found, "dataset", detail, digest=digest, facts=facts), found
