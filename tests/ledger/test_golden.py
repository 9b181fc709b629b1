"""What was written once stays readable: canonical bytes, leaves and roots that must never come out differently."""

from __future__ import annotations

from lifecycle.ledger.ledger import Ledger
from lifecycle.proofs.merkle import leaf_hash, root_of
from lifecycle.records.bodies import KeyRevoked, PersonEnrolled
from lifecycle.records.bodies.body import Body
from lifecycle.records.bodies.governors import EnrolledKey
from lifecycle.records.events import Actor, Event, Link, Subject
from tests.ledger.happenings import digest


def event(number: int, body: Body) -> Event:
    return Event.happened(
        body,
        subject=Subject(kind="person", name="somebody"),
        actor=Actor(id="registrar", kind="human", authenticated=True),
        environment="local",
        inputs=(Link(role="people", digest=digest("people")),),
        at_us=1_800_000_000_000_000 + number,
        event_id=f"event-{number}",
    )


KEY = EnrolledKey(id="k1", public="A" * 43 + "=")
EVENTS = [
    event(0, PersonEnrolled(person="ada", roles=("risk",), teams=(), keys=(KEY,), registry="home", registry_digest=digest("registry"))),
    event(1, KeyRevoked(person="ada", key_id="k1", reason="lost — “é”, 😀")),
    event(2, PersonEnrolled(person="ada", roles=(), teams=("a", "b"), keys=(), registry="project", registry_digest=digest("registry"))),
]

#: The bytes of the second event as the first version of this ledger wrote them.
STORED = (
    '{"actor":{"authenticated":true,"id":"registrar","kind":"human"},'
    '"body":{"body_version":1,"key_id":"k1","person":"ada","reason":"lost — “é”, 😀"},'
    '"environment":"local","id":"event-1",'
    '"inputs":[{"digest":"sha256:c9022680f888674e2b2274758755bfa07dea729b68d71cde5c521ed70ef261bf","role":"people"}],'
    '"occurred_at_us":1800000000000001,"outputs":[],"run_id":null,"schema_version":"lifecycle.event/1",'
    '"subject":{"digest":null,"kind":"person","name":"somebody","version":null},"type":"KeyRevoked"}'
)
#: The same event in a ledger that gives places in streams.
PLACED = STORED.replace('"subject":', '"sequence":2,"subject":')
FIRST_ROOT = "290a8619e624a56d53643f64305ecd9932a58e4693e35bf7043d350e3677d0ef"
ROOT = "65a6afa16242fbb878abf99196282da779fd2a0a39de099402ec3b57d0392098"


def test_the_canonical_bytes_of_an_event_do_not_change(ledger: Ledger) -> None:
    """A ledger of today stores exactly what the first one stored, and the place in the stream."""
    assert EVENTS[1].canonical().decode() == STORED
    with ledger.writing() as writer:
        writer.append_all(EVENTS)
    assert ledger.stored(1).decode() == PLACED


def test_the_root_over_events_does_not_change(ledger: Ledger) -> None:
    """The same events lead to the same root, in every version and on every machine."""
    assert root_of(leaf_hash(event.canonical()) for event in EVENTS).hex() == FIRST_ROOT
    with ledger.writing() as writer:
        writer.append_all(EVENTS)
    assert ledger.head().root.hex() == ROOT


def test_bytes_of_the_first_version_are_read() -> None:
    """What was written then is an event now."""
    assert Event.parse(STORED) == EVENTS[1]
    assert Event.parse(PLACED) == EVENTS[1].with_sequence(2)
