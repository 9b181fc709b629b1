"""What governance adds to a life, and what the definitions add to the start of every run.

Measured in turn, with imports warm, in one home that exists already:
- `life`: the job `credit_train_to_gate` through Dagster in process, from the data to the promotion gate;
- `work`: the same ingestion, training, evaluation and report, called directly, nothing recorded, asked or signed;
- `empty_run`: a Dagster run of as many assets that do nothing, into the same kind of instance.

`governance_seconds` is what remains of the median life without the medians of the other two. `definitions_vs_empty` compares
`dagster definitions validate -w workspace.yaml` for this project with that for an empty code location.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import uuid
import warnings
from pathlib import Path

import dagster as dg

from bench.measuring import REPOSITORY, Figures, in_turn, main
from lifecycle.automation.jobs import TO_GATE
from lifecycle.declaration import GovernedModel
from lifecycle.launching import instance, require_success, run_job
from lifecycle.records.record import digest_of
from lifecycle.wiring import Departments

MODEL = "credit"
EMPTY_WORKSPACE = "load_from:\n  - python_module: {module_name: empty, working_directory: ., location_name: empty}\n"


def live(departments: Departments, definitions: dg.Definitions) -> None:
    """One life up to promotion, through Dagster."""
    require_success(run_job(departments, definitions, f"{MODEL}_train_to_gate", log_level="CRITICAL"))


def work(departments: Departments, model: GovernedModel, folder: Path) -> None:
    """The same work, called directly."""
    import json

    from lifecycle.data.columnar import read_dataset
    from lifecycle.data.ingestion import ingest
    from lifecycle.evaluation.judging import Question, judge
    from lifecycle.training.device import choose_device
    from lifecycle.training.request import TrainingRequest
    from lifecycle.training.run import train

    ingested = ingest(model.data, departments.artifacts)
    frame = read_dataset(departments.artifacts, ingested.dataset_digest)
    training_id = uuid.uuid4().hex
    request = TrainingRequest(
        training_id=training_id,
        frame=frame,
        spec=model.data,
        options=model.training.options,
        seed=model.training.seed,
        epochs=model.training.epochs,
        device=choose_device(model.training.device),
        deterministic=model.training.deterministic,
        function=model.training.function,
        dataset_digest=ingested.dataset_digest,
        code_commit="unversioned",
    )
    result = train(model.training.resolve(), request, folder / training_id, departments.prices, lambda line: None)
    judge(
        Question(
            model=model.name,
            version=1,
            model_digest=digest_of(b"not packed"),
            dataset_digest=ingested.dataset_digest,
            parts=dict(result.parts),
            frame=frame,
            spec=model.data,
            metrics=model.metrics,
            slices=model.slices,
            minimum_group_n=model.minimum_group_n,
            training=model.training.resolve(),
            baseline_name=result.baseline_name,
            baseline=json.loads(json.dumps(result.baseline)),
            champion_version=None,
            champion_digest=None,
            champion_parts=None,
        ),
        keep=departments.artifacts.put,
    )


def empty_job() -> dg.JobDefinition:
    """As many assets as a life has up to promotion, one after the other, each doing nothing."""
    assets: list[dg.AssetsDefinition] = []
    for stage in TO_GATE:
        before = [assets[-1].key] if assets else []

        @dg.asset(name=stage, deps=before)
        def nothing() -> None: ...

        assets.append(nothing)
    job = dg.define_asset_job("nothing", selection="*", executor_def=dg.in_process_executor)
    return dg.Definitions(assets=assets, jobs=[job]).resolve_job_def("nothing")


def run_empty(departments: Departments, job: dg.JobDefinition) -> None:
    with instance(departments) as opened:
        job.execute_in_process(instance=opened, run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}})


def validate(folder: Path) -> None:
    """Loads the code location of a folder as Dagster does, in a process of its own."""
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def bench(rounds: int) -> Figures:
    """What governance adds to a life up to promotion, and what loading the definitions costs."""
    from lifecycle.definitions import lifecycle_definitions

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="bench-life-") as scratch:
        home, empty = Path(scratch) / "home", Path(scratch) / "empty"
        os.environ |= {"LIFECYCLE_HOME": str(home), "LIFECYCLE_PROJECT": str(REPOSITORY), "DAGSTER_DISABLE_TELEMETRY": "yes"}
        departments, definitions, job = Departments.here(), lifecycle_definitions(), empty_job()
        works = (
            lambda: live(departments, definitions),
            lambda: work(departments, departments.model(MODEL), home / "bench"),
            lambda: run_empty(departments, job),
        )
        in_turn(works, 1)
        life, direct, nothing = in_turn(works, rounds)
        empty.mkdir()
        (empty / "workspace.yaml").write_text(EMPTY_WORKSPACE, encoding="utf-8")
        (empty / "empty.py").write_text("import dagster as dg\n\ndefs = dg.Definitions()\n", encoding="utf-8")
        ours, theirs = in_turn((lambda: validate(REPOSITORY), lambda: validate(empty)), rounds)
    return {
        "life_seconds": life.as_json(),
        "work_seconds": direct.as_json(),
        "empty_run_seconds": nothing.as_json(),
        "governance_seconds": round(life.median - direct.median - nothing.median, 4),
        "definitions_seconds": ours.as_json(),
        "empty_definitions_seconds": theirs.as_json(),
        "definitions_vs_empty": round(ours.median / theirs.median, 4),
    }


if __name__ == "__main__":
    main("life", bench)
