from __future__ import annotations

import re

import pytest

from lifecycle.errors import MalformedRecord
from lifecycle.evaluation.judging import Judged
from lifecycle.evaluation.page import evidence_page
from lifecycle.records.evidence import SliceMetrics

pytestmark = pytest.mark.xdist_group("training")

SHELL = b"<html><body><p>Evidently's own</p></body></html>"


def text_of(page: bytes) -> str:
    """What a person reads of it."""
    section = page.decode().partition('<section id="evidence">')[2].partition("</section>")[0]
    section = re.sub(r"<style>.*?</style>", "", section, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", section).split())


def test_the_page_says_what_an_approver_must_know(judged: Judged) -> None:
    """Version, digests, metrics with intervals, champion, groups, parity: in one page, above Evidently's."""
    text = text_of(judged.report.html)
    evidence = judged.evidence
    auc = evidence.metrics["auc"]
    for expected in (
        "small, version 2",
        evidence.model_digest,
        evidence.dataset_digest,
        evidence.report_json_digest,
        f"{auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}]",
        "Minus version 1, which serves",
        "band : selection rates differ by",
        "home: parents",
        "not enough data",
    ):
        assert expected in text, expected


def test_our_page_stands_above_evidentlys(judged: Judged) -> None:
    """Both in one document, which needs nothing else."""
    page = evidence_page(judged.evidence, SHELL).decode()
    assert page.index("small, version 2") < page.index("Evidently's own")
    assert page.startswith("<html><body>")


def test_the_first_version_is_compared_with_no_champion(judged: Judged) -> None:
    """The column is not there, rather than empty."""
    alone = judged.evidence.model_copy(update={"against_champion": None})
    assert "which serves" not in text_of(evidence_page(alone, SHELL))


def test_what_comes_from_the_data_can_not_write_into_the_page(judged: Judged) -> None:
    """A category that is a script is shown as text."""
    hostile = SliceMetrics(column="home", group="<script>alert(1)</script>", n=1, enough_data=False, metrics={})
    page = evidence_page(judged.evidence.model_copy(update={"slices": (hostile,)}), SHELL).decode()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_too_little_data_is_said(judged: Judged) -> None:
    """For an attribute as a whole, with the least number of rows."""
    (found,) = judged.evidence.fairness
    silent = found.model_copy(
        update={
            "verdict": "not_enough_data",
            "demographic_parity_difference": None,
            "demographic_parity_ratio": None,
            "equalised_odds_difference": None,
        }
    )
    text = text_of(evidence_page(judged.evidence.model_copy(update={"fairness": (silent,)}), SHELL))
    assert "fewer than two groups have 20 rows" in text


def test_a_report_that_is_no_page_is_refused(judged: Judged) -> None:
    """Ours is never shown without Evidently's."""
    with pytest.raises(MalformedRecord, match="no body"):
        evidence_page(judged.evidence, b"{}")
