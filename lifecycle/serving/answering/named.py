"""The models that a worker serves, each by its name, with the versions that it holds of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from lifecycle.records.record import Digest
from lifecycle.serving.answering.canary_link import CanaryLink
from lifecycle.serving.answering.served import ServedModel
from lifecycle.serving.answering.tiers import AnswerCache, RowBudget


@dataclass
class ServedName:
    """One model as this worker holds it: its place in the shared memory, and the versions that are loaded."""

    name: str
    slot: int
    loaded: dict[int, ServedModel] = field(default_factory=dict)
    links: dict[int, CanaryLink] = field(default_factory=dict)
    #: What the plan of a version that serves asks to be kept: answers to give again, and rows that it may still answer.
    caches: dict[int, AnswerCache] = field(default_factory=dict)
    budgets: dict[int, RowBudget] = field(default_factory=dict)

    @property
    def digests(self) -> frozenset[Digest]:
        """Of all versions that are held."""
        return frozenset({held.digest for held in self.loaded.values()} | {link.digest for link in self.links.values()})

    @property
    def outcomes(self) -> frozenset[str]:
        """What the versions that are held decide between."""
        held: list[ServedModel | CanaryLink] = [*self.loaded.values(), *self.links.values()]
        return frozenset(outcome for one in held for outcome in (one.schemas.positive, one.schemas.negative))

    def take(self, served: ServedModel, workers: int) -> None:
        """Holds a version that is loaded, with what its plan asks for. Its rows per second are shared evenly by the workers."""
        version, allowance = served.version, served.allowance
        self.loaded[version] = served
        self.let_go_of_plan(version)
        if any(tier.kind == "cached" for tier in allowance.tiers):
            self.caches[version] = AnswerCache()
        if allowance.rows_per_second is not None:
            self.budgets[version] = RowBudget(allowance.rows_per_second / workers)

    def let_go(self, version: int) -> None:
        """Holds a version no more, nor anything that it said."""
        self.loaded.pop(version, None)
        self.let_go_of_plan(version)

    def let_go_of_plan(self, version: int) -> None:
        self.caches.pop(version, None)
        self.budgets.pop(version, None)
