"""A life in the ledger, and a prediction of it to be explained."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from lifecycle.errors import UnknownName
from lifecycle.lineage.explaining import Asked, Chain, Placed, Store, Verifiers, explain
from lifecycle.lineage.explaining.chain import Found
from lifecycle.lineage.explanation import Explanation
from lifecycle.records.bodies.serving import PredictionsSealed, SealedVersion
from lifecycle.records.events import Subject
from lifecycle.records.identity import derived_id
from lifecycle.records.prediction import PredictedOutput, Prediction
from lifecycle.records.record import Digest
from tests.lineage import in_memory, lives

LATER_US = in_memory.START_US + 10**9
SEGMENT = "01700000000000000-0-1.jsonl"
#: The names of the artifacts that a prediction by version 1 rests on: their digests are those of their names.
ARTIFACTS = ("model 1", "signature 1", "bundle", "evidence 1", "report 1", "page 1", "dataset")


def life() -> in_memory.Ledger:
    """The whole life, with who approved enrolled before and the prediction's segment sealed after."""
    ledger = in_memory.Ledger()
    lives.enrolled(ledger)
    for one in lives.whole_life().recorded:
        ledger.recorded.append(one.model_copy(update={"index": len(ledger.recorded)}))
    sealed(ledger)
    return ledger


def sealed(ledger: in_memory.Ledger, **changed: Any) -> None:
    answered = {name: getattr(row(**changed), name) for name in ("version", "model_digest", "decision_id", "bundle_digest", "arm")}
    body = PredictionsSealed(
        segment=SEGMENT,
        stream=derived_id("stream"),
        number=1,
        rows=3,
        from_us=LATER_US,
        to_us=LATER_US,
        root=in_memory.digest("root"),
        versions=(SealedVersion(**answered, rows=3),),
    )
    ledger.add(body, Subject(kind="model", name="credit"), run_id=None, event_id="sealed-1")


def row(**changed: Any) -> Prediction:
    made = Prediction(
        id="prediction-1",
        at_us=LATER_US,
        model="credit",
        version=1,
        model_digest=in_memory.model_digest(1),
        decision_id="deployment-1",
        bundle_digest=in_memory.BUNDLE,
        arm="champion",
        epoch=1,
        latency_us=900,
        outcome="answered",
        output=PredictedOutput(probability=0.81, decision="good"),
        fallback_from=None,
        input_commitment=in_memory.digest("commitment"),
    )
    return made.model_copy(update=changed)


@dataclass
class Case:
    """One prediction and all that stands behind it, to be taken apart."""

    ledger: in_memory.Ledger = field(default_factory=life)
    row: Prediction = field(default_factory=row)
    asked: Asked = field(default_factory=lambda: Asked({"values": {"age": 41.0}}, fits=True))
    artifacts: dict[Digest, bytes] = field(default_factory=lambda: {in_memory.digest(name): name.encode() for name in ARTIFACTS})
    signature_fault: str = ""
    statement_fault: str = ""
    placed: Placed | None = None

    def explained(self) -> Explanation:
        shown = self.row.as_json() | {"request_id": None, "values": None}
        return explain(
            self.row,
            self.asked,
            self.placed or self.sealed(),
            Chain.read(self.ledger, "credit"),
            Store(self.artifacts.__contains__, self.read),
            Verifiers(lambda model, signature: self.signature_fault, lambda envelope, key: self.statement_fault),
            shown,
        )

    def without(self, *event_ids: str) -> Case:
        """The same where these events never were."""
        kept = [one for one in self.ledger.recorded if one.event.id not in event_ids]
        assert len(kept) == len(self.ledger.recorded) - len(event_ids)
        return replace(self, ledger=in_memory.Ledger(kept))

    def missing(self) -> list[str]:
        return [step.edge for step in self.explained().missing]

    def sealed(self) -> Placed:
        found = [one for one in self.ledger.recorded if isinstance(one.event.body, PredictionsSealed)]
        if not found:
            return Placed(SEGMENT, 1, 0, None, unsealed="the ledger does not have the seal of its segment")
        body = found[0].event.body
        assert isinstance(body, PredictionsSealed)
        return Placed(SEGMENT, 1, 2, Found(found[0].index, found[0].event, body))

    def read(self, digest: Digest) -> bytes:
        if digest not in self.artifacts:
            raise UnknownName("No such artifact.", "Look elsewhere.")
        return self.artifacts[digest]
