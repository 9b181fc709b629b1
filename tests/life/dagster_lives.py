"""A small life of the credit model in a real Dagster instance, beside a ledger: stages that record and show, and train nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from lifecycle.history import read_history
from lifecycle.life.reconciling.reconciled import Contradiction, Told
from lifecycle.life.reconciling.reconciling_runs import RunReconciliation
from lifecycle.records import bodies
from lifecycle.records.events import Event, Recorded
from tests.records.samples.happenings import happenings
from tests.records.samples.parts import of

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
JOB = "credit_train_to_gate"
DATASET, PROMOTION = dg.AssetKey(["credit", "dataset"]), dg.AssetKey(["credit", "promotion"])


@dataclass
class Life:
    """The ledger (as its events) and the Dagster instance of one life."""

    instance: dg.DagsterInstance
    ledger: list[Recorded] = field(default_factory=list)

    def record(self, event: Event) -> Recorded:
        self.ledger.append(Recorded(index=len(self.ledger), event=event))
        return self.ledger[-1]

    def train(self) -> str:
        """One run of the job: it ingests the data and asks the gate. Returns its id."""
        return self._run(self._records_and_shows)

    def show_only(self) -> str:
        """A run that shows a dataset and a passed gate, and records nothing."""
        return self._run(lambda run_id: (_ingested(run_id, 3), _decided(run_id, 4)))

    def train_without_a_word(self) -> str:
        """A run of the job that succeeds, and neither records nor shows anything."""
        return self._run(None)

    def _records_and_shows(self, run_id: str) -> tuple[Recorded, Recorded]:
        return self.record(_ingested(run_id, 0).event), self.record(_decided(run_id, 0).event)

    def _run(self, shows: Callable[[str], tuple[Recorded, Recorded]] | None) -> str:
        result = _job(shows).execute_in_process(instance=self.instance, run_config=QUIET)
        return str(result.run_id)

    def reconciled(self, size: int | None = None) -> tuple[list[Contradiction], list[Told]]:
        """What a look at Dagster's history finds, with only the first `size` records left of the ledger."""
        kept = self.ledger[:size]
        held = RunReconciliation(read_history(self.instance, "tests"), len(kept), ("credit",))
        for recorded in kept:
            held.look_at(recorded)
        return list(held.contradictions()), list(held.told())


@contextmanager
def life(folder: Path, postgres_url: str | None = None) -> Iterator[Life]:
    """A life on an instance with storage of its own (SQLite, or a Postgres database), which a wipe or a deletion changes as a real one."""
    folder.mkdir(parents=True, exist_ok=True)
    storage = {} if postgres_url is None else {"storage": {"postgres": {"postgres_url": postgres_url}}}
    with dg.DagsterInstance.local_temp(str(folder), overrides={"telemetry": {"enabled": False}, **storage}) as instance:
        yield Life(instance)


def _ingested(run_id: str, index: int) -> Recorded:
    event = next(one for one in happenings() if isinstance(one.body, bodies.DatasetIngested))
    return Recorded(index=index, event=event.model_copy(update={"run_id": run_id}))


def _decided(run_id: str, index: int) -> Recorded:
    decided = (one for one in happenings() if isinstance(one.body, bodies.DecisionMade) and one.body.decision.gate == "promotion")
    return Recorded(index=index, event=next(decided).model_copy(update={"run_id": run_id}))


def shown(recorded: Recorded) -> dict[str, Any]:
    """What a stage shows of its record, in the words of lifecycle/stages."""
    body, subject = recorded.event.body, recorded.event.subject
    if isinstance(body, bodies.DatasetIngested):
        return {"data_version": dg.DataVersion(subject.digest or ""), "metadata": {"ledger index": recorded.index}}
    assert isinstance(body, bodies.DecisionMade)
    gate = dg.AssetCheckResult(check_name="gate", passed=body.decision.allowed, severity=dg.AssetCheckSeverity.WARN)
    return {"data_version": dg.DataVersion(body.decision.id), "check_results": [gate]}


def _job(shows: Callable[[str], tuple[Recorded, Recorded]] | None) -> dg.JobDefinition:
    if shows is None:

        @dg.op
        def nothing() -> None: ...

        @dg.job(name=JOB)
        def silent() -> None:
            nothing()

        return silent

    @dg.multi_asset(
        specs=[dg.AssetSpec(DATASET), dg.AssetSpec(PROMOTION)],
        check_specs=[dg.AssetCheckSpec("gate", asset=PROMOTION)],
        name="credit_stages",
    )
    def stages(context: dg.AssetExecutionContext) -> Iterator[Any]:
        dataset, promotion = shows(context.run.run_id)
        yield dg.MaterializeResult(asset_key=DATASET, **shown(dataset))
        yield dg.MaterializeResult(asset_key=PROMOTION, **shown(promotion))

    return dg.Definitions(assets=[stages], jobs=[dg.define_asset_job(JOB)]).resolve_job_def(JOB)


def forged(asset: dg.AssetKey, **said: Any) -> dg.AssetMaterialization:
    """A materialization that somebody made up."""
    return dg.AssetMaterialization(asset, metadata={"ledger index": 0}, tags={"dagster/data_version": of("dataset")}, **said)
