"""Dagster's history held against the ledger: what it shows and the ledger lacks, and what it lacks.

The ledger is the truth. A run that Dagster has lost is told, because it may be pruned or wiped without touching any proof. What
Dagster shows and no record stands for is a contradiction: it was forged there, or the ledger has lost its end.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lifecycle.life.reconciling.reconciled import Contradiction, Told
from lifecycle.life.reconciling.runs_seen import RECORDING_JOBS, Checked, History, Materialized
from lifecycle.records.bodies.data import DatasetIngested
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.keeping import BodiesPruned, LedgerRestored
from lifecycle.records.bodies.recalls import DecisionsRecalled
from lifecycle.records.bodies.serving import MonitoringReported, RolledBack, RolloutCompleted
from lifecycle.records.bodies.training import ModelEvaluated, ModelTrained
from lifecycle.records.counted import counted
from lifecycle.records.events import Recorded
from lifecycle.records.record import Microseconds

#: Stages that may show what another run, or the gateway by itself, has recorded.
_SHOWN_BY_ANY_RUN = frozenset({"deployment", "rollback"})


@dataclass(frozen=True)
class Made:
    """A record that a stage shows in Dagster once it is done, and how it shows it."""

    index: int
    model: str
    stage: str
    run_id: str | None
    data_version: str | None
    checks: Mapping[str, bool] = field(default_factory=dict)


def made_by(recorded: Recorded) -> Made | None:
    """How a record shows in Dagster, by its stage; None for one that has no asset of its own."""
    event, body = recorded.event, recorded.event.body
    if isinstance(body, DatasetIngested):
        return _made(recorded, "dataset", event.subject.digest, {"contract": True, "leakage": not body.leaking_columns})
    if isinstance(body, ModelTrained):
        return _made(recorded, "candidate", body.model_digest)
    if isinstance(body, ModelEvaluated):
        return _made(recorded, "evaluation", body.evidence_digest)
    if isinstance(body, DecisionMade) and body.decision.gate == "promotion":
        return _made(recorded, "promotion", body.decision.id, {"gate": body.decision.allowed})
    if isinstance(body, RolloutCompleted):
        return _made(recorded, "deployment", event.subject.digest)
    if isinstance(body, MonitoringReported):
        holds = all(verdict.verdict != "breached" for verdict in body.verdicts)
        return _made(recorded, "monitoring", body.report_json_digest or event.id, {"guardrails": holds})
    if isinstance(body, DecisionsRecalled):
        return _made(recorded, "recall", body.list_digest, {"whole": body.whole})
    return _made(recorded, "rollback", body.rollback_id) if isinstance(body, RolledBack) else None


def _made(recorded: Recorded, stage: str, data_version: str | None, checks: Mapping[str, bool] | None = None) -> Made:
    event = recorded.event
    return Made(recorded.index, event.subject.name, stage, event.run_id, data_version, checks or {})


class RunReconciliation:
    """Fed with the ledger's events in order, then held against a history. `models` are the names whose assets are looked at."""

    def __init__(self, history: History, size: int, models: Iterable[str]) -> None:
        self._history = history
        self._size = size
        self._models = set(models)
        self._first_of = {run.run_id: run.first_run_id for run in history.runs}
        #: Also the runs that they resumed: what they recorded stands under those.
        self._succeeded = {name for run in history.runs if run.succeeded for name in (run.run_id, run.first_run_id)}
        self._by_run: Counter[str] = Counter()
        self._made: dict[int, Made] = {}
        self._shown_as: dict[tuple[str, str, str | None], list[Made]] = defaultdict(list)
        self._of_run: dict[tuple[str, str, str | None], list[Made]] = defaultdict(list)
        self._pruned_before_us: Microseconds = 0
        #: From when to when records may have been made that a restore has lost; those that nobody had signed it does not count.
        self._lost: list[tuple[Microseconds, Microseconds]] = []
        self._latest_us: Microseconds = 0

    def look_at(self, recorded: Recorded) -> None:
        event = recorded.event
        if event.subject.kind in ("model", "dataset"):
            self._models.add(event.subject.name)
        if event.run_id is not None:
            self._by_run[event.run_id] += 1
        if isinstance(event.body, BodiesPruned):
            self._pruned_before_us = max(self._pruned_before_us, event.body.before_us)
        if isinstance(event.body, LedgerRestored):
            self._lost.append((self._latest_us, event.occurred_at_us))
        self._latest_us = max(self._latest_us, event.occurred_at_us)
        made = made_by(recorded)
        if made is not None:
            self._made[made.index] = made
            self._shown_as[made.model, made.stage, made.data_version].append(made)
            self._of_run[made.model, made.stage, made.run_id].append(made)

    def contradictions(self) -> Iterator[Contradiction]:
        """What Dagster shows and the ledger does not say."""
        for reported in self._history.reported:
            if reported.kind != "wipe" and reported.asset.split("/")[0] in self._models:
                what = f"somebody reported {reported.asset} to Dagster ({reported.kind}), and no run did it"
                yield Contradiction("dagster", "runless", what, at_us=reported.at_us)
        for shown in self._history.materialized:
            wrong = self._wrong_with(shown) if shown.model in self._models else None
            if wrong is not None and not self._may_be_gone(shown.at_us):
                what = f"Dagster shows that run {shown.run_id} made {shown.asset}, and {wrong}"
                yield Contradiction("dagster", "unrecorded", what, run_id=shown.run_id, index=shown.ledger_index, at_us=shown.at_us)
        yield from (found for checked in self._history.checked for found in self._wrongly_checked(checked))
        yield from self._runs_without_records()

    def told(self) -> Iterator[Told]:
        """What Dagster lacks: pruned, wiped, deleted or made elsewhere. No proof hangs on it."""
        known = {name for run in self._history.runs for name in (run.run_id, run.first_run_id)}
        for run_id, count in self._by_run.items():
            if run_id not in known:
                records = counted(count, "record is", "records are")
                yield Told("dagster", f"{records} of run {run_id}, which this Dagster does not know: deleted, or run elsewhere")
        shown = {(one.model, one.stage, one.data_version) for one in self._history.materialized}
        for made in self._made.values():
            ended_well = made.run_id in self._succeeded and made.stage not in _SHOWN_BY_ANY_RUN
            if ended_well and (made.model, made.stage, made.data_version) not in shown:
                yield Told("dagster", f"record {made.index} has no materialization of {made.model}/{made.stage} in Dagster any more")
        for reported in self._history.reported:
            if reported.kind == "wipe":
                yield Told("dagster", f"somebody wiped {reported.asset} from Dagster", at_us=reported.at_us)
        unjudged = [one for one in self._history.materialized if self._may_be_gone(one.at_us) and self._wrong_with(one) is not None]
        for one in unjudged:
            why = "its record was lost with a restore or pruned, as the ledger itself says, or there never was one"
            yield Told("dagster", f"{one.asset} of run {one.run_id} stands unjudged: {why}", at_us=one.at_us)

    def _wrong_with(self, shown: Materialized) -> str | None:
        """What the ledger has against a materialization; None where a record stands for it."""
        if shown.ledger_index is not None and shown.ledger_index >= self._size:
            return f"names record {shown.ledger_index}; the ledger holds {self._size}: its end is gone, or this was forged"
        standing = self._shown_as.get((shown.model, shown.stage, shown.data_version), [])
        if not standing:
            return f"no record of the ledger says so (data version {shown.data_version or 'none'})"
        if shown.ledger_index is not None:
            standing = [made for made in standing if made.index == shown.ledger_index]
            if not standing:
                return f"names record {shown.ledger_index}, which says something else"
        if shown.stage not in _SHOWN_BY_ANY_RUN and not any(self._is_of(made, shown.run_id) for made in standing):
            return f"record {standing[0].index}, which says so, is of run {standing[0].run_id}"
        return None

    def _is_of(self, made: Made, run_id: str) -> bool:
        return made.run_id in (run_id, self._first_of.get(run_id))

    def _wrongly_checked(self, checked: Checked) -> Iterator[Contradiction]:
        if checked.model not in self._models or self._may_be_gone(checked.at_us):
            return
        runs = dict.fromkeys((checked.run_id, self._first_of.get(checked.run_id, checked.run_id)))
        of_run = [made for run_id in runs for made in self._of_run[checked.model, checked.stage, run_id]]
        said = [made for made in of_run if checked.check in made.checks]
        name = f"the check {checked.check} of {checked.model}/{checked.stage} by run {checked.run_id}"
        shows = f"Dagster shows {name} as {'passed' if checked.passed else 'failed'}"
        if not said:
            yield Contradiction(
                "dagster", "check", f"{shows}, and no record of the ledger says so", run_id=checked.run_id, at_us=checked.at_us
            )
        elif all(made.checks[checked.check] != checked.passed for made in said):
            what = f"{shows}, and record {said[-1].index} says the opposite"
            yield Contradiction("dagster", "check", what, run_id=checked.run_id, index=said[-1].index, at_us=checked.at_us)

    def _runs_without_records(self) -> Iterator[Contradiction]:
        shown = {one.run_id for one in self._history.materialized}
        for run in self._history.runs:
            model = next((run.job.removesuffix(suffix) for suffix in RECORDING_JOBS if run.job.endswith(suffix)), None)
            recorded = self._by_run[run.run_id] or self._by_run[run.first_run_id]
            # What it made is looked at by itself, and said once.
            said = recorded or run.run_id in shown or self._may_be_gone(run.created_us)
            if model in self._models and run.succeeded and not said:
                what = f"Dagster shows that run {run.run_id} of {run.job} succeeded, and the ledger holds nothing of it"
                yield Contradiction("dagster", "unrecorded_run", what, run_id=run.run_id, at_us=run.created_us)

    def _may_be_gone(self, at_us: Microseconds) -> bool:
        """Whether the ledger itself says that records of that time were pruned, or lost with a restore."""
        return at_us < self._pruned_before_us or any(since <= at_us <= until for since, until in self._lost)
