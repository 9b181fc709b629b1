"""Writing somebody into people.yaml, so that the file is whole at every moment and says nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import JsonValue

from lifecycle import durable
from lifecycle.approvals.people import PERSONAL, Key, People, Person
from lifecycle.errors import InvalidDeclaration, Unavailable
from lifecycle.records.documents import parse_yaml
from lifecycle.records.record import ActorId, JsonObject

_HOME_HEADER = """\
# The people of this home. They count in the environment `local` only, beside those of governance/people.yaml.
"""


def enrol_person(path: Path, person: Person, before_it_counts: Callable[[Path], None]) -> None:
    """Adds a person to the registry in this file, which is made if need be.

    `before_it_counts` is called with the new file before it takes the place of the old one: whatever it raises leaves the
    registry as it was. Two that enrol at once take turns. Raises InvalidDeclaration for a file that is no registry,
    Unavailable where it can't be written.
    """
    _replaced(path, lambda: _with(path, person), before_it_counts)


def enrol_key(path: Path, person: ActorId, key: Key, before_it_counts: Callable[[Path], None]) -> None:
    """Adds a key to what the registry in this file says of a person; otherwise like `enrol_person`.

    Raises InvalidDeclaration where the file knows no such person.
    """
    _replaced(path, lambda: _with_key(path, person, key), before_it_counts)


def _replaced(path: Path, text: Callable[[], str], before_it_counts: Callable[[Path], None]) -> None:
    new = path.with_name(f".{path.name}.new")
    try:
        with _alone_with(path):
            new.write_text(text(), encoding="utf-8")
            try:
                before_it_counts(new)
                _replace(new, path)
            finally:
                new.unlink(missing_ok=True)
    except OSError as error:
        raise Unavailable(f"{path} can't be written: {error.strerror}.", "Give yourself write access to it.") from error


def forget_directory_entry(path: Path, person: ActorId | None) -> None:
    """Takes out of the registry in this file what it says of a person beyond their id, roles, teams and keys.

    With it goes what an enrolment that was killed left beside the file, and for None that alone. Nothing else happens where there is
    no such file, or it says nothing more of that person. Raises InvalidDeclaration for a file that
    is no registry, Unavailable where it can't be written.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        if not path.parent.exists():
            return
        with _alone_with(path):
            new.unlink(missing_ok=True)
            if person is None or not path.exists():
                return
            text, content, people = _read(path)
            entry = next((one for one in people if isinstance(one, dict) and one.get("id") == person), {})
            if not entry.keys() & set(PERSONAL):
                return
            for personal in PERSONAL:
                entry.pop(personal, None)
            new.write_text(_written(text, {**content, "people": people}), encoding="utf-8")
            _replace(new, path)
    except OSError as error:
        raise Unavailable(f"{path} can't be written: {error.strerror}.", "Give yourself write access to it.") from error


def _with(path: Path, person: Person) -> str:
    """The text of the registry with one person more; the comments that it begins with stay."""
    text, content, people = _read(path)
    return _written(text, {**content, "people": [*people, _plain(person)]})


def _with_key(path: Path, person: ActorId, key: Key) -> str:
    """The same with one key more."""
    text, content, people = _read(path)
    entry = next((one for one in people if isinstance(one, dict) and one.get("id") == person), None)
    if entry is None:
        raise InvalidDeclaration(f"{path} does not have {person} any more.", "Enrol them again: `lifecycle people add`.")
    keys = entry.get("keys") or []
    assert isinstance(keys, list)  # People.read accepts nothing else
    entry["keys"] = [*keys, plain_key(key)]
    return _written(text, {**content, "people": people})


def plain_key(key: Key) -> JsonObject:
    """A key as it stands in a registry's file."""
    return key.model_dump(mode="json", exclude_none=True)


def yaml_entry(key: Key) -> str:
    """What has to stand under the keys of a person in a registry's file."""
    import yaml

    return yaml.safe_dump([plain_key(key)], sort_keys=False, width=120)


def _read(path: Path) -> tuple[str, JsonObject, list[JsonValue]]:
    """The text of a registry, what it says, and its people."""
    text = path.read_text(encoding="utf-8") if path.exists() else _HOME_HEADER
    if path.exists():
        People.read(path)
    content = parse_yaml(text, str(path)) or {}
    assert isinstance(content, dict)  # People.read accepts nothing else
    people = content.get("people") or []
    assert isinstance(people, list)
    return text, content, people


def _written(text: str, content: JsonObject) -> str:
    """What a registry is to say, under the comments that its text began with."""
    import yaml

    header = "".join(_leading_comments(text))
    return header + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def _plain(person: Person) -> dict[str, JsonValue]:
    return {name: value for name, value in person.model_dump(mode="json", exclude_none=True).items() if value not in ("", [])}


def _leading_comments(text: str) -> Iterator[str]:
    for line in text.splitlines(keepends=True):
        if line.strip() and not line.startswith("#"):
            return
        yield line


@contextmanager
def _alone_with(path: Path) -> Iterator[None]:
    """Holds a lock on the folder of the file, which every enrolment takes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with durable.locked(path.parent):
        yield


def _replace(new: Path, path: Path) -> None:
    durable.sync_file(new)
    new.replace(path)
    durable.sync_folder(path.parent)
