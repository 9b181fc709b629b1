"""What a controller knows besides what serves: which orders it took up, how they ended, what was rolled back. Kept in its journal.

What serves stands at the cluster. It is noted here as well, for who asks while no controller runs.
"""

from __future__ import annotations

from typing import Any

from lifecycle.records.bodies.serving import RolledBack
from lifecycle.records.record import Id
from lifecycle.serving.rollouts.journal import Journal
from lifecycle.serving.rollouts.state import FinishedRollout, ModelState, RolloutState, ServedVersion
from lifecycle.serving.targets.contract import Placement, TargetVersion


class Register:
    """The journal of a controller, in its words."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    @property
    def models(self) -> tuple[ModelState, ...]:
        return self._journal.state.models

    def find(self, model: str) -> ModelState | None:
        return self._journal.state.model(model)

    def model(self, model: str) -> ModelState:
        """What is known of a model; a new one, where nothing is."""
        return self.find(model) or ModelState(model=model, slot=max((state.slot for state in self.models), default=-1) + 1)

    def rolling(self, rollout_id: Id) -> ModelState | None:
        """The model that this rollout is under way on."""
        return self._journal.state.rolling(rollout_id)

    def finished(self, rollout_id: Id) -> FinishedRollout | None:
        return self._journal.state.ended(rollout_id)

    def rolled_back(self, rollback_id: Id) -> RolledBack | None:
        return self._journal.state.went_back(rollback_id)

    def take_up(self, model: str, rollout: RolloutState) -> None:
        """Notes a rollout that begins. Raises Unavailable where the disk does not take it."""
        self._journal.commit(self._journal.state.with_model(self.model(model).model_copy(update={"rollout": rollout})))

    def note(self, model: str, serving: Placement, finished: FinishedRollout | None = None) -> None:
        """Notes what serves, and how the rollout ended that has. It is in force: what the disk does not take now is written later."""
        update: dict[str, Any] = {
            "champion": None if serving.champion is None else served(serving.champion),
            "standby": tuple(served(kept) for kept in serving.standby),
        }
        whole = self._journal.state
        if finished is not None:
            update["rollout"] = None
            whole = whole.with_finished(finished)
        self._journal.commit(whole.with_model(self.model(model).model_copy(update=update)), in_force=True)


def served(version: TargetVersion) -> ServedVersion:
    """In the words of the journal; a cluster's versions have no cell."""
    return ServedVersion(version=version.version, digest=version.digest, cell=0)


def plain(version: ServedVersion) -> TargetVersion:
    """In the words of targets."""
    return TargetVersion(version=version.version, digest=version.digest)
