"""A recall: what a version that was taken out told callers, asked again of the version that serves now.

The rows are those of this home's prediction log, a cluster's pods included, each held against what was sealed; the answers of now
are made by the signed bytes of the version that serves, of the values that were kept. What was erased, altered or is not here is
counted and never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

from lifecycle.errors import InvalidDeclaration, Refused, Tampered, Unavailable
from lifecycle.life.gates import standing
from lifecycle.life.recording import COMMAND_LINE, Step, links
from lifecycle.lineage.selection import ANSWERS, every_event
from lifecycle.records.bodies.recalls import DecisionsRecalled
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.counted import counted
from lifecycle.records.events import Event, Recorded
from lifecycle.records.identity import now_us
from lifecycle.records.prediction import PredictedOutput
from lifecycle.records.recall import DifferingDecision, RecallList
from lifecycle.records.record import Digest, Microseconds
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.evaluation.served import ServedModel
    from lifecycle.serving.prediction_log.told import Told

#: What became of a decision: what the version of now says of it, or why it can't be asked.
Finding = Literal["same", "differs", "erased", "altered", "not_taken"]
#: So many applications are answered at once.
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Recalled:
    """One decision of the version that was taken out. `now` is None where it could not be asked again."""

    told: Told
    finding: Finding
    now: PredictedOutput | None = None


@dataclass(frozen=True)
class Recall:
    """All of them in the order of their time, the list of those that differ, and the record that says so."""

    decisions: tuple[Recalled, ...]
    listed: RecallList
    recorded: Recorded

    @property
    def body(self) -> DecisionsRecalled:
        return standing.body_of(self.recorded, DecisionsRecalled)

    @property
    def differing(self) -> tuple[Recalled, ...]:
        """Those that would be another decision today."""
        return tuple(one for one in self.decisions if one.finding == "differs")

    def require_whole(self) -> None:
        """Raises Tampered where a row or what was asked is not what was sealed, Unavailable where rows lie elsewhere."""
        body = self.body
        if body.altered:
            raise Tampered(
                f"Of {counted(body.decisions, 'decision')}, {body.altered:,} are not as they were sealed, and were not asked again.",
                "`lifecycle ledger verify` names what was altered; restore it from its backup, and recall again.",
            )
        if body.unread:
            raise Unavailable(
                f"Of {self.recorded.event.subject}, {counted(body.unread, 'decision')} that were sealed are not in this home.",
                "Recall again where the gateway's log lies, or restore it: `lifecycle ledger verify` names what is missing.",
            )


def recall_version(
    departments: Departments, model: str, version: int, *, since_us: Microseconds | None = None, step: Step | None = None
) -> Recall:
    """Looks at every decision of a version again, and records what came of it, as done by the step or else at the command line.

    Raises UnknownName where there is no such version, InvalidDeclaration for a time to come, Refused where it serves, Tampered where the
    log has a line that is no row or the version of now is not what was signed.
    """
    from lifecycle.serving.prediction_log.segments import ModelLog
    from lifecycle.serving.prediction_log.told import ToldBy

    if since_us is not None and since_us > now_us():
        raise InvalidDeclaration(
            "Decisions of a time that is still to come can't be recalled.", "Give --since a time that is over, in UTC; without it, all are."
        )
    departments.require_ledger()
    subject = standing.trained(departments, model, version).event.subject
    state = standing.states(departments).get((model, version))
    if state in ("serving", "rolling_out"):
        raise Refused(
            f"{model}:{version} is {state.replace('_', ' ')} in {departments.environment}, so its decisions still stand.",
            f"Take it out first: `lifecycle rollback {model}`, or `lifecycle revoke {model}:{version}`.",
            ("STATE",),
        )
    now_version, now_digest, served = _serving(departments, model)
    logs = tuple(ModelLog(folder.predictions / model) for folder in departments.gateway_folders)
    told = ToldBy(logs, version, since_us or 0, _sealed(departments, model))
    found = sorted(_asked_again(told, served), key=lambda one: (one.told.row.at_us, one.told.row.id))
    listed = RecallList(
        model=model,
        version=version,
        digest=subject.digest,
        by_version=now_version,
        by_digest=now_digest,
        differing=tuple(_differing(found)),
    )
    body = DecisionsRecalled(
        since_us=since_us,
        by_version=now_version,
        by_digest=now_digest,
        decisions=len(found),
        rescored=sum(one.now is not None for one in found),
        differing=len(listed.differing),
        erased=_count(found, "erased"),
        altered=_count(found, "altered"),
        not_taken=_count(found, "not_taken"),
        unread=told.unread,
        list_digest=departments.artifacts.put(listed.canonical()),
    )
    event = Event.happened(
        body,
        subject=subject,
        actor=COMMAND_LINE if step is None else step.actor,
        environment=departments.environment,
        run_id=None if step is None else step.run_id,
        inputs=links(model=subject.digest, by=now_digest),
        outputs=links(recall=body.list_digest),
    )
    receipt = departments.ledger.append(event)
    return Recall(tuple(found), listed, Recorded(index=receipt.index, event=event))


def _serving(departments: Departments, model: str) -> tuple[int | None, Digest | None, ServedModel | None]:
    """The version that serves now, its signature and its bytes checked; all None where none does."""
    from lifecycle.artifacts.packages import read_parts
    from lifecycle.artifacts.signing import PUBLIC_NAME, verify_package
    from lifecycle.evaluation.served import ServedModel

    version = standing.serving_version(departments, model)
    if version is None:
        return None, None, None
    body = standing.body_of(standing.trained(departments, model, version), ModelTrained)
    public = departments.folder("keys", 0o700) / PUBLIC_NAME
    verify_package(departments.artifacts, body.model_digest, body.signature_digest, public)
    return version, body.model_digest, ServedModel(read_parts(departments.artifacts, body.model_digest))


def _sealed(departments: Departments, model: str) -> dict[str, list[PredictionsSealed]]:
    """The segments of a model that were sealed here, by name."""
    found: dict[str, list[PredictionsSealed]] = {}
    for one in every_event(departments.ledger, types=ANSWERS, name=model):
        if one.event.environment == departments.environment and isinstance(one.event.body, PredictionsSealed):
            found.setdefault(one.event.body.segment, []).append(one.event.body)
    return found


def _asked_again(told: Iterable[Told], served: ServedModel | None) -> Iterator[Recalled]:
    coming = iter(told)
    while batch := list(islice(coming, _BATCH)):
        askable = []
        for one in batch:
            if not one.intact or one.asked is None:
                yield Recalled(one, "erased" if one.intact else "altered")
            else:
                askable.append(one)
        yield from [Recalled(one, "not_taken") for one in askable] if served is None else _answered(askable, served)


def _answered(askable: Sequence[Told], served: ServedModel) -> Iterator[Recalled]:
    """What the version of now says of each. What it would refuse from a caller, it is not asked."""
    from lifecycle.features import FeatureRefused

    known = frozenset(column.name for column in served.schemas.inputs)
    by_columns: dict[frozenset[str], list[Told]] = {}
    for one in askable:
        by_columns.setdefault(frozenset(_values(one)), []).append(one)
    for columns, alike in by_columns.items():
        if not columns <= known:
            yield from (Recalled(one, "not_taken") for one in alike)
            continue
        try:
            yield from _scored(alike, columns, served)
        except FeatureRefused:
            # One of them is not taken, and which one is seen where each is asked alone.
            for one in alike:
                try:
                    yield from _scored([one], columns, served)
                except FeatureRefused:
                    yield Recalled(one, "not_taken")


def _scored(alike: Sequence[Told], columns: frozenset[str], served: ServedModel) -> list[Recalled]:
    rows = {name: [_values(one)[name] for one in alike] for name in columns}
    schemas, recalled = served.schemas, []
    for one, probability in zip(alike, served.probabilities(served.features(rows)).tolist(), strict=True):
        decision = schemas.positive if probability >= schemas.threshold else schemas.negative
        before = one.row.output
        same = before is not None and before.decision == decision
        recalled.append(Recalled(one, "same" if same else "differs", PredictedOutput(probability=probability, decision=decision)))
    return recalled


def _values(told: Told) -> dict[str, str | int | float | None]:
    assert told.asked is not None  # only what is kept is asked again
    values: dict[str, str | int | float | None] = told.asked["values"]
    return values


def _differing(found: Sequence[Recalled]) -> Iterator[DifferingDecision]:
    for one in found:
        row = one.told.row
        if one.finding == "differs" and one.now is not None and row.output is not None:
            yield DifferingDecision(prediction_id=row.id, at_us=row.at_us, told=row.output, now=one.now)


def _count(found: Sequence[Recalled], finding: Finding) -> int:
    return sum(one.finding == finding for one in found)
