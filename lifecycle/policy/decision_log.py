"""The decision log of an OPA server: what it says that it was asked and answered (openpolicyagent.org/docs/management-decision-logs).

The server names each entry by an id of its own, and says it with its answer: our record of the decision keeps it. Where a record has none
(the server kept no log, or the record is older), the two have the id of the request in common, which stands in the input.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lifecycle.errors import MalformedRecord, Unavailable
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.posing import posed
from lifecycle.policy.retaking import differences
from lifecycle.records.gates import Decision, GateResult
from lifecycle.records.record import Microseconds

_TYPE = "openpolicyagent.org/decision_logs"
_PATH = re.compile(r"gov/(\w+)/decision")
#: Where only canaries are asked about; no keeper decides there.
_CANARY = "canary"


@dataclass(frozen=True)
class Logged:
    """One entry about a gate. `result` is None where the policy decided nothing; `masked` where the log does not hold all of it."""

    decision_id: str
    gate: str
    request_id: str
    revisions: frozenset[str]
    at_us: Microseconds
    asked: Any
    result: Any
    masked: bool


def read_decision_log(file: Path) -> Iterator[Logged]:
    """The entries about gates: lines of JSON, or the arrays that a server uploads, gzipped or not. Canaries are left out.

    Raises Unavailable for a file that can't be read, MalformedRecord that names the line for what is no decision log.
    """
    try:
        content = file.read_bytes()
        text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise Unavailable(f"The decision log {file} can't be read: {error}.", "Name the file that the OPA server's log went to.") from error
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            said = json.loads(line) if line.strip() else []
            for entry in said if isinstance(said, list) else [said]:
                logged = _logged(entry)
                if logged is not None:
                    yield logged
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MalformedRecord(
                f"{file}:{number} is no entry of a decision log: {type(error).__name__}.", "Name the log as the OPA server wrote it."
            ) from error


def _logged(entry: dict[str, Any]) -> Logged | None:
    """The entry, where it is one about a gate that somebody asked in earnest. A server writes other lines beside these."""
    about = _PATH.fullmatch(str(entry.get("path", "")))
    if entry.get("type") != _TYPE or about is None:
        return None
    asked = entry.get("input") or {}
    if not asked or asked.get("target", {}).get("environment") == _CANARY:
        return None
    return Logged(
        decision_id=str(entry["decision_id"]),
        gate=about[1],
        request_id=str(asked.get("request", {}).get("id", "")),
        revisions=frozenset(str(bundle["revision"]) for bundle in entry.get("bundles", {}).values()),
        at_us=int(datetime.fromisoformat(_to_microseconds(entry["timestamp"])).timestamp() * 1_000_000),
        asked=asked,
        result=entry.get("result"),
        masked=bool(entry.get("erased") or entry.get("masked")),
    )


def _to_microseconds(timestamp: str) -> str:
    """RFC 3339 with at most six digits after the second: Go writes nine."""
    return re.sub(r"(\.\d{6})\d+", r"\1", timestamp)


def contradictions(decision: Decision, logged: Logged, bundle: Bundle | None) -> Iterator[str]:
    """Each thing in which an entry says something else than the decision that was recorded, in words.

    `bundle` is the one that decided, where it can be had: without it the inputs are not held against each other.
    """
    if logged.request_id != decision.input.request.id:
        yield f"the log says request {logged.request_id}, the record {decision.input.request.id}"
    if logged.gate != decision.gate:
        yield f"the log says gate {logged.gate}, the record {decision.gate}"
    if decision.policy.bundle_digest not in logged.revisions:
        yield f"the log says bundle {', '.join(sorted(logged.revisions)) or 'none'}, the record {decision.policy.bundle_digest}"
    if bundle is not None and not logged.masked and posed(decision.input.canonical(), bundle, decision.gate) != logged.asked:
        yield "another input was asked than is recorded"
    try:
        result = GateResult.of(logged.result)
    except MalformedRecord:
        yield "the log holds no decision of a gate"
        return
    yield from differences(result, decision.result)
