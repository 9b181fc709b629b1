"""Two programs judge an approval by passkey: the ledger's (`approvals.passkeys`) and verify.py's. They never differ."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.approvals.people import Key, Registry
from lifecycle.approvals.statements import require_signed_by
from lifecycle.errors import LifecycleError
from lifecycle.evidence.verify import signed_by_person
from lifecycle.records.approval import Envelope
from lifecycle.records.passkeys import Assertion
from tests.approvals.test_passkeys import FORGERIES, approved, authenticator, people
from tests.desk.authenticators import Authenticator

__all__ = ["authenticator", "people"]


def believed(key: Key, envelope: Envelope) -> bool:
    try:
        require_signed_by(envelope, key, "officer")
    except LifecycleError:
        return False
    return True


def believed_offline(key: Key, envelope: Envelope) -> bool:
    """By verify.py, to which whatever it can't read is a finding as well."""
    try:
        return signed_by_person(json.loads(key.canonical()), json.loads(envelope.canonical()))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return False


@pytest.fixture(scope="module")
def key(people: Registry) -> Key:
    """The officer's passkey."""
    return people.person("officer").keys[0]


def test_both_programs_believe_an_assertion(authenticator: Authenticator, key: Key) -> None:
    """Of either kind of authenticator."""
    assert believed(key, approved(authenticator))
    assert believed_offline(key, approved(authenticator))


@pytest.mark.parametrize("forgery", FORGERIES)
def test_neither_program_believes_a_forged_assertion(authenticator: Authenticator, key: Key, forgery: str) -> None:
    """Whatever is wrong with it."""
    envelope = approved(authenticator, **FORGERIES[forgery][1])
    assert not believed(key, envelope)
    assert not believed_offline(key, envelope)


def test_neither_program_takes_a_signature_of_the_other_kind(authenticator: Authenticator, key: Key) -> None:
    """A passkey's signature without its assertion is none, and an assertion does not stand for the key of a file."""
    envelope = approved(authenticator)
    for one, other in ((key, envelope.model_copy(update={"assertion": None})), (key.model_copy(update={"passkey": None}), envelope)):
        assert not believed_offline(one, other)


@given(data=st.data())
def test_any_changed_byte_voids_it_for_both(authenticator: Authenticator, key: Key, data: st.DataObject) -> None:
    """Of what was approved, of what the browser or the authenticator says, or of the signature."""
    envelope = approved(authenticator)
    assert envelope.assertion is not None
    part = data.draw(st.sampled_from(("payload", "signature", "authenticator_data", "client_data")))
    inside = part in Assertion.model_fields
    content = bytearray(base64.b64decode(getattr(envelope.assertion if inside else envelope, part)))
    content[data.draw(st.integers(0, 9_999)) % len(content)] ^= data.draw(st.integers(1, 255))
    changed = {part: base64.b64encode(content).decode()}
    other = envelope.model_copy(update={"assertion": envelope.assertion.model_copy(update=changed)} if inside else changed)
    assert not believed(key, other)
    assert not believed_offline(key, other)
