"""The log's rows and the workers' counters say the same; where a row is gone, they do not."""

from __future__ import annotations

from pathlib import Path

from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.prediction_log.reconciling import LoggedRows, logged_rows
from tests.serving.packages import MODEL
from tests.serving.running import RunningGateway, running_gateway, wait_for


def found(gateway: RunningGateway) -> LoggedRows:
    return next(one for one in logged_rows(GatewayFolder(gateway.folder)) if one.model == MODEL)


def test_what_was_counted_is_in_the_log(tmp_path: Path) -> None:
    """Open rows, then sealed ones, also after a kill: nothing is missing and nothing is too much."""
    with running_gateway(tmp_path, workers=2) as gateway:
        gateway.serve(1)
        gateway.caller().infer_many(20)
        before = found(gateway)
        assert (before.open, before.sealed, before.counted, before.missing, before.surplus) == (20, 0, 20, 0, 0)
        gateway.kill()
        assert (found(gateway).waiting, found(gateway).missing) == (20, 0)
        gateway.start()
        wait_for(lambda: found(gateway).sealed == 20, "the orphans are sealed")
        assert (found(gateway).logged, found(gateway).missing, found(gateway).surplus) == (20, 0, 0)


def test_a_row_that_was_dropped_before_it_was_sealed_is_missing(tmp_path: Path) -> None:
    """The root covers what is left, and so says nothing; the counters do."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.caller().infer_many(5)
        gateway.kill()
        segment = next((gateway.folder / "predictions" / MODEL / "rows").iterdir())
        segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[1:]))
        assert (found(gateway).missing, found(gateway).surplus) == (1, 0)


def test_a_log_that_was_taken_away_is_missing(tmp_path: Path) -> None:
    """Where a model's part of the log is gone before it was sealed, its counters still stand."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        gateway.caller().infer_many(3)
        gateway.kill()
        (gateway.folder / "predictions" / MODEL).rename(tmp_path / "elsewhere")
        assert (found(gateway).logged, found(gateway).missing) == (0, 3)
