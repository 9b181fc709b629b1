from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.errors import MalformedRecord
from lifecycle.evaluation.judging import Judged
from lifecycle.evaluation.report import canonical_report

pytestmark = pytest.mark.xdist_group("training")


def test_the_report_describes_data_drift_and_classification(judged: Judged) -> None:
    """With the method of drift stated for every column."""
    names = [metric["metric_name"] for metric in json.loads(judged.report.json)["metrics"]]
    for expected in ("RowCount()", "Accuracy(", "RocAuc(", "ValueDrift(column=income,method=psi,threshold=0.2)"):
        assert any(name.startswith(expected) for name in names), expected


def test_the_page_needs_nothing_from_outside(judged: Judged) -> None:
    """No script, style or font is fetched: it can be read from the store, offline."""
    page = judged.report.html.decode()
    assert "<script src" not in page
    assert "<link" not in page


def test_the_canonical_report_has_one_form() -> None:
    """Order of keys and of metrics, and the last digits of floats, make no difference."""
    one = {"metrics": [{"id": "b", "metric_name": "B", "value": 0.1 + 0.2}, {"metric_name": "A", "id": "a", "value": {"x": 1, "y": [2.0]}}]}
    other = {"metrics": [{"value": {"y": [2.0], "x": 1}, "id": "a", "metric_name": "A"}, {"id": "b", "metric_name": "B", "value": 0.3}]}
    assert canonical_report(json.dumps(one)) == canonical_report(json.dumps(other))


def test_a_value_that_is_not_a_number_is_null() -> None:
    """Evidently writes NaN where it has no value; JSON has none."""
    found = canonical_report('{"metrics": [{"id": "a", "metric_name": "A", "value": NaN}]}')
    assert json.loads(found)["metrics"][0]["value"] is None


def test_what_is_not_a_report_is_refused() -> None:
    """Rather than kept as an empty one."""
    with pytest.raises(MalformedRecord, match="no metrics"):
        canonical_report("[]")


@pytest.mark.slow
def test_the_report_is_the_same_in_every_process() -> None:
    """Whatever seed Python hashes its strings with."""
    code = "import sys; from tests.evaluation.report_digest import report_digest; sys.stdout.write(report_digest())"
    found = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
            cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": seed, "PATH": "", "OMP_NUM_THREADS": "1"},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1
    assert found.pop().startswith("sha256:")
