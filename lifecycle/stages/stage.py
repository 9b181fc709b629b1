"""What every stage shares: its key, group, owners and tags; its run as a Step; errors as Dagster failures."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from lifecycle.declaration import GovernedModel
from lifecycle.errors import LifecycleError, Refused, Unavailable
from lifecycle.life.gates import standing
from lifecycle.life.reconciling.runs_seen import RESUMED
from lifecycle.life.recording import Step
from lifecycle.resources import RunsOn
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    StageResult = dg.MaterializeResult[Any]
else:
    # Dagster knows the class in an annotation, but not one of its specialisations.
    StageResult = dg.MaterializeResult

#: For what was unavailable for a moment. A denial is never retried: `failures` says which is which.
PATIENCE = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)
#: Tags a run that somebody waits for: they hear of what is unavailable at once, and try again themselves.
ATTENDED = "lifecycle/attended"


class VersionConfig(dg.Config):
    """Which version a stage is about. Nothing means "latest": outside a training run the digest must be given."""

    digest: str = ""
    #: Which version of these bytes, where several have the same.
    version: int = 0


def stage_key(model: GovernedModel, stage: str) -> dg.AssetKey:
    return dg.AssetKey([model.name, stage])


def stage_asset(
    model: GovernedModel,
    stage: str,
    kinds: set[str],
    runs_on: RunsOn,
    *,
    after: tuple[str, ...] = (),
    description: str,
    checks: tuple[dg.AssetCheckSpec, ...] = (),
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`@dg.asset` with what every stage of a model has in common; `after` names the stages that it reads."""
    return dg.asset(
        name=stage,
        key_prefix=model.name,
        group_name=model.name,
        kinds=kinds,
        owners=[f"team:{model.team}"],
        tags={"lifecycle/model": model.name, "lifecycle/stage": stage, "lifecycle/risk_tier": model.risk_tier},
        op_tags=dict(runs_on.op_tags.get(stage, {})),
        code_version=code_version(model),
        deps=[stage_key(model, before) for before in after],
        description=description,
        check_specs=list(checks),
        pool=runs_on.pools.get(stage),
        retry_policy=PATIENCE,
    )


def code_version(model: GovernedModel) -> str:
    """The digest of the source files beside the model's training function, wherever Python finds them: what a change of code is."""
    module = importlib.util.find_spec(model.training.function.partition(":")[0])
    assert module is not None  # a declaration whose function is nowhere is refused
    assert module.origin is not None
    content = hashlib.sha256()
    for path in sorted(Path(module.origin).parent.glob("*.py")):
        content.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return content.hexdigest()[:16]


def step_of(context: dg.AssetExecutionContext) -> Step:
    """This run as a Step. A run that resumes a failed one is the same step as the run that it resumes."""
    run = context.run
    resumed = run.tags.get(RESUMED) == "true" and run.root_run_id
    return Step(run_id=str(run.root_run_id) if resumed else run.run_id)


def version_in_question(departments: Departments, model: GovernedModel, config: VersionConfig, step: Step) -> int:
    """The version that the config names by digest, or the one that this very run has trained."""
    if config.digest and config.version:
        if standing.trained(departments, model.name, config.version).event.subject.digest != config.digest:
            raise dg.Failure(
                f"{model.name}:{config.version} does not have the digest {config.digest}.",
                metadata={"next": "Take digest and version from the same line of `lifecycle status --json`."},
                allow_retries=False,
            )
        return config.version
    if config.digest:
        return standing.version_of_digest(departments, model.name, config.digest)
    for recorded in departments.ledger.events(types=("ModelTrained",), name=model.name, run_id=step.run_id, newest_first=True, limit=1):
        if recorded.event.subject.version is not None:
            return recorded.event.subject.version
    raise dg.Failure(
        f"This run trained no version of {model.name}, and its config names none.",
        metadata={"next": f"Launch it with the config `digest: sha256:…` of a version, or launch {model.name}_train_to_gate."},
        allow_retries=False,
    )


@contextmanager
def failures(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Turns an error of ours into a Dagster failure that says what to do next. Only what was unavailable is retried."""
    try:
        yield
    except LifecycleError as error:
        shown: dict[str, Any] = {"what happened": error.what, "next": error.next_step, "exit code": error.exit_code}
        if isinstance(error, Refused) and error.rules:
            shown["rules"] = ", ".join(error.rules)
        retried = isinstance(error, Unavailable) and context.run.tags.get(ATTENDED) != "true"
        raise dg.Failure(error.what, metadata=shown, allow_retries=retried) from error
