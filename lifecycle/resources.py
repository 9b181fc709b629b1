"""The Dagster resource through which every stage and sensor reaches the departments, and where runs run.

Thin over `wiring`: it adds what Dagster needs (configuration, one instance a run) and no behaviour.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from pydantic import PrivateAttr

from lifecycle.settings import Settings
from lifecycle.wiring import Departments


class LifecycleResource(dg.ConfigurableResource[Departments]):
    """The departments of this project. Settings come from LIFECYCLE_* variables, each of which can be set here instead."""

    project: str = ""
    home: str = ""
    environment: str = ""
    ledger_url: str = ""
    artifacts_url: str = ""
    opa_url: str = ""

    _departments: Departments | None = PrivateAttr(default=None)

    def departments(self) -> Departments:
        """The departments, made once for this instance of the resource."""
        if self._departments is None:
            self._departments = Departments(self._settings())
        return self._departments

    def _settings(self) -> Settings:
        given = {
            "LIFECYCLE_PROJECT": self.project,
            "LIFECYCLE_HOME": self.home,
            "LIFECYCLE_ENVIRONMENT": self.environment,
            "LIFECYCLE_LEDGER_URL": self.ledger_url,
            "LIFECYCLE_ARTIFACTS_URL": self.artifacts_url,
            "LIFECYCLE_OPA_URL": self.opa_url,
        }
        return Settings.from_environment({**os.environ, **{name: value for name, value in given.items() if value}})


@dataclass(frozen=True)
class RunsOn:
    """Where runs run: what `resources/<environment>.py` of a project exports as `runs_on`.

    `op_tags` are by stage ("dataset", "candidate", …): on a cluster they carry `dagster-k8s/config` with a GPU for the
    one stage that needs it.
    """

    resources: Mapping[str, Any]
    executor: dg.ExecutorDefinition
    op_tags: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: Dagster's concurrency pool of a stage. For a cluster only, whose run monitoring frees the slot of a run that died:
    #: on one machine a killed training would keep its slot, and the next one wait for it for ever.
    pools: Mapping[str, str] = field(default_factory=dict)
