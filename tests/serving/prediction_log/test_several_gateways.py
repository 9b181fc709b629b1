"""One prediction log in the folders of many gateways: that of a home, and those of a cluster's pods, gone ones included."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.errors import Tampered
from lifecycle.serving.homes import PODS, gateway_folders
from lifecycle.serving.prediction_log.kept_values import KeptValues
from lifecycle.serving.prediction_log.reading import PredictionLog
from lifecycle.serving.prediction_log.segment_check import OwnSegments, SegmentFinding, check_segments
from lifecycle.serving.prediction_log.told import ToldBy
from lifecycle.serving.prediction_log.writing import PredictionWriter
from tests.serving.sealed_log import MODEL, SealedLog


class Cluster:
    """A home with one segment of its own, and two pods with one each: three rows in every one, one after the other."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.logs = [SealedLog(where, segments=0) for where in (home, home / PODS / "credit-v1-a", home / PODS / "credit-v2-b")]
        for number, log in enumerate(self.logs):
            log.write([3 * number + one for one in range(3)])
            log.seal()

    @property
    def folders(self) -> list[Path]:
        return [folder.predictions for folder in gateway_folders(self.home)]

    def findings(self) -> list[SegmentFinding]:
        sealed = [one for log in self.logs for one in log.sealed()]
        own = OwnSegments.look(*gateway_folders(self.home))
        return list(check_segments(own, sealed, frozenset(), lambda _: False, all_here=True))

    def told(self) -> ToldBy:
        return ToldBy([log.log for log in self.logs], 1, 0, {one.body.segment: [one.body] for log in self.logs for one in log.sealed()})


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def test_the_rows_of_all_come_in_the_order_of_their_time(cluster: Cluster) -> None:
    """With what was asked of each, and each model named once."""
    log = PredictionLog(*cluster.folders)
    assert [row["id"] for row in log.rows(MODEL)] == [f"p{number}" for number in range(9)]
    assert [row["values"]["income"] for row in log.rows(MODEL)] == [float(number) for number in range(9)]
    assert log.models() == (MODEL,)


def test_a_label_counts_wherever_it_was_sent(cluster: Cluster) -> None:
    """Any pod takes the label of an answer that another one gave; the latest stands, whoever took it."""
    for number, label, at_us in ((1, "good", 5), (2, "bad", 6)):
        writer = PredictionWriter(cluster.logs[number].folder.predictions, 0)
        writer.label(MODEL, "p0", label, at_us)
        writer.close()
    log = PredictionLog(*cluster.folders)
    assert next(iter(log.rows(MODEL)))["label"] == "bad"
    assert log.find("p0")["label"] == "bad"


def test_a_row_that_lies_in_two_folders_is_not_believed(cluster: Cluster) -> None:
    """A pod could lay a row of its own beside the one that another has sealed."""
    cluster.logs[2].write([4])
    with pytest.raises(Tampered, match="stands in 2 segments") as raised:
        PredictionLog(*cluster.folders).locate("p4")
    assert "credit-v1-a" in raised.value.what
    assert "credit-v2-b" in raised.value.what


def test_nobody_elses_line_stands_for_what_was_asked(cluster: Cluster) -> None:
    """Values that a pod writes under the id of another's row are not told as what was asked of it."""
    forged = cluster.logs[2].values()
    forged.write_bytes(forged.read_bytes() + cluster.logs[1].values().read_bytes().replace(b'"income":4', b'"income":9'))
    rows = {row["id"]: row["values"] for row in PredictionLog(*cluster.folders).rows(MODEL)}
    assert rows["p4"] == {"income": 4}


def test_each_segment_is_held_against_its_seal_where_it_lies(cluster: Cluster) -> None:
    """Whole where nobody touched it; a row that was changed in a pod's home is found by the record that sealed it."""
    assert cluster.findings() == []
    rows = cluster.logs[1].rows()
    rows.write_bytes(rows.read_bytes().replace(b'"at_us":4', b'"at_us":8'))
    (found,) = cluster.findings()
    assert found.broken
    assert "are not those that were sealed" in found.what


def test_a_home_that_is_gone_is_missed(cluster: Cluster) -> None:
    """A pod may end; its rows may not."""
    (cluster.home / PODS / "credit-v1-a").rename(cluster.home / "elsewhere")
    (found,) = cluster.findings()
    assert found.broken
    assert "1 sealed segments of credit with 3 rows are missing" in found.what


def test_a_stream_that_two_claim_is_told(cluster: Cluster, tmp_path: Path) -> None:
    """A pod that copies another's segments could have that one's rows read from where it can write."""
    seals = cluster.logs[1].log.folder / "seals"
    copy = cluster.logs[2].log.folder / "seals" / next(iter(seals.iterdir())).name
    copy.write_bytes(next(iter(seals.iterdir())).read_bytes())
    assert any("lies in two folders" in found.what and found.broken for found in cluster.findings())


def test_what_is_kept_of_somebody_is_found_and_erased_in_every_home(cluster: Cluster) -> None:
    """Who asked a pod may have that forgotten as well."""
    kept = KeptValues(*cluster.folders)
    found = kept.of("somebody@example.org")
    assert [one.prediction_id for one in found] == [f"p{number}" for number in range(9)]
    kept.erase(found)
    assert kept.of("somebody@example.org") == ()
    assert all(row["values"] is None for row in PredictionLog(*cluster.folders).rows(MODEL))


def test_what_a_version_told_is_gathered_from_all_homes(cluster: Cluster) -> None:
    """Each in the segment that was sealed; what lies nowhere any more is counted."""
    told = cluster.told()
    assert [(one.row.id, one.intact) for one in told] == [(f"p{number}", True) for number in range(9)]
    assert told.unread == 0
    cluster.logs[1].rows().unlink()
    told = cluster.told()
    assert [one.row.id for one in told] == ["p0", "p1", "p2", "p6", "p7", "p8"]
    assert told.unread == 3


def test_a_copy_of_a_sealed_segment_is_no_second_one(cluster: Cluster) -> None:
    """Its seal is that of one log: what lies there twice is not told twice as intact."""
    rows, copy = cluster.logs[1].rows(), cluster.logs[2].log.rows(cluster.logs[1].rows().name)
    copy.write_bytes(rows.read_bytes())
    intact = [one.intact for one in cluster.told() if one.row.id == "p4"]
    assert sorted(intact) == [False, True]
