"""How others talk to a running gateway: the deployment and rollback steps, and the command line."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

from lifecycle.errors import Unavailable
from lifecycle.records.bodies.serving import RolledBack, RunsCause, Trigger
from lifecycle.records.record import JsonObject
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.prediction_log.reading import PredictionLog
from lifecycle.serving.rollouts.rollback_asked import RollbackAsked
from lifecycle.serving.rollouts.status import GatewayStatus, RolloutStatus
from lifecycle.serving.rollouts.word import Word
from lifecycle.serving.wire import encode_request, error_from_json

#: Taking an order up copies and verifies a model, its signature included.
_PATIENCE_SECONDS = 120.0


class GatewayClient:
    """Talks to the gateway that runs on this folder. Every method raises Unavailable where none does."""

    def __init__(self, folder: Path) -> None:
        self._folder = GatewayFolder(folder)

    def status(self) -> GatewayStatus:
        """What serves now, and what each version answered."""
        return GatewayStatus.of(self._ask("status"))

    def order(self, order: RolloutOrder, package_folder: Path) -> None:
        """Gives the gateway a rollout to carry out; returns once it has taken the order and the files.

        The folder has `manifest.json`, the files that it lists, and the signature as `model.sig`. Sent again, the same
        order does nothing more. Raises Refused, Tampered or MalformedRecord where the order may not be carried out.
        """
        self._ask("order", order=order.as_json(), folder=str(package_folder.resolve()))

    def rollout(self, rollout_id: str) -> RolloutStatus:
        """How far a rollout is, or how it ended. Raises UnknownName."""
        return RolloutStatus.of(self._ask("rollout", rollout_id=rollout_id))

    def abort(self, rollout_id: str, reason: str, cause: RunsCause) -> RolloutStatus:
        """Ends a rollout for the run that ordered it, without judging its version; returns how it ended. Raises UnknownName."""
        return RolloutStatus.of(self._ask("abort", rollout_id=rollout_id, reason=reason, cause=cause))

    def conclude(self, word: Word) -> RolloutStatus:
        """Does with a rollout what a person says: ends it, or makes the version of an A/B test or of a shadow the champion.

        Returns how it ended; one that has ended already stays as it ended. Raises UnknownName; Refused for a promotion by a plan that
        promotes by itself, or before its last step has baked and answered enough; and like `ports.WordOfPeople`.
        """
        return RolloutStatus.of(self._ask("conclude", **word.as_json()))

    def rollback(
        self,
        model: str,
        *,
        to_version: int | None,
        trigger: Trigger,
        reason: str,
        rollback_id: str,
        decision_id: str | None = None,
        from_version: int | None = None,
    ) -> RolledBack:
        """Takes the canary out if there is one, else goes back from what serves; returns what was observed.

        The gateway records RollbackRequested and RolledBack. Asked again by the same id, it says the same and does nothing.
        Raises UnknownName, and Refused where there is nothing to take out or to go back to, or where that is by now
        another version than `from_version` or `to_version`.
        """
        asked = RollbackAsked(
            model=model,
            trigger=trigger,
            reason=reason,
            rollback_id=rollback_id,
            from_version=from_version,
            to_version=to_version,
            decision_id=decision_id,
        )
        return RolledBack.of(self._ask("rollback", **asked.as_json()))

    def stop(self) -> None:
        """Ends the gateway; returns once it has begun to end."""
        self._ask("stop")

    def holds_its_folder(self) -> bool:
        """Whether a gateway still has this folder, answering or not."""
        if not self._folder.path.exists():
            return False
        try:
            os.close(self._folder.take_lock())
        except Unavailable:
            return True
        return False

    @property
    def predictions(self) -> PredictionLog:
        """The prediction log; it can be read whether the gateway runs or not."""
        return PredictionLog(self._folder.predictions)

    def _ask(self, verb: str, **fields: Any) -> JsonObject:
        line = encode_request(verb, fields)
        try:
            said = json.loads(self._exchanged(line) or b"null")
        except (OSError, ValueError) as error:
            raise Unavailable(f"The gateway on {self._folder.path} does not answer.", "Start it: `lifecycle gateway start`.") from error
        if not isinstance(said, dict):
            raise Unavailable(f"The gateway on {self._folder.path} ended over the request.", "Start it again: `lifecycle gateway start`.")
        if "error" in said:
            raise error_from_json(said["error"])
        found: JsonObject = said["said"]
        return found

    def _exchanged(self, line: bytes) -> bytes:
        """What the gateway answers: over its socket, or, where it runs on another machine that shares the folder, by mail."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(_PATIENCE_SECONDS)
                connection.connect(str(self._folder.socket("admin")))
                connection.sendall(line)
                with connection.makefile("rb") as answer:
                    return answer.readline()
        except (FileNotFoundError, ConnectionRefusedError):
            if not self._folder.mailbox.exists():
                raise
            from lifecycle.serving.supervision.mailbox import ask_by_mail

            return ask_by_mail(self._folder.mailbox, line, _PATIENCE_SECONDS)
