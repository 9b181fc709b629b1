"""The names of the measures that an evaluation can take, apart from their arithmetic: a declaration imports no numpy."""

from __future__ import annotations

from typing import Literal

#: Each is measured with its interval; `classification.METRICS` has how.
Metric = Literal["accuracy", "auc", "log_loss", "brier", "calibration_error"]
