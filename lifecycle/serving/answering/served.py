"""One version, loaded: the preprocessor and the ONNX graph of a package, ready to answer."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lifecycle.errors import Tampered
from lifecycle.features import FeatureRefused, Preprocessor
from lifecycle.records.manifest import InputColumn, ModelSchemas
from lifecycle.records.record import Digest, Version
from lifecycle.serving.allowed.packages import Allowance, read_allowance, read_parts
from lifecycle.serving.failures import ArmFailed, RequestRefused

#: Raw columns by name, each with one value per row; None is a missing value.
Columns = Mapping[str, Sequence[str | int | float | None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a version says of each row."""

    probabilities: list[float]
    decisions: list[str]


class Session(Protocol):
    """The part of an ONNX Runtime session that is used."""

    def run(self, outputs: list[str], inputs: dict[str, Any], /) -> list[Any]: ...


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
        parts = read_parts(folder, digest)
        model = cls(
            version,
            digest,
            read_allowance(folder),
            Preprocessor.parse(parts["preprocessor"]),
            ModelSchemas.parse(parts["schemas"]),
            _session(parts["graph"], digest),
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


def _session(graph: bytes, digest: Digest) -> Session:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        with as_file(graph) as given:
            session: Session = onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no root
        raise Tampered(
            f"The graph of {digest} can't be loaded: {type(error).__name__}.", "Train and evaluate that version again."
        ) from error
    return session


@contextmanager
def as_file(graph: bytes) -> Iterator[str | bytes]:
    """These very bytes as a file that nobody can open or change; or the bytes, where the system has no such files.

    ONNX Runtime parses bytes with Python standing still, which is 100 ms of no answer for 160 MB; a file it parses on the side.
    """
    if not hasattr(os, "memfd_create"):
        yield graph
        return
    descriptor = os.memfd_create("graph", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(graph)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
