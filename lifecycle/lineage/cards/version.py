"""What the ledger and the artifact store hold of one version, gathered for a card."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from lifecycle.errors import UnknownName
from lifecycle.lineage.ports import Artifacts
from lifecycle.lineage.states import states_of
from lifecycle.records.bodies.data import DatasetIngested
from lifecycle.records.bodies.decisions import ApprovalGiven, ApprovalRefused, DecisionMade
from lifecycle.records.bodies.training import ModelEvaluated, ModelTrained
from lifecycle.records.events import Event, Recorded
from lifecycle.records.evidence import Evidence
from lifecycle.records.gates import DataAccessEvidence, PromotionEvidence
from lifecycle.records.manifest import ModelManifest, ModelSchemas, Part, TrainingRecipe
from lifecycle.records.record import Digest
from lifecycle.records.states import State

BodyT = TypeVar("BodyT")
#: The parts of a package that say what it is.
_DESCRIBED: tuple[Part, ...] = ("schemas", "training")


@dataclass(frozen=True)
class Told(Generic[BodyT]):
    """A body, and the record that it stands in."""

    index: int
    event: Event
    body: BodyT


@dataclass(frozen=True)
class VersionRecords:
    """One version, by its records. None and empty where the ledger or the store holds nothing."""

    model: str
    version: int
    digest: Digest
    trained: Told[ModelTrained]
    ingested: Told[DatasetIngested] | None
    #: The newest evaluation.
    evaluated: Told[ModelEvaluated] | None
    evidence: Evidence | None
    schemas: ModelSchemas | None
    recipe: TrainingRecipe | None
    #: On the version, on its data and on its training, in ledger order.
    decisions: tuple[Told[DecisionMade], ...]
    approvals: tuple[Told[ApprovalGiven | ApprovalRefused], ...]
    #: Everything that was read, in ledger order.
    recorded: tuple[Recorded, ...]

    @property
    def name(self) -> str:
        return f"{self.model}:{self.version}"

    def states(self) -> dict[str, State]:
        """The state in each environment in which something happened to the version."""
        return states_of(self.recorded, self.model, self.version)

    def allowed_purposes(self) -> tuple[str, ...]:
        """What the data may be used for, as it was shown to the gate that allowed it."""
        shown = [told.body.decision.input.evidence for told in self.decisions]
        return next((one.purposes for one in reversed(shown) if isinstance(one, DataAccessEvidence)), ())

    def judgement(self) -> Told[DecisionMade] | None:
        """The newest decision of a gate that judged the version itself, for promotion or deployment."""
        made = [told for told in self.decisions if told.body.decision.gate in ("promotion", "deployment")]
        return made[-1] if made else None


def gather(recorded: Iterable[Recorded], artifacts: Artifacts | None, model: str, version: int) -> VersionRecords:
    """What these records (of `selection.events_behind`, or more) and the store say of a version.

    Raises UnknownName where no training of it is among them, Tampered where an artifact is not what its digest says.
    """
    records = tuple(recorded)
    own = [one for one in records if one.event.subject.name == model and one.event.subject.version in (None, version)]
    about = [one for one in own if one.event.subject.version == version]
    trained = _newest(ModelTrained, about)
    if trained is None:
        raise UnknownName(f"The ledger knows no {model}:{version}.", "`lifecycle status` lists the versions that there are.")
    data = [one for one in own if one.event.subject.digest == trained.body.dataset_digest and one.index < trained.index]
    run = trained.event.run_id
    judged = [one for one in own if one.event.subject.version == version or one.event.run_id == run]
    decisions = tuple(told for one in judged for told in _told(DecisionMade, one))
    evaluated = _newest(ModelEvaluated, about)
    manifest = _artifact(artifacts, trained.body.model_digest)
    parts = {} if manifest is None else {file.part: file.digest for file in ModelManifest.parse(manifest).files}
    schemas, recipe = (_artifact(artifacts, parts.get(part)) for part in _DESCRIBED)
    return VersionRecords(
        model=model,
        version=version,
        digest=trained.body.model_digest,
        trained=trained,
        ingested=_newest(DatasetIngested, data),
        evaluated=evaluated,
        evidence=None if evaluated is None else _evidence(evaluated.body, decisions, artifacts),
        schemas=None if schemas is None else ModelSchemas.parse(schemas),
        recipe=None if recipe is None else TrainingRecipe.parse(recipe),
        decisions=decisions,
        approvals=tuple(
            Told[ApprovalGiven | ApprovalRefused](one.index, one.event, one.event.body)
            for one in about
            if isinstance(one.event.body, ApprovalGiven | ApprovalRefused)
        ),
        recorded=records,
    )


def gather_all(recorded: Iterable[Recorded]) -> Iterator[VersionRecords]:
    """Every version that was trained in these records, by the ledger alone. In one pass: there may be thousands."""
    by_version: dict[tuple[str, int], list[Recorded]] = defaultdict(list)
    by_run: dict[tuple[str, str], list[Recorded]] = defaultdict(list)
    ingested: dict[tuple[str, str], list[Recorded]] = defaultdict(list)
    for one in recorded:
        subject, run = one.event.subject, one.event.run_id
        if subject.version is not None:
            by_version[subject.name, subject.version].append(one)
        elif isinstance(one.event.body, DatasetIngested) and subject.digest is not None:
            ingested[subject.name, subject.digest].append(one)
        elif run is not None:
            by_run[subject.name, run].append(one)
    for (model, version), own in by_version.items():
        trained = _newest(ModelTrained, own)
        if trained is not None:
            data = ingested[model, trained.body.dataset_digest]
            before = data[: bisect_left(data, trained.index, key=_index)][-1:]
            same_run = by_run[model, trained.event.run_id or ""]
            yield gather(sorted((*own, *before, *same_run), key=_index), None, model, version)


def _evidence(evaluated: ModelEvaluated, decisions: tuple[Told[DecisionMade], ...], artifacts: Artifacts | None) -> Evidence | None:
    """The evidence document: a gate that was shown it holds it whole, so that only what was never judged needs the store."""
    for told in decisions:
        shown = told.body.decision.input.evidence
        if isinstance(shown, PromotionEvidence) and shown.evaluation_digest == evaluated.evidence_digest:
            return shown.evaluation
    content = _artifact(artifacts, evaluated.evidence_digest)
    return None if content is None else Evidence.parse(content)


def _artifact(artifacts: Artifacts | None, digest: Digest | None) -> bytes | None:
    """The bytes of an artifact, or None where the store has lost it: a card says so, and is still a card."""
    try:
        return None if artifacts is None or digest is None else artifacts.read(digest)
    except UnknownName:
        return None


def _newest(body: type[BodyT], recorded: list[Recorded]) -> Told[BodyT] | None:
    found = [told for one in recorded for told in _told(body, one)]
    return found[-1] if found else None


def _told(body: type[BodyT], one: Recorded) -> list[Told[BodyT]]:
    return [Told(one.index, one.event, one.event.body)] if isinstance(one.event.body, body) else []


def _index(one: Recorded) -> int:
    return one.index
