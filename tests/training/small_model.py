"""A small model to train in tests: 480 made-up rows, two numbers and a category, and a network of a few dozen weights.

`python -m tests.training.small_model FOLDER SECONDS` trains it in a process of its own, so many seconds an epoch.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from lifecycle.measures.classification import Scored, auc, value_of
from lifecycle.records.record import JsonObject, digest_of
from lifecycle.training.function import TrainedNetwork, trains
from lifecycle.training.run import TrainingRequest, TrainingResult, TrainingRun, train

EPOCHS = 6


@dataclass(frozen=True)
class SmallData:
    target: str = "status"
    positive: str = "good"
    negative: str = "bad"
    numbers: tuple[str, ...] = ("income", "years")
    categories: tuple[str, ...] = ("home",)
    protected: dict[str, str] = field(default_factory=lambda: {"band": "band"})


class FreePrices:
    """An hour costs 36, so a second costs a hundredth."""

    def cost(self, device: str, seconds: float) -> tuple[float, str]:
        return seconds / 100.0, "EUR"


def small_frame(rows: int = 480) -> pd.DataFrame:
    """Rows as a dataset version holds them; the outcome follows income, years and home, with noise."""
    rng = np.random.default_rng(11)
    income, years = rng.normal(150.0, 50.0, rows), rng.integers(0, 20, rows).astype(float)
    home = rng.choice(["owner", "rent", "parents"], rows, p=[0.5, 0.4, 0.1])
    score = (income - 150.0) / 40.0 + (years - 8.0) / 6.0 + np.where(home == "owner", 0.6, -0.4)
    good = rng.random(rows) < 1.0 / (1.0 + np.exp(-score))
    income[rng.random(rows) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "row_id": range(rows),
            "split": np.array(["train", "train", "train", "validation", "test", "test"])[np.arange(rows) % 6],
            "status": np.where(good, "good", "bad"),
            "income": income,
            "years": years,
            "home": home,
            "protected_band": np.where(rng.random(rows) < 0.4, "<30", "30+"),
        }
    )


def build_small_network(width: int, options: JsonObject) -> nn.Module:
    """Logits [batch, 1]; the option `hidden` is the size of its one hidden layer."""
    hidden = options.get("hidden", 8)
    assert isinstance(hidden, int)
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(0.2), nn.Linear(hidden, 1))


@trains(build_small_network)
def train_small_network(run: TrainingRun) -> TrainedNetwork:
    preprocessor = run.fit_preprocessor(run.train)
    features, labels = torch.from_numpy(preprocessor.apply(run.train)), torch.from_numpy(run.labels(run.train))
    run.seed_network()
    network = build_small_network(preprocessor.width, run.options)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.02)
    for _ in run.epochs(network, optimiser):
        network.train()
        for batch in np.array_split(torch.randperm(len(labels)).numpy(), 6):
            optimiser.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(network(features[batch])[:, 0], labels[batch])
            loss.backward()
            optimiser.step()
        time.sleep(float(str(run.options.get("epoch_seconds", 0.0))))
        run.measured(loss=loss.item())
    network.eval()
    with torch.inference_mode():
        probabilities = torch.sigmoid(network(torch.from_numpy(preprocessor.apply(run.validation))))[:, 0].numpy()
    validated = Scored.of(run.labels(run.validation), probabilities)
    return TrainedNetwork(network, preprocessor, 0.5, {"auc": value_of(auc(validated), len(validated))})


def small_request(**changed: Any) -> TrainingRequest:
    fields: dict[str, Any] = {
        "training_id": "training-1",
        "frame": small_frame(),
        "spec": SmallData(),
        "options": {"hidden": 8},
        "seed": 5,
        "epochs": EPOCHS,
        "device": "cpu",
        "deterministic": True,
        "function": "tests.training.small_model:train_small_network",
        "dataset_digest": digest_of(b"small"),
        "code_commit": "0" * 40,
    }
    return TrainingRequest(**{**fields, **changed})


def train_small(folder: Path, report: Any = lambda line: None, **changed: Any) -> TrainingResult:
    return train(train_small_network, small_request(**changed), folder, FreePrices(), report)


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    result = train_small(Path(sys.argv[1]), tell, options={"hidden": 8, "epoch_seconds": float(sys.argv[2])})
    tell(" ".join(f"{part}={digest_of(content)}" for part, content in result.parts.items()))
    tell(f"resumed {result.metering.resumed_from_epoch}")
