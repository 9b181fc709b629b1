"""YAML that people write: one reading, and errors by file and line."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import InvalidDeclaration
from lifecycle.records.documents import parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: no", "no"),
        ("a: on", "on"),
        ("a: true", True),
        ("a: 2026-01-01", "2026-01-01"),
        ("a: 1_000", 1000),
        ("a: 0.1", 0.1),
        ("a: null", None),
        ("a: [1, x]", [1, "x"]),
    ],
)
def test_a_value_is_what_json_would_say(text: str, value: object) -> None:
    """Only `true` and `false` are booleans, and a date is a text."""
    assert parse_yaml(text, "f") == {"a": value}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\na: 2", r"f\.yaml:2.*'a' stands twice"),
        ("x: {a: 1, a: 2}", r"f\.yaml:1"),
        ("1: 2", r"f\.yaml:1.*not a text"),
        ("a: [", r"f\.yaml:1"),
        ("a: !!python/object/apply:os.system [id]", r"f\.yaml:1"),
        ("a: &here [*here]", r"f\.yaml:1.*alias"),
        ("a: !!binary aGk=", r"f\.yaml:1"),
        ("a: !!timestamp 2026-01-01", r"f\.yaml:1"),
        ("a: \x00", r"f\.yaml"),
    ],
)
def test_what_readers_disagree_on_is_refused(text: str, place: str) -> None:
    """A key twice at any depth, a key that is no text, a tag that makes objects."""
    with pytest.raises(InvalidDeclaration, match=place):
        parse_yaml(text, "f.yaml")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_by_us(text: str) -> None:
    """No error of the library crosses, and what is read is JSON."""
    with contextlib.suppress(InvalidDeclaration):
        json.dumps(parse_yaml(text, "f.yaml"))
