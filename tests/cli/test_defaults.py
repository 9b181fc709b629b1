"""What a help page says without loading what it speaks of is what that is."""

from __future__ import annotations

from lifecycle.cli.ledger.trust import OVERLAP
from lifecycle.cli.lineage.exporting import FORMS
from lifecycle.ledger.log_key import rotating
from lifecycle.lineage.export import FORMATS


def test_the_formats_of_an_export_are_those_that_are_written() -> None:
    """In the order of the help, too."""
    assert list(FORMATS) == list(FORMS)


def test_both_keys_sign_as_long_as_the_help_says() -> None:
    """For as many records after a change of the log's key."""
    assert rotating.OVERLAP == OVERLAP
