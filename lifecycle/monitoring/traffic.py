"""A window of the prediction log: the rows of one version, as the gateway wrote them, in columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifecycle.errors import MalformedRecord
from lifecycle.records.record import Microseconds, Version

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Traffic:
    """What one version did in [from_us, to_us).

    `answered` are its own answers, in the order of time. `failed` counts requests that it could not answer, whoever answered them in
    its place. Inputs that were erased are left out of `inputs` and counted in `erased`.
    """

    from_us: Microseconds
    to_us: Microseconds
    answered: tuple[Mapping[str, Any], ...]
    failed: int
    erased: int

    @property
    def requests(self) -> int:
        """Everything that reached the version, answered or not."""
        return len(self.answered) + self.failed

    def latencies_ms(self) -> npt.NDArray[np.float64]:
        """How long each answer took, in milliseconds [answers]."""
        import numpy as np

        return np.array([row["latency_us"] for row in self.answered], dtype=np.float64) / 1_000.0

    def probabilities(self) -> npt.NDArray[np.float64]:
        """The probability of each answer [answers]."""
        import numpy as np

        return np.array([row["output"]["probability"] for row in self.answered], dtype=np.float64)

    def inputs(self, columns: Sequence[str]) -> dict[str, list[Any]]:
        """Each of these columns, over the answers whose input is still there; a value that was not sent is None."""
        kept = [row["values"] for row in self.answered if row["values"] is not None]
        return {column: [values.get(column) for values in kept] for column in columns}

    def labelled(self, until_us: Microseconds | None = None) -> tuple[Mapping[str, Any], ...]:
        """The answers whose outcome has become known; those given before `until_us` only, where it is given.

        Outcomes that are known soon differ from those that take their time: a defaulted loan is known before one that is paid back.
        """
        return tuple(row for row in self.answered if row["label"] is not None and (until_us is None or row["at_us"] < until_us))


def traffic_of(rows: Iterable[Mapping[str, Any]], *, version: Version, from_us: Microseconds, to_us: Microseconds) -> Traffic:
    """The window of one version, from rows of the prediction log of all versions of its model.

    Rows are needed of all of them because a canary's failure stands in the row of the champion that answered in its place
    (`fallback_from`). Raises MalformedRecord that names the row and the field for a row that is not one.
    """
    answered, failed = [], 0
    for row in rows:
        try:
            if not from_us <= row["at_us"] < to_us:
                continue
            failed += row["fallback_from"] == version
            if row["version"] == version:
                if row["outcome"] == "answered":
                    _ = row["latency_us"] + row["output"]["probability"], row["values"], row["label"]
                    answered.append(row)
                else:
                    failed += 1
        except (KeyError, TypeError) as error:
            raise MalformedRecord(
                f"Row {row.get('id')} of the prediction log is not a row: {type(error).__name__} {error}.",
                "Restore that segment of the log from its backup.",
            ) from error
    answered.sort(key=lambda row: (row["at_us"], row["id"]))
    erased = sum(row["values"] is None for row in answered)
    return Traffic(from_us=from_us, to_us=to_us, answered=tuple(answered), failed=failed, erased=erased)
