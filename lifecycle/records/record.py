"""The root of every record: strict, frozen, closed, and with one canonical form.

Canonical bytes are RFC 8785 (JCS). They are made once, when a record is written, and stored as they
are; whoever verifies hashes the stored bytes and never makes them again.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from typing import Annotated, Any, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from lifecycle.errors import MalformedRecord
from lifecycle.records.canonical import INTEGER_BOUND as INTEGER_BOUND
from lifecycle.records.canonical import NoCanonicalForm, canonical_dump, canonical_json, canonical_text

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
#: Microseconds since 1970-01-01T00:00:00Z, the one unit of time in records and in policy.
Microseconds = Annotated[int, Field(ge=0, lt=INTEGER_BOUND)]
#: Of them in a second, an hour, a day.
SECOND_US, HOUR_US, DAY_US = 1_000_000, 3_600_000_000, 86_400_000_000
Count = Annotated[int, Field(ge=0, lt=INTEGER_BOUND)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
#: Who acts: a person, a service or a team, by a pseudonymous id and never by name or address.
ACTOR_ID = r"^[a-z][a-z0-9_.-]{0,62}$"
ActorId = Annotated[str, StringConstraints(pattern=ACTOR_ID)]
#: What an event, a decision, a rollout or a run of training is called: `new_id` or `derived_id`, so a UUID.
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]
#: A text that a person wrote for others to read on a page or a terminal: no control characters, of a length that is read.
MOST_PROSE, PROSE = 2_000, r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"
Prose = Annotated[str, StringConstraints(min_length=1, max_length=MOST_PROSE, pattern=PROSE)]
Version = Annotated[int, Field(ge=1, lt=INTEGER_BOUND)]
JsonObject = dict[str, JsonValue]
#: What the canonical form raises.
_REFUSALS = (NoCanonicalForm, UnicodeEncodeError, RecursionError)


def is_none(value: object) -> bool:
    """For `Field(exclude_if=is_none)`: a field that came later keeps the bytes of what was written without it."""
    return value is None


def digest_of(content: bytes) -> Digest:
    """`sha256:` and the lower-case hex of the SHA-256 of these bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def canonical_bytes(value: Any) -> bytes:
    """The RFC 8785 bytes of a JSON value.

    Raises MalformedRecord for what RFC 8785 refuses: NaN, infinities, integers of 2^53 and more, lone
    surrogates, keys that are not strings.
    """
    try:
        return canonical_json(value) if type(value) in (dict, list) else canonical_text(value).encode()
    except _REFUSALS as error:
        raise _refused(error) from error


def canonical_record(dumped: JsonObject, numbers_in: JsonObject | None = None) -> bytes:
    """The RFC 8785 bytes of what `Record.as_json` gave, which is taken over; `numbers_in` as for `canonical_dump`.

    Raises MalformedRecord like `canonical_bytes`.
    """
    try:
        return canonical_dump(dumped, numbers_in)
    except _REFUSALS as error:
        raise _refused(error) from error


def _refused(error: Exception) -> MalformedRecord:
    return MalformedRecord(
        f"This value has no canonical form: {error}.",
        "Use finite numbers, integers below 2^53, valid Unicode and string keys.",
    )


def settled_json(content: bytes | str) -> JsonValue:
    """The value of a text that orjson itself would write so, as nearly all is that is stored; None for every other text.

    In such a text is nothing that readers disagree on: a key that stands twice would be written once, and NaN, infinities,
    lone surrogates, integers past 64 bits and what is no UTF-8 not at all.
    """
    try:
        value: JsonValue = orjson.loads(content)
        return value if orjson.dumps(value) == (content.encode() if isinstance(content, str) else content) else None
    except (ValueError, TypeError):
        return None


def parse_json(content: bytes | str) -> JsonValue:
    """A JSON value, refusing what readers disagree on: a key twice in one object, NaN, Infinity, a number past every double."""
    settled = settled_json(content)
    if settled is not None:
        return settled
    try:
        value: JsonValue = json.loads(
            content, object_pairs_hook=_object_without_duplicates, parse_constant=_refuse_constant, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise MalformedRecord(f"This is not JSON that can be trusted: {error}.", "Send one JSON value in UTF-8.") from error
    return value


def _object_without_duplicates(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found: JsonObject = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found


def _refuse_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is past every double")
    return value


class Record(BaseModel):
    """Frozen, strict and closed: an unknown field, a silent cast or a number that is not finite is an error."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    def as_json(self) -> JsonObject:
        """This record as a JSON object (tuples become lists)."""
        # What `model_dump` calls, without its dozen options: every append passes here.
        value: JsonObject = self.__pydantic_serializer__.to_python(self, mode="json")
        return value

    def canonical(self) -> bytes:
        """The RFC 8785 bytes of this record. Raises MalformedRecord like `canonical_bytes`."""
        return canonical_record(self.as_json())

    def content_digest(self) -> Digest:
        """The SHA-256 of the canonical bytes."""
        return digest_of(self.canonical())

    @classmethod
    def parse(cls, content: bytes | str) -> Self:
        """A record from JSON at the edge: duplicate keys, unknown fields, casts and bad numbers are refused.

        Raises MalformedRecord that names each field and what is wrong with it.
        """
        return cls.of(parse_json(content)) if settled_json(content) is None else cls.of_settled(content)

    @classmethod
    def of(cls, value: JsonValue) -> Self:
        """The same from a JSON value that is parsed already."""
        return cls.of_settled(json.dumps(value))

    @classmethod
    def of_settled(cls, text: bytes | str) -> Self:
        """The same from a text of which it is known that every reader reads the same in it."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise MalformedRecord(
                f"This is not a {cls.__name__}: {describe(error)}.", "Correct the named fields and send it again."
            ) from error


def describe(error: ValidationError) -> str:
    """Each wrong field by its path, and what is wrong with it, without the values (they may be personal)."""
    return "; ".join(f"{'.'.join(str(part) for part in found['loc']) or 'the record'}: {found['msg']}" for found in error.errors())
