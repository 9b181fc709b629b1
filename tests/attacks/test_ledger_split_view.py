"""Attack: the operator shows two people two pasts of one log, each signed by its key. Witnesses make that impossible to hide."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.errors import Tampered
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.proofs.merkle import verify_consistency
from lifecycle.proofs.notes import open_note
from tests.ledger.happenings import ORIGIN, happening
from tests.ledger.outsiders import Outsiders
from tests.ledger.places import EVERY_DATABASE
from tests.ledger.victim import Victim, said

pytestmark = EVERY_DATABASE


def two_views(victim: Victim, folder: Path) -> tuple[Victim, str, str]:
    """Another view of the same log, and the note over each: a signer without memory signs both."""
    view = victim.twin()
    for one, number in ((victim, 100), (view, 200)):
        with Ledger.open(one.url, origin=ORIGIN) as ledger:
            ledger.append(happening(number))
    forked = folder / "forked" / "ledger.key"
    forked.parent.mkdir()
    forked.touch(mode=0o600)
    forked.write_bytes((victim.keys / "ledger.key").read_bytes())
    return view, victim.sign(), sign_ledger(view.url, forked, ORIGIN)


def test_only_one_of_two_views_is_cosigned(victim: Victim, outsiders: Outsiders, tmp_path: Path) -> None:
    """Both have the log's signature and a stamp, and so reach L3; L4 is for the one that the witnesses saw first."""
    view, note, other = two_views(victim, tmp_path)
    assert [answer.status for answer in outsiders.anchor(victim.url, note)] == [200, 200, 200]
    assert [answer.status for answer in outsiders.anchor(view.url, other)] == [422, 422, 422]
    assert outsiders.verified(victim.url).level == "L4"
    assert outsiders.verified(view.url).level == "L3"


def test_witnesses_that_were_shown_different_views_are_no_quorum(victim: Victim, outsiders: Outsiders, tmp_path: Path) -> None:
    """An operator who shows each view to some of them has two of three for at most one."""
    view, note, other = two_views(victim, tmp_path)
    assert [outsiders.cosign(victim.url, note, number).status for number in (0, 1)] == [200, 200]
    assert [outsiders.cosign(view.url, other, number).status for number in (1, 2)] == [422, 200]
    assert outsiders.verified(victim.url).level == "L4"
    assert outsiders.verified(view.url).level == "L1"


def test_the_two_notes_together_are_evidence_by_themselves(victim: Victim, outsiders: Outsiders, tmp_path: Path) -> None:
    """Signed by the log, of one size, with two roots: whoever holds both needs nothing else."""
    _, note, other = two_views(victim, tmp_path)
    ours, theirs = open_note(note, [victim.log_key]), open_note(other, [victim.log_key])
    assert ours.size == theirs.size
    with pytest.raises(Tampered, match="differ"):
        verify_consistency(ours.size, theirs.size, (), ours.root_hash, theirs.root_hash)


def test_a_receipt_from_the_other_view_is_named(victim: Victim, outsiders: Outsiders, tmp_path: Path) -> None:
    """A verifier who got the quorum's note from somebody else sees at L4 that this view is not what the witnesses saw."""
    from lifecycle.proofs.signature_lines import SignatureLine, with_signatures

    view, note, _ = two_views(victim, tmp_path)
    answers = outsiders.anchor(victim.url, note)
    cosigned = with_signatures(note, [SignatureLine.parse(answer.text.rstrip("\n")) for answer in answers])
    result = outsiders.verified(view.url, held=(cosigned,))
    assert (result.ok, result.level) == (False, "L1")
    assert {finding.breaks for finding in result.findings} == {"L2", "L4"}
    assert "what a quorum of witnesses cosigned covers" in said(result)
