"""Events: what happened, by whom, to what, from what. One is one leaf of the ledger.

The body of an event is typed by the event's type, and the type is the name of the body's class. Inputs
and outputs are the lineage; where a body names the same digests in words of its own, the two must agree
(`records/agreement.py`, which verification holds every record against).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Self, cast

import orjson
from pydantic import Field, JsonValue, SerializeAsAny, ValidationError, field_validator, model_validator

from lifecycle.errors import MalformedRecord
from lifecycle.records.bodies import BODIES, Body
from lifecycle.records.identity import new_id, now_us
from lifecycle.records.record import (
    INTEGER_BOUND,
    ActorId,
    Digest,
    Id,
    JsonObject,
    Microseconds,
    Name,
    Record,
    Version,
    canonical_record,
    describe,
    is_none,
    parse_json,
    settled_json,
)

_BodyReader = Callable[[type[Body], JsonValue], Body]


class Actor(Record):
    """Who did it. `authenticated` is false for a claim (a text, a git author) and true for a fact (a signature)."""

    id: ActorId
    kind: Literal["human", "service", "team"]
    authenticated: bool = False


class Subject(Record):
    """What it happened to. `credit:7` is a name for people; the digest is the thing."""

    kind: Literal["model", "dataset", "person", "policy", "key", "ledger"]
    name: str
    version: Version | None = None
    digest: Digest | None = None

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}:{self.version}"


class Link(Record):
    """One end of a lineage edge: the part that it plays in this event, and its digest."""

    role: Name
    digest: Digest


class Header(Record):
    """Everything of an event but its body."""

    schema_version: Literal["lifecycle.event/1"] = "lifecycle.event/1"
    id: Id
    type: str
    environment: Name
    occurred_at_us: Microseconds
    actor: Actor
    subject: Subject
    run_id: Id | None = None
    inputs: tuple[Link, ...] = ()
    outputs: tuple[Link, ...] = ()
    #: The place in the stream of events on this subject (its kind and name), from 1 and without gaps: whoever holds some of the
    #: leaves sees whether one of the subject's is missing. The ledger gives it when it writes the event.
    sequence: int | None = Field(default=None, ge=1, lt=INTEGER_BOUND, exclude_if=is_none)

    @property
    def stream(self) -> str:
        """The stream that `sequence` counts: the subject, by kind and name."""
        return f"{self.subject.kind}/{self.subject.name}"

    def with_sequence(self, sequence: int | None) -> Self:
        """This, at another place of its stream."""
        return self.model_copy(update={"sequence": sequence})


class Event(Header):
    """One thing that happened. Its canonical bytes are stored verbatim and hashed as a leaf."""

    body: SerializeAsAny[Body]

    @field_validator("body")
    @classmethod
    def _body_is_typed(cls, body: Body) -> Body:
        if type(body).__name__ not in BODIES:
            raise ValueError(f"{type(body).__name__} is not a registered body")
        return body

    @model_validator(mode="after")
    def _type_names_the_body(self) -> Event:
        if self.type != type(self.body).__name__:
            raise ValueError(f"the type is {self.type} but the body is a {type(self.body).__name__}")
        return self

    def canonical_at(self, sequence: int) -> bytes:
        """`with_sequence(sequence).canonical()`, in half the time. Raises MalformedRecord like `canonical`."""
        dumped = self.as_json()
        dumped["sequence"] = sequence
        # Every number of a header is an integer that was held against its bound when the header was made.
        return canonical_record(dumped, cast("JsonObject", dumped["body"]))

    @classmethod
    def happened(
        cls,
        body: Body,
        *,
        subject: Subject,
        actor: Actor,
        environment: Name,
        run_id: str | None = None,
        inputs: tuple[Link, ...] = (),
        outputs: tuple[Link, ...] = (),
        at_us: Microseconds | None = None,
        event_id: str | None = None,
    ) -> Event:
        """An event with a fresh id, now, unless told otherwise (a retried step passes its own id)."""
        occurred = now_us() if at_us is None else at_us
        return cls(
            id=event_id or new_id(occurred),
            type=type(body).__name__,
            environment=environment,
            occurred_at_us=occurred,
            actor=actor,
            subject=subject,
            run_id=run_id,
            inputs=inputs,
            outputs=outputs,
            body=body,
        )

    @classmethod
    def parse(cls, content: bytes | str) -> Self:
        """An event from JSON. Raises MalformedRecord like every record."""
        settled = settled_json(content)
        if settled is None:
            return cls.of(parse_json(content))
        return cls._typed(settled, lambda body_type, body: body_type.of_settled(orjson.dumps(body)))

    @classmethod
    def of(cls, value: JsonValue) -> Self:
        """An event from a JSON value: the type says which body it must have."""
        return cls._typed(value, lambda body_type, body: body_type.of(body))

    @classmethod
    def _typed(cls, value: JsonValue, read: _BodyReader) -> Self:
        if not isinstance(value, dict) or "body" not in value:
            raise MalformedRecord("This is not an event: it has no body.", "Write events through `Event.happened`.")
        header = Header.of({key: part for key, part in value.items() if key != "body"})
        body_type = BODIES.get(header.type)
        if body_type is None:
            raise MalformedRecord(f"{header.type!r} is not a type of event.", f"The types are {', '.join(BODIES)}.")
        parts = {field: getattr(header, field) for field in Header.model_fields}
        try:
            return cls(**parts, body=read(body_type, value["body"]))
        except ValidationError as error:
            raise MalformedRecord(f"This is not an event: {describe(error)}.", "Write events through `Event.happened`.") from error


class Recorded(Record):
    """An event and the place that the ledger gave it."""

    index: int = Field(ge=0)
    event: Event
