"""Writes the golden Jobs afresh: `python -m tests.kubernetes.write_golden`. Read the difference before it is committed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.kubernetes.cluster import GOLDEN, cluster, readable
from tests.kubernetes.test_pods import STAGES


def write() -> None:
    GOLDEN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, cluster(Path(home)) as target:
        (GOLDEN / "run.yaml").write_text(readable(target.launch()), encoding="utf-8")
        for stage in STAGES:
            (GOLDEN / f"step_{stage}.yaml").write_text(readable(target.launch_step(stage)), encoding="utf-8")


if __name__ == "__main__":
    write()
