"""The line in which the gateway keeps what was asked: its short way to write it, held against RFC 8785 itself."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lifecycle.records.canonical import INTEGER_BOUND, canonical_text
from lifecycle.serving.prediction_log.lines import committed_line

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(1 - INTEGER_BOUND, INTEGER_BOUND - 1)
VALUES = st.dictionaries(st.text(max_size=8), NUMBERS | st.text(max_size=8) | st.none() | st.integers(-50, 50).map(float), max_size=6)
ASKED = st.fixed_dictionaries({"request_id": st.text(max_size=8), "values": VALUES}, optional={"subject": st.text(max_size=8)})


@given(ASKED)
@example({"request_id": "", "values": {"whole": 2.0, "none below zero": -0.0, "small": 1e-7, "large": 1e21, "past integers": 2.0**53}})
@example({"request_id": "", "values": {"€": 1.5, "￿": 1, "\U0001f600": 2}})
def test_what_was_asked_is_committed_to_in_its_canonical_form(asked: dict[str, Any]) -> None:
    """Whatever was asked, the digest is that of the salt and the RFC 8785 bytes, and these very bytes are what is kept."""
    digest, line = committed_line("an-id", asked)
    kept = json.loads(line)
    canonical = canonical_text(asked).encode()
    assert digest == "sha256:" + hashlib.sha256(bytes.fromhex(kept["salt"]) + canonical).hexdigest()
    assert line.endswith(canonical[1:] + b"\n")


@pytest.mark.parametrize("number", [2**53, -(2**53), float(2**53)])
def test_a_number_that_is_not_exact_is_never_written_as_a_whole_one(number: float) -> None:
    """From 2^53 on an integer is refused, and a double is written as what it is."""
    asked = {"request_id": "", "values": {"amount": number}}
    if isinstance(number, int):
        with pytest.raises(ValueError, match="2\\^53"):
            committed_line("an-id", asked)
    else:
        assert committed_line("an-id", asked)[1].endswith(canonical_text(asked).encode()[1:] + b"\n")
