"""The credit model's network and how it is trained: will this applicant pay back?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import torch
from pydantic import Field
from torch import nn

from lifecycle.features import UnknownCategories
from lifecycle.measures.classification import Scored, accuracy, auc, log_loss, value_of
from lifecycle.records.record import JsonObject, Record
from lifecycle.training.function import TrainedNetwork, trains
from lifecycle.training.run import TrainingRun

if TYPE_CHECKING:
    import pandas as pd

#: The decision is `good` from this probability on: both kinds of error count the same.
THRESHOLD = 0.5


class CreditOptions(Record):
    """What can be chosen about a training. A wrong option is refused by its name."""

    hidden: tuple[int, ...] = Field(default=(64, 32), min_length=1)
    dropout: float = Field(default=0.2, ge=0.0, lt=1.0)
    learning_rate: float = Field(default=2e-3, gt=0.0, le=1.0)
    weight_decay: float = Field(default=1e-4, ge=0.0)
    batch: int = Field(default=64, ge=2)
    #: Whether a category that training never saw counts as unknown, or makes the model refuse the application.
    unknown: UnknownCategories = "bucket"
    #: Which applications to learn from. `no_young_payers` leaves out those of people under 30 who paid back: what an
    #: export looks like from which the closed accounts of young customers were archived. Such a network learns that the
    #: young don't pay, through what goes with being young; the fairness limits are there to stop it.
    sample: Literal["all", "no_young_payers"] = "all"


def build_network(width: int, options: JsonObject) -> nn.Module:
    """The untrained network: features [batch, width] to one logit per row, of paying back."""
    chosen = CreditOptions.of(options)
    layers: list[nn.Module] = []
    for size in chosen.hidden:
        layers += [nn.Linear(width, size), nn.ReLU(), nn.Dropout(chosen.dropout)]
        width = size
    return nn.Sequential(*layers, nn.Linear(width, 1), nn.Flatten(start_dim=0))


@trains(build_network)
def train_credit_network(run: TrainingRun) -> TrainedNetwork:
    """Trains by AdamW with a cosine schedule for as many epochs as are declared."""
    options = CreditOptions.of(run.options)
    sample = _sampled(run.train, options)
    preprocessor = run.fit_preprocessor(sample, unknown=options.unknown)
    features = torch.from_numpy(preprocessor.apply(sample)).to(run.device)
    labels = torch.from_numpy(run.labels(sample)).to(run.device)
    held_out = torch.from_numpy(preprocessor.apply(run.validation)).to(run.device)

    run.seed_network()
    network = build_network(preprocessor.width, run.options).to(run.device)
    _silence_constant_features(network, features)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    for epoch in run.epochs(network, optimiser):
        for group in optimiser.param_groups:
            group["lr"] = options.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (epoch - 1) / run.epoch_count))
        network.train()
        total = 0.0
        order = torch.randperm(len(labels), device=run.device)
        for start in range(0, len(order), options.batch):
            batch = order[start : start + options.batch]
            optimiser.zero_grad()
            with run.precision():
                logits = network(features[batch])
            loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), labels[batch])
            loss.backward()
            optimiser.step()
            total += loss.item() * len(batch)
        run.measured(loss=total / len(labels), **_validated(network, held_out, run))
    return TrainedNetwork(network, preprocessor, THRESHOLD, _validated(network, held_out, run))


def _sampled(rows: pd.DataFrame, options: CreditOptions) -> pd.DataFrame:
    if options.sample == "all":
        return rows
    return rows[(rows["protected_age_band"] != "<30") | (rows["status"] != "good")]


def _silence_constant_features(network: nn.Module, features: torch.Tensor) -> None:
    """Zero weights for features that never vary in training (an unknown category): nothing was learnt about them, so they say nothing."""
    first = next(module for module in network.modules() if isinstance(module, nn.Linear))
    with torch.no_grad():
        first.weight[:, features.min(dim=0).values == features.max(dim=0).values] = 0.0


def _validated(network: nn.Module, features: torch.Tensor, run: TrainingRun) -> dict[str, float]:
    network.eval()
    with torch.inference_mode():
        probabilities = torch.sigmoid(network(features)).cpu().numpy()
    rows = Scored.of(run.labels(run.validation), probabilities)
    statistics = {"auc": auc(rows), "accuracy": accuracy(rows, THRESHOLD), "log_loss": log_loss(rows)}
    return {name: round(value_of(statistic, len(rows)), 6) for name, statistic in statistics.items()}
