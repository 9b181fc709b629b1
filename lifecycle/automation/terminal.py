"""What a run prints where a person watches it: the words of its steps, and of what failed only what nobody has said yet."""

from __future__ import annotations

import logging

import dagster as dg
from dagster import DagsterEvent, DagsterEventType, InitLoggerContext


@dg.logger(
    config_schema={"log_level": dg.Field(str, is_required=False, default_value="INFO")}, description="Plain lines on standard error."
)
def terminal(context: InitLoggerContext) -> logging.Logger:
    """Dagster's own console logger prints forty lines of stack for every refusal; the event log keeps those."""
    printed = logging.getLogger("lifecycle.run")
    printed.setLevel(context.logger_config["log_level"])
    printed.propagate = False
    handler = logging.StreamHandler()
    handler.setFormatter(_Plain())
    handler.addFilter(_unsaid)
    # Not added: a process may run several jobs, and each line is to be printed once.
    printed.handlers = [handler]
    return printed


class _Plain(logging.Formatter):
    """`credit/candidate: epoch 3/30 …`; a failure that is nobody's refusal, but a bug, with its stack."""

    def format(self, record: logging.LogRecord) -> str:
        told = getattr(record, "dagster_meta", {})
        if told.get("dagster_event") is not None and record.levelno >= logging.ERROR:
            return super().format(record)
        step = (told.get("step_key") or "").replace("__", "/")
        said = str(told.get("orig_message", record.getMessage()))
        return f"{step}: {said}" if step else said


def _unsaid(record: logging.LogRecord) -> bool:
    """False for what the command that started the run says itself: why a step of ours failed, and that the run did."""
    event: DagsterEvent | None = getattr(record, "dagster_meta", {}).get("dagster_event")
    if event is None:
        # Dagster's own line for each step that comes after a failed one.
        return not record.getMessage().rpartition(" - ")[2].startswith("Dependencies for step")
    if event.event_type == DagsterEventType.RUN_FAILURE:
        return False
    return not (event.is_step_failure and event.step_failure_data.user_failure_data is not None)
