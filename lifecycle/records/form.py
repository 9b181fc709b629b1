"""What a person fills in in Python: a record whose mistakes are told at once, in words.

A form is written in a module and never parsed from JSON: a custom `__init__` would make pydantic leave JSON mode.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import ValidationError

from lifecycle.errors import InvalidDeclaration
from lifecycle.records.record import Record


class Form(Record):
    """A declaration or a part of one. Making it raises InvalidDeclaration that names it, each wrong field, and what is allowed."""

    #: What a person calls it, such as "The model"; a part of a declaration goes by the name of its class.
    called: ClassVar[str] = ""
    #: What to do about a wrong field.
    mend: ClassVar[str] = "Correct the named fields; docs/reference/declaration.md lists what each takes."

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            named = f"{self.called} {fields.get('name', 'without a name')!r}" if self.called else type(self).__name__
            raise InvalidDeclaration(f"{named} is not declared well: {_told(error, type(self))}.", self.mend) from error


def _told(error: ValidationError, form: type[Form]) -> str:
    """Each wrong field by its path, what is wrong with it, and what is allowed."""
    return "; ".join(_told_once(found["loc"], found["type"], found["msg"], form) for found in error.errors())


def _told_once(path: tuple[int | str, ...], kind: str, message: str, form: type[Form]) -> str:
    said = message.removeprefix("Value error, ")
    if kind == "extra_forbidden" and len(path) == 1:
        said = f"there is no such field; those are {', '.join(form.model_fields)}"
    # A check of the whole form names its fields itself.
    return f"{'.'.join(str(part) for part in path)}: {said}" if path else said
