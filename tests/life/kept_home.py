"""A home in which something is kept of somebody, wherever anything can be."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.life.ingestion import ingest_dataset
from lifecycle.life.people.enrolment import enrol
from lifecycle.life.recording import Step
from lifecycle.records.events import Recorded
from lifecycle.records.identity import new_id
from lifecycle.serving.prediction_log.writing import PredictionWriter
from lifecycle.wiring import Departments
from tests.data.rows import loans, written
from tests.scenarios.homes import departments_at

#: A person of the registry, and somebody whom data and predictions are about. Each value occurs nowhere else.
PERSON, NAME, ADDRESS = "ann", "Ann Quillfeather-Ahornblatt", "ann.quill@example.org"
SUBJECT, OTHER = "customer-5f1c9e77d0", "customer-0000000001"
INCOME = 31415.926535
TOWN = "Quillfeather-upon-Maple"


class KeptHome:
    """Two dataset versions, predictions of two callers, an enrolled person, all signed."""

    def __init__(self, folder: Path) -> None:
        self.sources = folder / "sources"
        self.sources.mkdir(parents=True)
        self.home = folder / "home"
        self.departments: Departments = departments_at(self.home)
        enrol(self.departments, PERSON, roles=("risk",), display_name=NAME, git_emails=(ADDRESS,))
        enrol(self.departments, "bo", display_name="Bo Other")
        self.first = self.ingest(self.frame(360).head(300), "first")
        self.second = self.ingest(self.frame(360), "second")
        self.writer = PredictionWriter(self.departments.folder("gateway", 0o700) / "predictions", 0)
        self.asked = [self.predict(OTHER), self.predict(SUBJECT), self.predict(OTHER), self.predict(SUBJECT)]
        self.sign()

    def frame(self, rows: int) -> pd.DataFrame:
        """Rows of which three are about SUBJECT; one of them has values of its own."""
        frame = loans(rows=rows).assign(customer=[f"customer-{number:010d}" for number in range(rows)])
        frame.loc[[4, 17, 200], "customer"] = SUBJECT
        frame.loc[17, "income"] = INCOME
        frame.loc[17, "town"] = TOWN
        return frame

    def ingest(self, frame: pd.DataFrame, run_id: str) -> Recorded:
        """A dataset version of the credit model."""
        folder = self.sources / run_id
        folder.mkdir(exist_ok=True)
        model = self.departments.model("credit").model_copy(update={"data": written(frame, folder, subject="customer")})
        return ingest_dataset(self.departments, model, Step(run_id=run_id))

    def predict(self, subject: str, request_id: str | None = None) -> str:
        """A row of the prediction log and what was asked beside it; the id of the prediction."""
        prediction = new_id()
        row: dict[str, Any] = {
            "schema_version": "lifecycle.prediction/1",
            "id": prediction,
            "at_us": 1_795_446_482_596_333,
            "model": "credit",
            "version": None,
            "model_digest": None,
            "decision_id": None,
            "bundle_digest": None,
            "arm": "referral",
            "epoch": 1,
            "latency_us": 63,
            "outcome": "referred",
            "output": {"probability": None, "decision": "refer"},
            "fallback_from": None,
        }
        values = {"income": INCOME if subject == SUBJECT else 1.0, "town": TOWN if subject == SUBJECT else "north"}
        said = {"request_id": request_id or prediction, "values": values, "subject": subject}
        self.writer.append("credit", [row], [said])
        return prediction

    def sign(self) -> str:
        """In this process, which is quicker than the signer's own."""
        _ = self.departments.ledger_key, self.departments.ledger
        settings = self.departments.settings
        return sign_ledger(settings.ledger_url, self.home / "keys" / "ledger.key", settings.origin)

    def stored(self) -> list[bytes]:
        """The bytes of every leaf."""
        ledger = self.departments.ledger
        return [ledger.stored(index) for index in range(ledger.head().size)]

    def rows(self) -> bytes:
        """The rows of the prediction log, as they lie on the disk."""
        return b"".join(path.read_bytes() for path in sorted((self.home / "gateway" / "predictions").rglob("rows/*")))

    def found(self, *traces: str | float) -> list[str]:
        """The files of the home that have a trace: in their bytes, or in what their Parquet decodes to."""
        return [f"{path.relative_to(self.home)}: {trace}" for path in self.files() for trace in traces if _holds(path, trace)]

    def files(self) -> Iterator[Path]:
        return (path for path in sorted(self.home.rglob("*")) if path.is_file())


def _holds(path: Path, trace: str | float) -> bool:
    content = path.read_bytes()
    if json.dumps(trace).strip('"').encode() in content:
        return True
    if not content.startswith(b"PAR1"):
        return False
    frame = pd.read_parquet(io.BytesIO(content))
    return any(bool((frame[name] == trace).any()) for name in frame.columns)
