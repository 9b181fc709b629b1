"""The page of the ledger."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lifecycle.desk.pages.ledger import RECORDS_SHOWN, ledger_view, signed_by
from lifecycle.ledger.verifying.findings import Exposure
from lifecycle.life.signing import sign
from lifecycle.wiring import Departments
from tests.desk.pages.rendered import rendered
from tests.scenarios.homes import copy_of_home_at_the_gate


def test_it_says_how_long_the_ledger_is_and_what_it_hashes_to(looked_at: Departments) -> None:
    """As the ledger itself says it."""
    view, head = ledger_view(looked_at), looked_at.ledger.head()
    assert (view.size, view.root) == (head.size, head.root_text)
    assert view.root in rendered("ledger.html", "/ledger", view=view).one("section", aria_labelledby="stands").says


def test_an_unsigned_ledger_says_so(looked_at: Departments) -> None:
    """Nothing signed it yet, and all of its records are unsigned."""
    view = ledger_view(looked_at)
    assert view.signed is None
    assert view.unsigned == view.size
    assert "Nothing is signed yet." in rendered("ledger.html", "/ledger", view=view).one("main").says


def test_a_signature_is_believed_after_it_was_found_to_hold(tmp_path: Path) -> None:
    """The checkpoint that the signer made covers every record; a changed one is not believed."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    sign(departments)
    view = ledger_view(departments)
    assert view.signed is not None
    assert (view.signed.size, view.unsigned, view.signed.fault) == (view.size, 0, "")
    assert "all records are signed" in rendered("ledger.html", "/ledger", view=view).one("section", aria_labelledby="signed").says
    forged = signed_by(departments, view.signed.note.replace(f"\n{view.size}\n", f"\n{view.size + 1}\n"))
    assert forged is not None
    assert forged.fault
    shown = rendered("ledger.html", "/ledger", view=replace(view, signed=forged))
    assert "does not hold" in shown.one("section", aria_labelledby="signed").says


def test_what_nobody_outside_has_seen_is_said(looked_at: Departments) -> None:
    """Without an anchor the whole ledger is exposed; with one, what came after it."""
    view = ledger_view(looked_at)
    assert "The whole ledger is exposed." in rendered("ledger.html", "/ledger", view=view).one("section", aria_labelledby="anchors").says
    seen = Exposure(anchor="notary", size=7, at_us=view.read_at_us - 3 * 3_600_000_000, leaves_since=3, age_us=3 * 3_600_000_000)
    shown = rendered("ledger.html", "/ledger", view=replace(view, exposure=seen)).one("section", aria_labelledby="anchors").says
    assert "3 records that no anchor has seen" in shown
    assert "notary saw 7 records 3 hours ago" in shown


def test_records_stand_newest_first_and_page_back_to_the_first(looked_at: Departments) -> None:
    """Page by page, every record is shown once."""
    view = ledger_view(looked_at, before=4)
    assert [one.index for one in view.records] == [3, 2, 1, 0]
    assert view.older is None
    assert view.newer == min(4 + RECORDS_SHOWN, view.size)
    latest = ledger_view(looked_at)
    assert latest.records[0].index == latest.size - 1
    assert latest.newer is None


def test_a_place_beyond_the_end_is_the_end(looked_at: Departments) -> None:
    """A link that somebody kept or made up leads to records all the same."""
    assert ledger_view(looked_at, before=10**15).records == ledger_view(looked_at).records
    assert ledger_view(looked_at, before=0).records == ()
