"""A home with a version that was taken out, whose decisions are asked again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lifecycle.life.gates import standing
from lifecycle.life.keeping.dataset_rows import dataset_rows
from lifecycle.life.recall import Recall, recall_version
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.prediction import PredictedOutput
from lifecycle.serving.prediction_log.writing import PredictionWriter
from tests.scenarios.homes import copy_of_home_at_the_gate
from tests.serving.prediction_log.rows import row
from tests.serving.sealed_log import SealedLog

GOOD, BAD = PredictedOutput(probability=0.0, decision="good").as_json(), PredictedOutput(probability=1.0, decision="bad").as_json()


class RecalledHome:
    """credit:1 was taken out, and told callers what the tests say; what serves now has the same bytes, so that its answers are known."""

    def __init__(self, folder: Path) -> None:
        self.departments, _ = copy_of_home_at_the_gate(folder)
        self.home = self.departments.settings.home
        body = standing.body_of(standing.trained(self.departments, "credit", 1), ModelTrained)
        frame = dataset_rows(self.departments, body.dataset_digest)
        data = self.departments.model("credit").data
        kept = frame[[*data.numbers, *data.categories]].dropna().head(12)
        self.values: list[dict[str, Any]] = [
            {str(name): of if isinstance(of, str) else float(of) for name, of in one.items()} for one in kept.to_dict("records")
        ]

    @property
    def log(self) -> Path:
        return self.departments.folder("gateway", 0o700) / "predictions"

    def tell(
        self, number: int, output: dict[str, Any], *, values: dict[str, Any] | None = None, log: Path | None = None, **changed: Any
    ) -> None:
        """One answer of credit:1 in a segment of its own, which is over."""
        writer = PredictionWriter(log or self.log, 0)
        said = {
            "request_id": f"request-{number}",
            "values": self.values[number] if values is None else values,
            "subject": f"caller-{number}",
        }
        writer.append("credit", [row(number, id=f"p{number}", output=output, **changed)], [said])
        writer.close()

    def seal(self, home: Path | None = None) -> None:
        sealed = SealedLog(home or self.home, segments=0)
        sealed.seal()
        for event in sealed.events:
            self.departments.ledger.append(event)

    def recall(self, **told: Any) -> Recall:
        return recall_version(self.departments, "credit", 1, **told)
