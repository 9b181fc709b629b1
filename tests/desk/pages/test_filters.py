"""How values are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.desk.pages.filters import limit, moment, names_listed, number, prose, share, short, since, span, told, until, version_path

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (0, "less than a minute"),
        (59_999_999, "less than a minute"),
        (MINUTE, "1 minute"),
        (HOUR + 2 * MINUTE, "1 hour 2 minutes"),
        (3 * DAY - 1, "2 days 23 hours"),
        (3 * DAY, "3 days"),
        (DAY + MINUTE, "1 day"),
    ],
)
def test_a_length_of_time_has_its_two_largest_units(length: int, said: str) -> None:
    """Two, and never one that would say more than the one before it knows."""
    assert span(length) == said


def test_what_is_over_is_said_to_be() -> None:
    """Nothing expires in minus three minutes, and a clock that is ahead makes nothing happen in the future."""
    assert until(5, 5) == "over"
    assert until(5 + MINUTE, 5) == "in 1 minute"
    assert since(10, 5) == "less than a minute ago"


def test_a_moment_is_there_for_people_and_for_programs() -> None:
    """UTC, to the minute for the one and to the second for the other."""
    assert moment(1_700_000_000_000_000) == '<time datetime="2023-11-14T22:13:20Z">2023-11-14 22:13 UTC</time>'


def test_a_digest_is_whole_where_the_pointer_rests() -> None:
    """And nothing where there is none."""
    assert short("sha256:" + "ab" * 32) == f'<code class="digest" title="sha256:{"ab" * 32}">{"ab" * 6}</code>'
    assert short(None) == "–"


def test_a_negative_number_has_a_real_minus() -> None:
    """So that it is read out as one, and never wraps behind its sign."""
    assert (number(-0.0312), number(0.5, signed=True), number(None)) == ("−0.031", "+0.500", "not determined")
    assert (number(-0.0001), number(0.0001, signed=True)) == ("0.000", "0.000")
    assert (limit(-0.03), limit(1e-4), limit(500.0)) == ("−0.03", "0.0001", "500")
    assert (share(0.123), share(None)) == ("12.3 %", "no such row")


@pytest.mark.parametrize(
    ("text", "said"),
    [("0.12464391", "0.1246"), ('"sha256:ab"', "sha256:ab"), ('["json", "onnx"]', "json, onnx"), ("", ""), ("null", "nothing")],
)
def test_what_a_rule_observed_is_written_for_people(text: str, said: str) -> None:
    """It is JSON text in the record."""
    assert told(text) == said


@given(st.text())
def test_what_people_wrote_stays_text(text: str) -> None:
    """Commands are set off, and nothing becomes an element."""
    shown = prose(text).replace("<code>", "").replace("</code>", "")
    assert "<" not in shown


@given(st.text(min_size=1), st.integers(1, 10**9))
def test_a_path_stays_within_the_pages_of_versions(model: str, version: int) -> None:
    """Whatever a name holds."""
    parts = version_path((model, version)).split("/")
    assert parts[:2] == ["", "versions"]
    assert len(parts) == 4


def test_names_are_listed_as_people_list_them() -> None:
    """With an `and` before the last."""
    assert [names_listed(names) for names in ((), ("a",), ("a", "b"), ("a", "b", "c"))] == ["", "a", "a and b", "a, b and c"]
