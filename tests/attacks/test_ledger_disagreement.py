"""Attack: an event is written whose body is about some bytes and whose lineage is about others."""

from __future__ import annotations

from pathlib import Path

from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key.keys import create_log_key
from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.records.events import Link
from tests.ledger.happenings import ORIGIN, digest, evaluated, trained


def test_an_event_that_says_one_thing_and_links_another_is_named(tmp_path: Path) -> None:
    """Signed by the log and whole in every byte: verification still names it, and what it says twice."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    key = create_log_key(tmp_path / "keys", ORIGIN)
    swapped = trained(2).model_copy(update={"outputs": (Link(role="model", digest=digest("other bytes")),)})
    filed_elsewhere = evaluated(1)
    elsewhere = filed_elsewhere.subject.model_copy(update={"digest": digest("other bytes")})
    with Ledger.open(url, origin=ORIGIN) as ledger, ledger.writing() as writer:
        writer.append_all([trained(1), filed_elsewhere.model_copy(update={"subject": elsewhere}), swapped])
    sign_ledger(url, tmp_path / "keys" / "ledger.key", ORIGIN)
    result = verify_ledger(url, key)
    assert result.level == "none"
    assert {finding.index for finding in result.findings} == {1, 2}
    assert all("says twice and differently what it is about" in finding.what for finding in result.findings)
    assert any("output model" in finding.what and digest("other bytes") in finding.what for finding in result.findings)
