from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from lifecycle.errors import InvalidDeclaration, MalformedRecord, TrainingInterrupted
from lifecycle.features import FeatureRefused, Preprocessor
from lifecycle.records.manifest import PARTS, ModelSchemas, TrainingRecipe
from lifecycle.training.function import TrainedNetwork, TrainingFunction, trains
from lifecycle.training.progress import progress
from lifecycle.training.run import TrainingFailure, TrainingResult, TrainingRun, train
from tests.training.small_model import (
    EPOCHS,
    FreePrices,
    build_small_network,
    small_frame,
    small_request,
    train_small,
    train_small_network,
)

pytestmark = pytest.mark.xdist_group("training")


def fails_after(epochs: int) -> TrainingFunction:
    """The small training function, which raises in the middle of the epoch after so many."""

    @trains(build_small_network)
    def train_and_fail(run: TrainingRun) -> TrainedNetwork:
        class Breaks(TrainingRun):
            def measured(self, **metrics: float) -> None:
                if self.meter.epochs == epochs:
                    raise ZeroDivisionError("the learning rate fell to nothing")

        run.__class__ = Breaks
        return train_small_network(run)

    return train_and_fail


def test_training_makes_every_part_of_a_manifest(trained: TrainingResult) -> None:
    """Each part parses as what it is, and says what was trained."""
    assert tuple(trained.parts) == PARTS
    recipe = TrainingRecipe.parse(trained.parts["training"])
    assert (recipe.seed, recipe.epochs, recipe.device, recipe.precision) == (5, EPOCHS, "cpu", "float32")
    assert recipe.packages["torch"] == torch.__version__.partition("+")[0]
    schemas = ModelSchemas.parse(trained.parts["schemas"])
    assert [column.name for column in schemas.inputs] == ["income", "years", "home"]
    assert (schemas.positive, schemas.negative, schemas.threshold) == ("good", "bad", 0.5)


def test_the_network_learnt_something(trained: TrainingResult) -> None:
    """Far better than chance on the validation rows."""
    assert trained.validation["auc"] > 0.7


def test_the_graph_is_the_network(trained: TrainingResult) -> None:
    """Rebuilt from its weights, torch answers what the graph answers; for any number of rows."""
    import onnxruntime

    features = Preprocessor.parse(trained.parts["preprocessor"]).apply(small_frame())
    session = onnxruntime.InferenceSession(trained.parts["graph"])
    eager = train_small_network.eager(trained.parts)
    for rows in (1, 2, 480):
        (served,) = session.run(["probability"], {"features": features[:rows]})
        assert served.shape == (rows,)
        assert np.abs(served - eager(features[:rows])).max() < 1e-6


def test_the_graph_holds_nothing_of_this_machine(trained: TrainingResult) -> None:
    """No path, no trace, no data outside, no operator but the standard's."""
    graph = onnx.load_from_string(trained.parts["graph"])
    onnx.checker.check_model(graph, full_check=True)
    assert str(Path(__file__).parents[2]).encode() not in trained.parts["graph"]
    assert b"stack_trace" not in trained.parts["graph"]
    assert {opset.domain for opset in graph.opset_import} == {""}
    assert not [tensor for tensor in graph.graph.initializer if tensor.external_data]


def test_the_same_request_gives_the_same_bytes(trained: TrainingResult, folder: Path) -> None:
    """Every part, and the baseline's predictions."""
    again = train_small(folder)
    assert again.parts == trained.parts
    assert again.baseline == trained.baseline


def test_another_seed_gives_other_weights(trained: TrainingResult, folder: Path) -> None:
    """So the seed is what decides."""
    assert train_small(folder, seed=6).parts["weights"] != trained.parts["weights"]


def test_the_run_is_metered(trained: TrainingResult) -> None:
    """Seconds, memory, epochs, and what that costs by the price table."""
    metering = trained.metering
    assert metering.seconds > 0.0
    assert metering.cost == pytest.approx(metering.seconds / 100.0, abs=1e-4)
    assert metering.currency == "EUR"
    assert metering.peak_memory_bytes > 10_000_000
    assert (metering.epochs, metering.resumed_from_epoch) == (EPOCHS, 0)


def test_the_baseline_is_plain_numbers_of_the_test_rows(trained: TrainingResult) -> None:
    """One probability per test row, by its number; it survives JSON."""
    frame = small_frame()
    assert trained.baseline["rows"] == frame[frame["split"] == "test"]["row_id"].tolist()
    probabilities = trained.baseline["probabilities"]
    assert isinstance(probabilities, list)
    assert all(isinstance(probability, float) and 0.0 <= probability <= 1.0 for probability in probabilities)
    assert json.loads(json.dumps(trained.baseline)) == trained.baseline


def test_a_training_function_never_sees_a_test_row(folder: Path) -> None:
    """Its run has training and validation rows only; no attribute of it holds the rest in its hand."""
    seen: list[set[str]] = []

    @trains(build_small_network)
    def looks(run: TrainingRun) -> TrainedNetwork:
        seen.append({*run.train["split"], *run.validation["split"]})
        return train_small_network(run)

    train(looks, small_request(epochs=1), folder, FreePrices(), lambda line: None)
    assert seen == [{"train", "validation"}]


