"""The model manifest: its digest is the model's digest.

It covers every byte that decides what the model answers: weights, the ONNX graph that serves, the fitted
preprocessor as plain data, the schemas of input and output, the training configuration. It is written
before the model is signed, so that what is evaluated, signed, approved, loaded and served is one thing.
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from lifecycle.records.record import Count, Digest, JsonObject, Name, Record, Share, is_none

#: Every manifest has exactly one file in each of these parts.
PARTS = ("weights", "graph", "preprocessor", "schemas", "training")
Part = Literal["weights", "graph", "preprocessor", "schemas", "training"]

#: The format of each part, by file name: nothing else is ever loaded, and nothing that unpickles has a place here.
FILE_NAMES: dict[Part, str] = {
    "weights": "model.safetensors",
    "graph": "model.onnx",
    "preprocessor": "preprocessor.json",
    "schemas": "schemas.json",
    "training": "training.json",
}


class ManifestFile(Record):
    part: Part
    path: str
    digest: Digest
    size: Count


class ModelManifest(Record):
    schema_version: Literal["lifecycle.manifest/1"] = "lifecycle.manifest/1"
    model: Name
    dataset_digest: Digest
    files: tuple[ManifestFile, ...]

    @model_validator(mode="after")
    def _one_file_a_part(self) -> ModelManifest:
        if tuple(file.part for file in self.files) != PARTS:
            raise ValueError(f"the parts must be {', '.join(PARTS)}, each once and in this order")
        if any(file.path != FILE_NAMES[file.part] for file in self.files):
            raise ValueError(f"the files must be named {', '.join(FILE_NAMES.values())}")
        return self


class Bounds(Record):
    """The least and the most that a number may be, both included; None where the data contract names none."""

    least: float | None = Field(default=None, exclude_if=is_none)
    most: float | None = Field(default=None, exclude_if=is_none)

    @model_validator(mode="after")
    def _hold_a_number(self) -> Bounds:
        if self.least is None and self.most is None:
            raise ValueError("least, most: at least one of them must stand")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError(f"least, most: no number is from {self.least:g} to {self.most:g}")
        return self

    def nearest(self, value: float) -> float:
        """The number within them that is nearest to this one."""
        least, most = self.edges
        return min(max(value, least), most)

    @property
    def edges(self) -> tuple[float, float]:
        """Both, with an infinite one where none is named."""
        return -math.inf if self.least is None else self.least, math.inf if self.most is None else self.most


class InputColumn(Record):
    """One raw feature as a caller sends it. `nullable`: a missing value is part of the data, not an error."""

    name: str
    kind: Literal["number", "category"]
    nullable: bool
    #: The values seen in training, for `category`.
    categories: tuple[str, ...] = ()
    #: What the data contract permits, for `number`: a value outside of it is refused, and never moved inside.
    bounds: Bounds | None = Field(default=None, exclude_if=is_none)


class ModelSchemas(Record):
    """`schemas.json`: what the model takes and what it answers."""

    schema_version: Literal["lifecycle.schemas/1"] = "lifecycle.schemas/1"
    inputs: tuple[InputColumn, ...]
    #: The probability of the positive class, and the decision at the threshold.
    output: Literal["probability"] = "probability"
    positive: str
    negative: str
    threshold: Share


class TrainingRecipe(Record):
    """`training.json`: what to do to train it again."""

    schema_version: Literal["lifecycle.recipe/1"] = "lifecycle.recipe/1"
    function: str
    options: JsonObject
    seed: Count
    deterministic: bool
    device: str
    precision: str
    epochs: Count
    dataset_digest: Digest
    code_commit: str
    packages: dict[str, str]
