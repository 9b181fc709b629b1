"""One version, loaded: the preprocessor and the ONNX graph of a package, ready to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifecycle.features import FeatureRefused, Preprocessor
from lifecycle.records.manifest import InputColumn, ModelSchemas
from lifecycle.records.record import Digest, Version
from lifecycle.serving.allowed.packages import Allowance, read_allowance, read_file, read_manifest
from lifecycle.serving.answering.loading import Session, load_graph
from lifecycle.serving.failures import ArmFailed, RequestRefused

#: Raw columns by name, each with one value per row; None is a missing value.
Columns = Mapping[str, Sequence[str | int | float | None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a version says of each row."""

    probabilities: list[float]
    decisions: list[str]


class ServedModel:
    """Answers rows with the bytes that were evaluated, allowed and signed. Single-threaded; safe to share within one loop."""

    def __init__(
        self,
        version: Version,
        digest: Digest,
        allowance: Allowance,
        preprocessor: Preprocessor,
        schemas: ModelSchemas,
        session: Session,
    ) -> None:
        self.version = version
        self.digest = digest
        self.allowance = allowance
        self.schemas = schemas
        self._preprocessor = preprocessor
        self._session = session
        self._names = frozenset(column.name for column in schemas.inputs)

    @classmethod
    def load(cls, folder: Path, version: Version, digest: Digest) -> ServedModel:
        """Loads a package and warms it up. What is hashed is what is loaded: no file is read a second time.

        Raises Tampered where a byte is not the allowed one or the graph can't be loaded, ArmFailed where it can't answer.
        """
        parts = {file.part: file for file in read_manifest(folder, digest).files}
        model = cls(
            version,
            digest,
            read_allowance(folder),
            Preprocessor.parse(read_file(folder, parts["preprocessor"])),
            ModelSchemas.parse(read_file(folder, parts["schemas"])),
            load_graph(folder, parts["graph"], digest),
        )
        model._warm_up()
        return model

    def answer(self, columns: Columns, rows: int) -> Answer:
        """The probability of the positive class and the decision at the threshold, for each row.

        Raises RequestRefused that names the field for what this version does not take, ArmFailed for what is no answer.
        """
        if not columns.keys() <= self._names:
            unknown = next(name for name in columns if name not in self._names)
            raise RequestRefused(f"The model has no input {unknown!r}; it takes {', '.join(sorted(self._names))}.", unknown)
        try:
            features = self._preprocessor.apply(columns)
        except FeatureRefused as error:
            raise RequestRefused(error.what, error.column) from error
        try:
            found = self._session.run(["probability"], {"features": features})[0].reshape(-1).tolist()
        except Exception as error:  # ONNX Runtime's errors share no root; each is this version's failure
            raise ArmFailed(f"Version {self.version} broke: {type(error).__name__}.") from error
        return checked_answer(found, rows, self.version, self.schemas)

    def _warm_up(self) -> None:
        """One answer, so that the first caller does not wait for what is set up on first use."""
        row: dict[str, list[str | int | float | None]] = {column.name: [_typical(column)] for column in self.schemas.inputs}
        self.answer(row, 1)


def _typical(column: InputColumn) -> str | float:
    """A value that the column takes."""
    if column.kind == "category":
        return column.categories[0]
    return 0.0 if column.bounds is None else column.bounds.nearest(0.0)


def checked_answer(probabilities: Sequence[Any], rows: int, version: Version, schemas: ModelSchemas) -> Answer:
    """The answer if it is one: a finite probability for each row. Raises ArmFailed otherwise."""
    positive, negative, threshold = schemas.positive, schemas.negative, schemas.threshold
    decisions = []
    for value in probabilities:
        # NaN lies between no two numbers.
        if not isinstance(value, float) or not 0.0 <= value <= 1.0:
            break
        decisions.append(positive if value >= threshold else negative)
    if not len(decisions) == len(probabilities) == rows:
        raise ArmFailed(f"Version {version} answered something that is not {rows} probabilities.", "invalid")
    return Answer(list(probabilities), decisions)