def test_a_failure_says_how_far_it_came_and_what_it_used(folder: Path) -> None:
    """The function's own error stays attached as the cause."""
    with pytest.raises(TrainingFailure, match="ZeroDivisionError: the learning rate fell to nothing") as failed:
        train(fails_after(2), small_request(), folder, FreePrices(), lambda line: None)
    assert isinstance(failed.value, TrainingInterrupted)
    assert failed.value.last_epoch == 2
    assert failed.value.metering.epochs == 2
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


def test_a_failed_run_goes_on_from_its_checkpoint(trained: TrainingResult, folder: Path) -> None:
    """And ends with the weights of a run that nothing interrupted."""
    with pytest.raises(TrainingFailure):
        train(fails_after(3), small_request(), folder, FreePrices(), lambda line: None)
    told: list[str] = []
    resumed = train_small(folder, told.append)
    assert resumed.metering.resumed_from_epoch == 3
    assert "going on from the checkpoint of training-1" in told
    assert resumed.parts == trained.parts


def test_a_run_that_is_done_trains_nothing_again(trained: TrainingResult, folder: Path) -> None:
    """Asked once more, it exports the same bytes from its last checkpoint."""
    train_small(folder)
    told: list[str] = []
    again = train_small(folder, told.append)
    assert again.parts == trained.parts
    assert not [line for line in told if line.startswith("epoch")]


def test_errors_of_the_departments_come_through_as_they_are(folder: Path) -> None:
    """A column that the preprocessor refuses is named by the preprocessor."""
    frame = small_frame()
    frame["income"] = frame["income"].astype(str)
    with pytest.raises(FeatureRefused, match="'income' in row 0"):
        train_small(folder, frame=frame)


def test_rows_of_one_outcome_are_not_trained_on(folder: Path) -> None:
    """Said before training, with the split's name."""
    frame = small_frame()
    frame = frame[(frame["split"] != "validation") | (frame["status"] == "good")]
    with pytest.raises(InvalidDeclaration, match="The validation rows hold the outcomes good"):
        train_small(folder, frame=frame)


def diverged(found: TrainedNetwork) -> TrainedNetwork:
    with torch.no_grad():
        next(found.module.parameters()).fill_(float("nan"))
    return found


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda found: None, "returned a NoneType"),
        (lambda found: replace(found, threshold=1.5), r"the threshold 1\.5"),
        (lambda found: replace(found, validation={"auc": float("nan")}), "not finite: auc"),
        (diverged, r"diverged: 0\.weight"),
    ],
    ids=["nothing", "threshold", "validation", "diverged"],
)
def test_what_can_not_be_served_is_refused(folder: Path, spoil: Callable[[TrainedNetwork], Any], problem: str) -> None:
    """Before it is exported, with what is wrong with it."""

    @trains(build_small_network)
    def spoilt(run: TrainingRun) -> TrainedNetwork:
        found: TrainedNetwork = spoil(train_small_network(run))
        return found

    with pytest.raises(InvalidDeclaration, match=problem):
        train(spoilt, small_request(epochs=1), folder, FreePrices(), lambda line: None)


def test_progress_is_told_epoch_by_epoch(folder: Path) -> None:
    """With what was measured; a long run tells about twenty lines."""
    told: list[str] = []
    train_small(folder, told.append, epochs=2)
    assert [line.split("  ")[0] for line in told if line.startswith("epoch")] == ["epoch 1/2", "epoch 2/2"]
    assert "loss 0." in told[0]
    many: list[str] = []
    with progress(many.append, 1_000, terminal=False) as show:
        for epoch in range(1, 1_001):
            show(epoch, {})
    assert len(many) == 20
    assert many[-1] == "epoch 1000/1000"


def test_a_terminal_gets_a_bar_and_the_log_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar is on standard error; lines go to the log as ever."""
    drawn, told = io.StringIO(), list[str]()
    monkeypatch.setattr("sys.stderr", drawn)
    with progress(told.append, 2, terminal=True) as show:
        show(1, {"loss": 0.5})
        show(2, {"loss": 0.25})
    assert told == ["epoch 1/2  loss 0.5000", "epoch 2/2  loss 0.2500"]


def test_weights_of_another_network_are_refused(trained: TrainingResult) -> None:
    """A recipe with other options does not describe these weights."""
    recipe = TrainingRecipe.parse(trained.parts["training"]).model_copy(update={"options": {"hidden": 9}})
    with pytest.raises(Exception, match="are not those of the network"):
        train_small_network.eager({**trained.parts, "training": recipe.canonical()})
    with pytest.raises(MalformedRecord):
        train_small_network.eager({**trained.parts, "training": b"{}"})


def test_a_network_that_is_no_function_of_its_features_has_no_graph(folder: Path) -> None:
    """Said in words of ours, with what a network must be."""

    class Wanders(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(6, 1)

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return torch.from_numpy(np.sort(features.detach().numpy()))

    from lifecycle.training.export import onnx_graph

    with pytest.raises(InvalidDeclaration, match=r"The network of a\.b:c has no ONNX graph"):
        onnx_graph(Wanders().eval(), 6, "a.b:c")
