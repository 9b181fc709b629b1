"""Events of training runs, as short as a test needs them."""

from __future__ import annotations

from lifecycle.records.bodies.training import Metering, ModelTrained, TrainingFailed, TrainingStarted
from lifecycle.records.events import Actor, Event, Subject
from tests.records.declarations import declared

DATASET = "sha256:" + "d" * 64
MODEL = "sha256:" + "a" * 64
DAY_US = 86_400_000_000
TRAINER = Actor(id="dagster", kind="service")


def metering(
    cost: float = 1.0, *, currency: str = "EUR", device: str = "cpu", seconds: float = 10.0, epochs: int = 10, resumed: int = 0
) -> Metering:
    return Metering(
        device=device,
        precision="float32",
        seconds=seconds,
        peak_memory_bytes=1,
        epochs=epochs,
        resumed_from_epoch=resumed,
        cost=cost,
        currency=currency,
    )


def started(run: str, *, cost: float = 1.0, at_us: int = 0, name: str = "credit") -> Event:
    body = TrainingStarted(dataset_digest=DATASET, options={}, seed=7, device="cpu", estimated_cost=cost, decision_ids=(), training_id=run)
    return Event.happened(body, subject=Subject(kind="model", name=name), actor=TRAINER, environment="local", at_us=at_us)


def trained(run: str, metered: Metering, *, at_us: int = 0, run_id: str | None = None) -> Event:
    body = ModelTrained(
        dataset_digest=DATASET,
        model_digest=MODEL,
        signature_digest=MODEL,
        signature_key="key",
        declared=declared(),
        training_id=run,
        code_commit="unversioned",
        code_author="",
        code_author_basis="claim",
        metering=metered,
        validation={},
        baseline_name="gradient boosting",
        baseline_digest=MODEL,
    )
    subject = Subject(kind="model", name="credit", version=1, digest=MODEL)
    return Event.happened(body, subject=subject, actor=TRAINER, environment="local", at_us=at_us, run_id=run_id)


def failed(run: str, metered: Metering | None, *, at_us: int = 0) -> Event:
    body = TrainingFailed(dataset_digest=DATASET, training_id=run, reason="it was interrupted", last_epoch=3, metering=metered)
    return Event.happened(body, subject=Subject(kind="model", name="credit"), actor=TRAINER, environment="local", at_us=at_us)
