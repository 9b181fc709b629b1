"""The digest of a report over made-up rows, computed afresh: run in processes of their own."""

from __future__ import annotations

import numpy as np

from lifecycle.evaluation.report import evaluation_report
from lifecycle.records.record import digest_of
from tests.training.small_model import SmallData, small_frame


def report_digest() -> str:
    frame = small_frame()
    training, judged = (frame[frame["split"] == split] for split in ("train", "test"))
    rng = np.random.default_rng(1)
    report = evaluation_report(training, judged, SmallData(), rng.random(len(training)), rng.random(len(judged)), 0.5)
    return digest_of(report.json)
