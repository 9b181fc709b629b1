"""One machine: runs in one process, everything in LIFECYCLE_HOME."""

from __future__ import annotations

import dagster as dg

from lifecycle.resources import LifecycleResource, RunsOn

# One process a run: a chain of eight steps takes 5 s so, and 32 s with a process a step.
runs_on = RunsOn(resources={"lifecycle": LifecycleResource()}, executor=dg.in_process_executor)
