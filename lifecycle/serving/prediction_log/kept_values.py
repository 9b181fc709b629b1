"""What was asked, as far as it is kept: found by whom it is about, and overwritten where it has to go.

A line of values is overwritten where it lies, with spaces up to its line feed, while the gateway writes on; the row beside it
keeps its commitment, and with it every proof. What a crash left half overwritten begins with a space, and is finished the next time.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lifecycle.errors import Unavailable
from lifecycle.records.record import Digest, Id, Name
from lifecycle.serving.prediction_log.segment_reading import parsed_row, whole_lines
from lifecycle.serving.prediction_log.segments import ROWS, VALUES, ModelLog, held, model_logs

_ID = re.compile(rb'"id":"([a-z0-9-]+)"')


@dataclass(frozen=True)
class Kept:
    """What was asked of one prediction is kept. `commitment` is that of its row; None where a crash left it without one."""

    model: Name
    prediction_id: Id
    commitment: Digest | None


class _Line(NamedTuple):
    """A line of a file of values, and where it begins. `said` is None for what is no JSON object."""

    start: int
    stored: bytes
    said: Mapping[str, Any] | None
    #: It is the last one, and has no line feed.
    torn: bool

    @property
    def begun(self) -> bool:
        """A crash left it half overwritten, or half written: no row is of it, and it may not say any more whom it is about."""
        return self.stored.startswith(b" ") or (self.torn and self.said is None)

    @property
    def id(self) -> str | None:
        """The prediction that it is of, as far as it says so."""
        if self.said is not None:
            return str(self.said.get("id"))
        named = _ID.search(self.stored)
        return None if named is None else named[1].decode()

    def is_about(self, name: str) -> bool:
        """Whether it names this subject or request. Of what a crash tore, wherever in it the name stands."""
        if self.said is None:
            return json.dumps(name, ensure_ascii=False).encode() in self.stored
        return name in (self.said.get("subject"), self.said.get("request_id"))


class KeptValues:
    """The values of one prediction log, in a folder for each gateway. Works on its files beside whoever writes them."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders

    def of(self, name: str) -> tuple[Kept, ...]:
        """Everything that is kept of a `subject`, or under a caller's own id of a request.

        Also what has no row, what is not what its row was committed to, and what a crash tore: its bytes are there all the same. Raises
        Tampered for a row that is none, Unavailable where the log can't be read.
        """
        found = []
        for log in (log for folder in self._folders for log in model_logs(folder)):
            ids = [line.id for file in log.files(VALUES) for line in _lines(file) if line.id is not None and line.is_about(name)]
            commitments = _commitments(log, frozenset(ids)) if ids else {}
            found += [Kept(log.model, one, commitments.get(one)) for one in ids]
        return tuple(found)

    def erase(self, kept: Iterable[Kept]) -> None:
        """Overwrites these values, and makes that durable. What is gone already stays gone. Raises Unavailable like `of`."""
        by_model: dict[str, set[str]] = defaultdict(set)
        for one in kept:
            by_model[one.model].add(one.prediction_id)
        for model, ids in by_model.items():
            for file in (file for folder in self._folders for file in ModelLog(folder / model).files(VALUES)):
                _erase_in(file, ids)


def _erase_in(file: Path, ids: set[str]) -> None:
    going = [line for line in _lines(file) if line.begun or line.id in ids]
    if not going:
        return
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            for line in going:
                os.pwrite(descriptor, b" " * len(line.stored), line.start)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Unavailable(f"{file} can't be written: {error.strerror}.", "Give write access to it, and erase again.") from error


def _lines(file: Path) -> Iterator[_Line]:
    start = 0
    try:
        with file.open("rb") as opened:
            for line in opened:
                stored = line.removesuffix(b"\n")
                # What has no line feed is torn, unless its writer is still at it: then it is a whole line in a moment.
                if stored.strip(b" ") and (stored != line or not _is_written(file)):
                    yield _Line(start, stored, _object(stored), stored == line)
                start += len(line)
    except OSError as error:
        raise Unavailable(f"{file} can't be read: {error.strerror}.", "Give read access to it.") from error


def _is_written(file: Path) -> bool:
    try:
        with held(file):
            return False
    except BlockingIOError:
        return True


def _object(line: bytes) -> Mapping[str, Any] | None:
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _commitments(log: ModelLog, ids: frozenset[str]) -> dict[str, Digest]:
    """The commitments in the rows of these predictions."""
    found = {}
    for file in log.files(ROWS):
        for position, line in enumerate(whole_lines(file)):
            named = _ID.search(line)
            if named is not None and named[1].decode() in ids:
                found[named[1].decode()] = parsed_row(file, position, line).input_commitment
    return found
