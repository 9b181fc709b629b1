"""Running the project's jobs in tests, on an instance of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from lifecycle.definitions import build_definitions
from lifecycle.resources import LifecycleResource, RunsOn
from lifecycle.wiring import Departments


def resource_of(departments: Departments) -> LifecycleResource:
    """The resource that comes to the same project and home."""
    return LifecycleResource(project=str(departments.settings.project), home=str(departments.settings.home))


def definitions_of(departments: Departments) -> dg.Definitions:
    runs_on = RunsOn(resources={"lifecycle": resource_of(departments)}, executor=dg.in_process_executor)
    return build_definitions(departments.models, runs_on)


def run(departments: Departments, job: str, config: Mapping[str, Any] | None = None, instance: dg.DagsterInstance | None = None) -> Any:
    """One run of a job; `config` is by op."""
    resolved = definitions_of(departments).resolve_job_def(job)
    run_config = {"ops": {op: {"config": dict(settings)} for op, settings in (config or {}).items()}, "loggers": QUIET}
    with dg.DagsterInstance.ephemeral() if instance is None else instance as opened:
        return resolved.execute_in_process(run_config=run_config, raise_on_error=False, instance=opened)


QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}
