"""What an engine is: something that answers a gate's question with a JSON value, or fails loudly.

An engine knows nothing of rules or outcomes. What it answers is not believed before `recheck` has read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from lifecycle.errors import LifecycleError
from lifecycle.records.record import JsonObject

#: Larger or deeper questions are refused before an engine sees them: one engine gets slow, the other one may overflow.
LARGEST_QUESTION = 256 * 1024
DEEPEST_QUESTION = 64


class EngineFailure(LifecycleError):
    """An engine gave no answer. Becomes a denial with a SYS rule, and never an exception to whoever asks a gate."""

    exit_code = 5

    def __init__(self, what: str, next_step: str, rule: str = "SYS-001") -> None:
        super().__init__(what, next_step)
        self.rule = rule


@dataclass(frozen=True)
class Answer:
    """What an engine said, and what it calls that in a log of its own where it keeps one."""

    value: JsonValue
    logged_as: str | None = None


class Engine(Protocol):
    """Answers `gov.<gate>.decision`. Safe to ask from several threads at once."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def answer(self, gate: str, question: JsonObject) -> Answer:
        """The value of the gate's decision for this input. Raises EngineFailure for everything else."""
        ...


def question_text(question: JsonObject) -> str:
    """The question as ASCII JSON. Raises EngineFailure (SYS-004) where it is too large, too deep or not JSON."""
    import json

    if _depth(question) > DEEPEST_QUESTION:
        raise EngineFailure(f"The question is nested deeper than {DEEPEST_QUESTION} levels.", "Ask with less.", "SYS-004")
    try:
        text = json.dumps(question, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise EngineFailure(f"The question is not JSON: {error}.", "Ask with finite numbers and text.", "SYS-004") from error
    if len(text) > LARGEST_QUESTION:
        raise EngineFailure(f"The question has {len(text):,} bytes; {LARGEST_QUESTION:,} are allowed.", "Ask with less.", "SYS-004")
    return text


def _depth(value: JsonValue) -> int:
    """Levels of nesting, counted without recursion and no further than needed."""
    level: list[JsonValue] = [value]
    for depth in range(DEEPEST_QUESTION + 1):
        level = [
            part
            for container in level
            if isinstance(container, dict | list)
            for part in (container.values() if isinstance(container, dict) else container)
        ]
        if not level:
            return depth
    return DEEPEST_QUESTION + 1
