"""A training function: what a team writes, and how its network is made again from the bytes of a manifest.

```python
@trains(build_network)
def train_my_network(run: TrainingRun) -> TrainedNetwork: ...
```
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lifecycle.errors import InvalidDeclaration, Tampered
from lifecycle.features import Preprocessor
from lifecycle.features.encoding import Features
from lifecycle.records.manifest import Part, TrainingRecipe
from lifecycle.records.record import JsonObject

if TYPE_CHECKING:
    import torch

    from lifecycle.training.run import TrainingRun

#: Makes the untrained network from the number of features and the options. It must need nothing else.
BuildNetwork = Callable[[int, JsonObject], "torch.nn.Module"]


@dataclass(frozen=True)
class TrainedNetwork:
    """What a training function returns. `module` takes features, float32 [batch, width], and gives one logit per row.

    `threshold` is the probability from which on the decision is the positive outcome; `validation` are metrics by
    name, measured on the validation rows.
    """

    module: torch.nn.Module
    preprocessor: Preprocessor
    threshold: float
    validation: dict[str, float]


def require_sound(trained: object, function: str) -> None:
    """Raises InvalidDeclaration where a training function returned something that can't be exported and served."""
    import torch

    if not isinstance(trained, TrainedNetwork):
        raise InvalidDeclaration(f"{function} returned a {type(trained).__name__}.", "Return a TrainedNetwork.")
    if not 0.0 < trained.threshold < 1.0:
        raise InvalidDeclaration(f"{function} returned the threshold {trained.threshold}.", "Return one between 0 and 1.")
    broken = [name for name, tensor in trained.module.state_dict().items() if not torch.isfinite(tensor).all()]
    if broken:
        raise InvalidDeclaration(
            f"The training by {function} diverged: {', '.join(broken)} hold values that are not finite.",
            "Lower the learning rate, or look at the features for what makes it diverge.",
        )
    undefined = [name for name, value in trained.validation.items() if not math.isfinite(value)]
    if undefined:
        raise InvalidDeclaration(
            f"{function} returned validation metrics that are not finite: {', '.join(undefined)}.", "Leave out what can't be measured."
        )


@dataclass(frozen=True)
class TrainingFunction:
    """A training function together with the builder of its network."""

    train: Callable[[TrainingRun], TrainedNetwork]
    build: BuildNetwork

    def __call__(self, run: TrainingRun) -> TrainedNetwork:
        return self.train(run)

    def eager(self, parts: Mapping[Part, bytes]) -> Callable[[Features], npt.NDArray[np.float64]]:
        """The network as torch runs it, rebuilt from the weights and the recipe of a manifest, on the CPU.

        Independent of the graph that serves, so that the two can be held against each other. Raises Tampered where
        the weights don't fit the network that the recipe describes.
        """
        import torch
        from safetensors import SafetensorError
        from safetensors.torch import load

        recipe = TrainingRecipe.parse(parts["training"])
        module = self.build(Preprocessor.parse(parts["preprocessor"]).width, recipe.options)
        try:
            module.load_state_dict(load(parts["weights"]))
        except (RuntimeError, SafetensorError) as error:
            raise Tampered(
                f"The weights are not those of the network that {recipe.function} builds.",
                "Use the code that trained it, or train the model again.",
            ) from error
        module.eval()

        def probabilities(features: Features) -> npt.NDArray[np.float64]:
            with torch.inference_mode():
                logits = module(torch.from_numpy(features)).reshape(len(features))
                return torch.sigmoid(logits).double().numpy()

        return probabilities


def trains(build: BuildNetwork) -> Callable[[Callable[[TrainingRun], TrainedNetwork]], TrainingFunction]:
    """Declares which builder makes the network that the decorated function trains."""

    def declare(train: Callable[[TrainingRun], TrainedNetwork]) -> TrainingFunction:
        return TrainingFunction(train=train, build=build)

    return declare
