"""Paths into an event, such as `body.decision.gate`: held against the form that events have, and read from one.

A path that no event of a type can have would select nothing for ever, and so look like a gap; it is refused when a map is
loaded. A part of a path goes into a field of a record, into a key of a mapping, and through every item of a list by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError

from lifecycle.records.bodies import BODIES
from lifecycle.records.events import Event, Header

Scalar = str | int | bool


def fits(event: Event, wanted: Mapping[str, Sequence[Scalar]], has: Iterable[str] = ()) -> bool:
    """Whether an event has one of the values at each wanted path, and something at each path of `has`.

    What is said of the items of one list must be true of one item: another item does not help out.
    """
    conditions = [(tuple(path.split(".")), tuple(values)) for path, values in wanted.items()]
    return _fits(event, [*conditions, *((tuple(path.split(".")), None) for path in has)])


_Condition = tuple[tuple[str, ...], tuple[Scalar, ...] | None]


def _fits(value: object, conditions: list[_Condition]) -> bool:
    if isinstance(value, tuple | list):
        return any(_fits(item, conditions) for item in value)
    by_part: dict[str, list[_Condition]] = {}
    for parts, values in conditions:
        if not parts:
            if not _is_wanted(value, values):
                return False
        else:
            by_part.setdefault(parts[0], []).append((parts[1:], values))
    return all(_fits(_part(value, part), rest) for part, rest in by_part.items())


def _is_wanted(value: object, values: tuple[Scalar, ...] | None) -> bool:
    if values is None:
        return value is not None and value not in ("", {})
    # In Python True is 1; in a map it is not.
    return any(type(value) is type(one) and value == one for one in values)


def _part(value: object, part: str) -> object:
    if isinstance(value, dict):
        return value.get(part)
    # Whether something is a BaseModel is asked of all of its subclasses in turn, and beside Dagster there are thousands.
    return getattr(value, part) if part in getattr(type(value), "model_fields", ()) else None


def wrong_path(event_type: str, path: str, wanted: tuple[Scalar, ...] = ()) -> str | None:
    """What is wrong with a path into events of a type, and with the values that are wanted there; None where nothing is."""
    first, _, rest = path.partition(".")
    root: Any = BODIES[event_type] if first == "body" else Header
    ends = _ends(root, rest.split(".") if first == "body" and rest else path.split("."))
    if not ends:
        return f"no {event_type} has anything at {path}"
    for value in wanted:
        if not any(_takes(end, value) for end in ends):
            return f"{path} of a {event_type} is never {value!r}"
    return None


def _ends(annotation: Any, parts: list[str]) -> list[Any]:
    """The types that can stand at the end of a path."""
    found = _plain(annotation)
    for part in parts:
        found = [end for one in found for within in _fields(one, part) for end in _plain(within)]
    return found


def _plain(annotation: Any) -> list[Any]:
    """A type without what is around it: what each side of a union and what each item of a list is."""
    if annotation is JsonValue:
        return [JsonValue]
    origin = get_origin(annotation)
    if origin is Annotated:
        return _plain(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [end for side in get_args(annotation) if side is not type(None) for end in _plain(side)]
    if origin is tuple:
        return _plain(get_args(annotation)[0])
    return [annotation]


def _fields(annotation: Any, part: str) -> list[Any]:
    if annotation is JsonValue:
        return [JsonValue]
    if get_origin(annotation) is dict:
        return [get_args(annotation)[1]]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(part)
        return [] if field is None else [field.annotation]
    return []


def _takes(annotation: Any, value: Scalar) -> bool:
    try:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return False
        TypeAdapter(annotation, config=ConfigDict(strict=True)).validate_python(value)
    except ValidationError:
        return False
    return True
