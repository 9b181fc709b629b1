"""Reading JSON once: what is stored as nearly all is, is read the short way, and says and refuses what the long way does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import MalformedRecord
from lifecycle.records.bodies import BODIES
from lifecycle.records.events import Event
from lifecycle.records.gates import EVIDENCE_OF, TOLD_BY, Gate, GateEvidence, GateInput
from lifecycle.records.record import Count, JsonObject, Record, parse_json, settled_json
from tests.records.samples import samples
from tests.records.samples.judging import SHOWN, decision

_keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _keys,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=20,
)
_writings: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"ensure_ascii": st.booleans(), "separators": st.sampled_from([(",", ":"), (", ", ": ")])}
)


class Anything(Record):
    """A record with a place for any JSON, where nothing but the reading itself refuses."""

    count: Count
    said: JsonObject


@given(_values, _writings)
def test_every_writing_of_a_value_is_read_as_that_value(value: Any, writing: dict[str, Any]) -> None:
    """Whether it is read the short way or the long one: the same value, of the same types."""
    assert repr(parse_json(json.dumps(value, **writing))) == repr(value)


@given(_values, _values)
def test_a_key_that_stands_twice_is_refused_whatever_stands_there(first: Any, second: Any) -> None:
    """Also where both values are equal, and where one of the keys is written with an escape."""
    one, other = (json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in (first, second))
    for key in ("a", "\\u0061"):
        for around in ('{{"count":1,"said":{}}}', ' {{"count":1,"said":{}}}'):
            with pytest.raises(MalformedRecord, match="twice"):
                Anything.parse(around.format(f'{{"a":{one},"{key}":{other}}}'))


@pytest.mark.parametrize(
    "said",
    ["NaN", "Infinity", "-Infinity", "1e999", '"\\ud800"', '"\\udfff\\ud800"', "01", "+1", ".5", "1.", "'a'", '"\n"', "[1,]", "//"],
)
@pytest.mark.parametrize("written", ['{{"count":1,"said":{{"a":{}}}}}', '{{ "said": {{"a": [{}]}}, "count": 1 }}'], ids=["stored", "sent"])
def test_what_readers_disagree_on_is_refused_however_it_is_written(said: str, written: str) -> None:
    """NaN, infinities, half a character and what is no JSON: in what looks like stored bytes as in what somebody typed."""
    with pytest.raises(MalformedRecord):
        Anything.parse(written.format(said))
    with pytest.raises(MalformedRecord):
        Anything.parse(written.format(said).encode())


@pytest.mark.parametrize("count", ["1.0", "1e0", "-1", "true", '"1"', "null", str(2**53), str(2**64), "1" + "0" * 400])
def test_a_number_is_never_cast(count: str) -> None:
    """A count is a whole number that a double holds, written as one."""
    with pytest.raises(MalformedRecord, match="count"):
        Anything.parse(f'{{"count":{count},"said":{{}}}}')


@pytest.mark.parametrize("content", [b'{"count":1,"said":{"a":"\xff"}}', b'{"count":1,"said":{"a":"\xed\xa0\x80"}}', b"", b"null", b"[]"])
def test_bytes_that_are_no_record_are_refused(content: bytes) -> None:
    """Broken UTF-8, a surrogate as three bytes, nothing, and another value than an object."""
    with pytest.raises(MalformedRecord):
        Anything.parse(content)


def test_what_is_nested_too_deep_is_refused() -> None:
    """Past what one of the readers takes, without a crash."""
    for depth in (230, 300, 1_500, 100_000):
        with pytest.raises(MalformedRecord):
            Anything.parse('{"count":1,"said":{"a":' + "[" * depth + "]" * depth + "}}")


def test_what_is_stored_is_read_the_short_way() -> None:
    """Nearly all of it: every sample whose numbers are the usual ones."""
    stored = [record.canonical() for records in samples().values() for record in records]
    assert sum(settled_json(content) is not None for content in stored) > 0.9 * len(stored)


@pytest.mark.parametrize("name", [name for name in samples() if name.partition(".")[0] in BODIES])
def test_both_ways_read_the_same_event(name: str) -> None:
    """Canonical bytes, and the same with room between all parts, which no short way takes."""
    for event in samples()[name]:
        stored = event.canonical()
        sent = json.dumps(json.loads(stored), indent=1)
        assert settled_json(sent) is None
        assert Event.parse(stored) == Event.parse(sent) == event


@pytest.mark.parametrize("broken", ['"elsewhere":1', '"elsewhere":1,"elsewhere":1', '"elsewhere":NaN', '"elsewhere":"\\ud800"'])
def test_a_body_is_read_as_strictly_as_a_record(broken: str) -> None:
    """An event is read in two parts; neither takes what a record does not."""
    (event, *_) = samples()["ModelTrained.1"]
    text = event.canonical().decode()
    assert Event.parse(text) == event
    with pytest.raises(MalformedRecord):
        Event.parse(text.replace('"body":{', f'"body":{{{broken},', 1))


def test_evidence_is_told_apart_by_a_field_that_no_other_has() -> None:
    """And that its own always has."""
    assert {gate: field for field, gate in TOLD_BY.items()}.keys() == EVIDENCE_OF.keys()
    for field, gate in TOLD_BY.items():
        assert [other for other, kind in EVIDENCE_OF.items() if field in kind.model_fields] == [gate]
        assert EVIDENCE_OF[gate].model_fields[field].is_required()


@pytest.mark.parametrize(("gate", "shown"), SHOWN, ids=[gate for gate, _ in SHOWN])
def test_evidence_of_each_gate_is_read_as_what_it_is(gate: Gate, shown: GateEvidence) -> None:
    """The same type comes out as went in; with a field of another evidence, or without the one that tells it, nothing does."""
    question = decision(gate, shown).input
    assert type(GateInput.parse(question.canonical()).evidence) is EVIDENCE_OF[gate]
    (told_by,) = (field for field, other in TOLD_BY.items() if other == gate)
    for field in TOLD_BY:
        whole = question.as_json()
        evidence = whole["evidence"]
        assert isinstance(evidence, dict)
        evidence.pop(field) if field == told_by else evidence.update({field: True})
        with pytest.raises(MalformedRecord, match="evidence"):
            GateInput.of(whole)
