"""Running a job of this project in this process, into the same Dagster home that the web pages show."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from lifecycle.errors import InvalidDeclaration, LifecycleError
from lifecycle.stages.stage import ATTENDED
from lifecycle.wiring import Departments

#: What a Dagster home holds where the project ships no deployments/local/dagster.yaml.
FALLBACK_INSTANCE = "telemetry:\n  enabled: false\n"


def dagster_home(departments: Departments) -> Path:
    """The Dagster home in ours, with the project's instance settings. Sets DAGSTER_HOME for this process and its children."""
    folder = departments.folder("dagster")
    shipped = departments.settings.project / "deployments" / "local" / "dagster.yaml"
    if shipped.is_file():
        shutil.copyfile(shipped, folder / "dagster.yaml")
    elif not (folder / "dagster.yaml").exists():
        (folder / "dagster.yaml").write_text(FALLBACK_INSTANCE, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


@contextmanager
def instance(departments: Departments) -> Iterator[dg.DagsterInstance]:
    dagster_home(departments)
    with dg.DagsterInstance.get() as opened:
        yield opened


def run_job(
    departments: Departments, definitions: dg.Definitions, name: str, *, config: Mapping[str, Any] | None = None, log_level: str = "INFO"
) -> dg.ExecuteInProcessResult:
    """Runs one job to its end, in this process. A failed step does not raise: `failure_of` tells what it said.

    `config` is by stage: {"deployment": {"digest": "sha256:…"}}.
    """
    try:
        job = definitions.resolve_job_def(name)
    except dg.DagsterInvariantViolationError as error:
        raise InvalidDeclaration(f"There is no job {name}.", "`dagster job list -w workspace.yaml` lists the jobs.") from error
    model = name.rpartition("_train_to_gate")[0] or name.rpartition("_")[0]
    run_config = {
        "ops": {f"{model}__{stage}": {"config": dict(settings)} for stage, settings in (config or {}).items()},
        "loggers": {"console": {"config": {"log_level": log_level}}},
    }
    with instance(departments) as opened:
        return job.execute_in_process(instance=opened, run_config=run_config, raise_on_error=False, tags={ATTENDED: "true"})


def failure_of(result: dg.ExecuteInProcessResult) -> tuple[str, dict[str, Any]]:
    """What the failed step said, and its metadata as plain values."""
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            metadata = data.user_failure_data.metadata if data.user_failure_data else {}
            said = data.user_failure_data.description if data.user_failure_data else None
            return said or _root_cause(data.error), {key: getattr(value, "value", value) for key, value in metadata.items()}
    return "it gave no reason", {}


def _root_cause(error: Any) -> str:
    """What an error of Dagster's wraps, in its own words."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else "it gave no reason"


class RunFailed(LifecycleError):
    """A run that ended without its result, with the words and the exit code of the step that failed."""

    def __init__(self, what: str, next_step: str, exit_code: int) -> None:
        super().__init__(what, next_step)
        self.exit_code = exit_code


def require_success(result: dg.ExecuteInProcessResult) -> None:
    """Raises RunFailed with the words of the step that failed."""
    if not result.success:
        said, metadata = failure_of(result)
        next_step = str(metadata.get("next", f"Look at run {result.run_id} in Dagster's pages (`lifecycle up`)."))
        raise RunFailed(said, next_step, int(metadata.get("exit code", LifecycleError.exit_code)))
