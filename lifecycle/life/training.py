"""The candidate step: may these data be used, may this be spent; then train, pack and sign."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lifecycle.declaration import GovernedModel
from lifecycle.errors import LifecycleError
from lifecycle.life.gates import judging, showing
from lifecycle.life.gates.asking import ask, require_allowed
from lifecycle.life.keeping.dataset_rows import dataset_rows
from lifecycle.life.recording import Step, code_author, code_commit, links, record_once
from lifecycle.records.bodies.training import ModelTrained, TrainingFailed, TrainingStarted
from lifecycle.records.events import Event, Recorded, Subject
from lifecycle.records.identity import now_us
from lifecycle.records.record import Digest
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.training.run import TrainingResult

Report = Callable[[str], None]


def train_candidate(
    departments: Departments, model: GovernedModel, dataset: Recorded, step: Step, *, report: Report, seed: int | None = None
) -> Recorded:
    """Trains one candidate on a dataset version; returns its ModelTrained.

    What was killed goes on from its last checkpoint when the same is asked for again, by whichever run. Raises Refused
    where a gate says no, TrainingFailure where training fails: its TrainingFailed is recorded, its checkpoints stand.
    """
    from lifecycle.training.device import choose_device

    done = departments.ledger.find(step.event_id("trained"))
    if done is not None:
        return done
    digest = dataset.event.subject.digest
    assert digest is not None  # a DatasetIngested is written with one
    subject = judging.dataset_subject(departments, model, digest, step)
    access = ask(
        departments,
        judging.gate_input(departments, model, "data_access", showing.data_access_evidence(model, dataset), step, subject=subject),
        step,
    )
    require_allowed(access, f"The use of the data for {model.name}")
    device = choose_device(model.training.device)
    budget_shown = showing.budget_evidence(departments, model, device, step)
    budget = ask(departments, judging.gate_input(departments, model, "training_budget", budget_shown, step, subject=subject), step)
    require_allowed(budget, f"The training of {model.name}")
    started = TrainingStarted(
        dataset_digest=digest,
        options=model.training.options,
        seed=model.training.seed if seed is None else seed,
        device=device,
        training_id=step.run_id,
        estimated_cost=budget_shown.estimated_cost,
        decision_ids=(access.id, budget.id),
    )
    record_once(departments, _event(departments, model, started, step, "started"))
    return _train(departments, model, started, step, report)


def _train(departments: Departments, model: GovernedModel, started: TrainingStarted, step: Step, report: Report) -> Recorded:
    from lifecycle.data.contracts import number_bounds
    from lifecycle.training.request import TrainingRequest
    from lifecycle.training.run import train

    request = TrainingRequest(
        training_id=step.run_id,
        frame=dataset_rows(departments, started.dataset_digest),
        spec=model.data,
        options=started.options,
        seed=started.seed,
        epochs=model.training.epochs,
        device=started.device,
        deterministic=model.training.deterministic,
        function=model.training.function,
        dataset_digest=started.dataset_digest,
        code_commit=code_commit(departments),
        bounds=number_bounds(model.data.contract, model.data.numbers),
    )
    with _workshop(departments, request.identity, step) as folder:
        try:
            result = train(model.training.resolve(), request, folder, departments.prices, report)
        except LifecycleError as error:
            _record_failure(departments, model, started, step, error)
            raise
    return _record_trained(departments, model, started, step, result, request.code_commit)


def _record_trained(
    departments: Departments, model: GovernedModel, started: TrainingStarted, step: Step, result: TrainingResult, commit: str
) -> Recorded:
    """Packs and signs what was trained, and records it under the model's next version."""
    from lifecycle.artifacts.packages import pack
    from lifecycle.artifacts.signing import key_id, sign_package

    _, model_digest = pack(departments.artifacts, model=model.name, dataset_digest=started.dataset_digest, parts=result.parts)
    signature = sign_package(departments.artifacts, model_digest, departments.signing_key)
    baseline = departments.artifacts.put(json.dumps(result.baseline, sort_keys=True).encode())
    author = code_author(departments)
    body = ModelTrained(
        dataset_digest=started.dataset_digest,
        model_digest=model_digest,
        signature_digest=signature,
        signature_key=key_id(departments.signing_public_key),
        declared=model.declared(departments.people.members(model.team)),
        training_id=step.run_id,
        code_commit=commit,
        code_author=author,
        code_author_basis="claim" if author else "none",
        metering=result.metering,
        validation=result.validation,
        baseline_name=result.baseline_name,
        baseline_digest=baseline,
    )
    with departments.ledger.writing() as writer:
        event = step.happened(
            departments,
            body,
            Subject(kind="model", name=model.name, version=writer.next_version(model.name), digest=model_digest),
            event_id=step.event_id("trained"),
            inputs=links(dataset=started.dataset_digest),
            outputs=links(model=model_digest, signature=signature, baseline=baseline),
        )
        receipt = writer.append(event)
    return Recorded(index=receipt.index, event=event)


@contextmanager
def _workshop(departments: Departments, identity: Digest, step: Step) -> Iterator[Path]:
    """The folder of one training's checkpoints, by what decides its weights; gone once the model is packed.

    Two runs that ask for the same at once do not share it: the second gets a folder of its own.
    """
    root = departments.folder("training")
    shared = root / identity.removeprefix("sha256:")[:16]
    with (root / f"{shared.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder = shared
        except BlockingIOError:
            folder = root / step.run_id
        yield folder
        shutil.rmtree(folder, ignore_errors=True)


def _record_failure(departments: Departments, model: GovernedModel, started: TrainingStarted, step: Step, error: LifecycleError) -> None:
    from lifecycle.training.run import TrainingFailure

    failed = TrainingFailed(
        dataset_digest=started.dataset_digest,
        training_id=step.run_id,
        reason=error.what,
        last_epoch=error.last_epoch if isinstance(error, TrainingFailure) else 0,
        metering=error.metering if isinstance(error, TrainingFailure) else None,
    )
    # Every attempt has an end of its own: each of them is paid for.
    departments.ledger.append(_event(departments, model, failed, step, f"failed-{now_us()}"))


def _event(departments: Departments, model: GovernedModel, body: TrainingStarted | TrainingFailed, step: Step, part: str) -> Event:
    subject = Subject(kind="model", name=model.name)
    return step.happened(departments, body, subject, event_id=step.event_id(part), inputs=links(dataset=body.dataset_digest))
