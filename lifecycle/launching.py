"""Running a job of this project in this process, into the same Dagster home that the web pages show."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from lifecycle.errors import InvalidDeclaration, LifecycleError, Unavailable
from lifecycle.stages.stage import ATTENDED
from lifecycle.wiring import Departments

#: What a Dagster home holds where the project ships no deployments/local/dagster.yaml.
FALLBACK_INSTANCE = "telemetry:\n  enabled: false\n"


def dagster_home(departments: Departments) -> Path:
    """The Dagster home in ours. Sets DAGSTER_HOME for this process and its children.

    Where it has no dagster.yaml yet it gets the project's; one that is there is somebody's and never overwritten.
    """
    folder = departments.folder("dagster")
    shipped = departments.settings.project / "deployments" / "local" / "dagster.yaml"
    if not (folder / "dagster.yaml").exists():
        _lay_down(folder / "dagster.yaml", shipped.read_bytes() if shipped.is_file() else FALLBACK_INSTANCE.encode())
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def _lay_down(file: Path, content: bytes) -> None:
    """Makes a file that appears whole or not at all. Raises Unavailable where it can't be written."""
    beside = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        beside.write_bytes(content)
        beside.replace(file)
    except OSError as error:
        raise Unavailable(f"{file} can't be written: {error.strerror}.", "Give yourself write access to the home.") from error


@contextmanager
def instance(departments: Departments) -> Iterator[dg.DagsterInstance]:
    with instance_at(dagster_home(departments)) as opened:
        yield opened


@contextmanager
def instance_at(folder: Path) -> Iterator[dg.DagsterInstance]:
    """The instance of a Dagster home that stands. Sets DAGSTER_HOME for this process and its children."""
    os.environ["DAGSTER_HOME"] = str(folder.resolve())
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
