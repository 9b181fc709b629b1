"""What pods log, where they have no processes: rows and labels in a home of each one's own, as a gateway's worker writes them."""

from __future__ import annotations

from pathlib import Path

from lifecycle.records.identity import new_id, now_us
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.prediction_log.writing import PredictionWriter
from tests.serving.prediction_log.rows import asked, row
from tests.serving.sealed_log import MODEL

#: What is true of everybody, and what those versions say that are contrary.
TRUTH, UNTRUE = "bad", "good"


class PodLogs:
    """The homes of all pods, each with the log that it writes for as long as it lives."""

    def __init__(self, homes: Path) -> None:
        self.homes = homes
        #: Versions that decide wrongly.
        self.contrary: set[str] = set()
        self._writers: dict[str, PredictionWriter] = {}

    def begin(self, pod: str) -> None:
        """A pod is there, and has a home."""
        folder = GatewayFolder(self.homes / pod / "gateway")
        folder.make()
        self._writers[pod] = PredictionWriter(folder.predictions, 0)

    def end(self, pod: str) -> None:
        """It is killed: its home stays as it is."""
        writer = self._writers.pop(pod, None)
        if writer is not None:
            writer.close()

    def answered(self, pod: str, version: str) -> None:
        """It has answered somebody, and the label goes to whichever pod was there first."""
        prediction, decision = new_id(), UNTRUE if version in self.contrary else TRUTH
        output = {"probability": 0.5, "decision": decision}
        made = row(1, id=prediction, at_us=now_us(), version=int(version), output=output)
        self._writers[pod].append(MODEL, [made], [asked(income=1.0)])
        next(iter(self._writers.values())).label(MODEL, prediction, TRUTH, now_us())
