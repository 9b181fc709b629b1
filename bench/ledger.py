"""What the ledger costs beside the bare database: appends, verification, proofs, several writers at once, an evidence pack.

Ratios to something measured in turn with it, in the same run:
- `append_vs_raw_1`, `append_vs_raw_100`: events appended one by one and in batches of 100, from the record to the disk, against their
  bytes, ready made, written by sqlite3 alone with the same pragmas into a table of an index and the bytes
  (`append_vs_same_table_*`: against ready rows, into a table with the columns, indexes and triggers of the ledger's);
- `verify_vs_read_hash`: the structural part of verification against reading the rows and hashing them once.

And what a user waits for:
- `inclusion_proof_ms`: a proof from a log whose tree is known; `semantic_us_per_event`: the semantic part, per event;
- `worst_wait_s`: the longest append of four processes that append at once; `lost`: how many of theirs do not stand afterwards;
- `pack_seconds`: the evidence pack of one version out of a long ledger.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from bench.measuring import REPOSITORY, Figures, in_turn, main, timed
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key.keys import create_log_key
from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.ledger.storage.columns import columns_of
from lifecycle.ledger.storage.database import PAGE_BYTES
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.merkle import leaf_hash
from lifecycle.proofs.notes import VerifierKey
from lifecycle.records.bodies.serving import GuardrailVerdict, MonitoringReported
from lifecycle.records.events import Actor, Event, Link, Subject
from lifecycle.records.record import Digest, digest_of

ORIGIN = "bench.example/ledger"
#: Appends in each round, one by one and in batches.
SINGLE, BATCHES, BATCH = 300, 20, 100
#: What four processes append at once, each.
WRITERS, APPENDS = 4, 400
#: How often a ledger that is verified was signed.
SIGNATURES = 100
#: How many events the semantic part is timed on.
SEMANTIC_EVENTS = 20_000
PROOFS = 2_000
_READ = "SELECT leaf_index, stored FROM events ORDER BY leaf_index"
#: Prints the peak of its own memory, in kB: that of `getrusage` would be at least what its parent had.
_VERIFY = """
import sys
from pathlib import Path
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.notes import VerifierKey
result = verify_ledger(sys.argv[1], VerifierKey.parse(sys.argv[2]), structure_only=True)
assert result.ok and result.level == "L1", result.findings
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")))
"""


def happened(number: int, model: str = "credit") -> Event:
    """An event of about 1.9 kB, with texts, digests and numbers: a monitoring report."""
    verdicts = tuple(
        GuardrailVerdict(guardrail=f"guardrail_{place}", value=0.1 + number % 97 / 131 + place, limit=0.25, verdict="holds")
        for place in range(5)
    )
    body = MonitoringReported(
        window_from_us=1_790_000_000_000_000 + number,
        window_to_us=1_790_000_600_000_000 + number,
        rows=4_000 + number % 1_000,
        labelled_rows=200,
        verdicts=verdicts,
        psi={f"column_{place}": (number * 31 + place) % 1_000 / 7_919 for place in range(8)},
        summary={"words": "What was seen in this window, in a sentence or two that a person reads.", "champion": 3},
        report_json_digest=_digest("json", number),
        report_html_digest=_digest("html", number),
    )
    return Event.happened(
        body,
        subject=Subject(kind="model", name=model, version=1, digest=_digest(model, 0)),
        actor=Actor(id="monitoring", kind="service", authenticated=True),
        environment="production",
        inputs=tuple(Link(role=f"segment_{place}", digest=_digest("segment", number + place)) for place in range(3)),
        outputs=(Link(role="report_json", digest=_digest("json", number)), Link(role="report_html", digest=_digest("html", number))),
        run_id="3f0c6a52-0000-4000-8000-00000000beef",
    )


def _digest(what: str, number: int) -> Digest:
    return digest_of(f"{what} {number}".encode())


class Raw:
    """sqlite3 alone, which is given rows that are ready."""

    def __init__(self, file: Path, columns: int) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None)
        for pragma in (f"page_size={PAGE_BYTES}", "journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._insert = f"INSERT INTO events VALUES ({', '.join('?' * columns)})"  # noqa: S608  # question marks alone

    @classmethod
    def like_ours(cls, file: Path) -> Raw:
        """Into a table like the ledger's."""
        Ledger.open(f"sqlite:///{file}", origin=ORIGIN).close()
        return cls(file, 13)

    @classmethod
    def bare(cls, file: Path) -> Raw:
        """Into a table of an index and the bytes."""
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("CREATE TABLE events (leaf_index INTEGER PRIMARY KEY, stored BLOB NOT NULL)")
        return cls(file, 2)

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(self._insert, rows)
        self._connection.execute("COMMIT")


def appends(folder: Path, rounds: int) -> Figures:
    """Events from the record to the disk, against ready rows."""
    ledger = Ledger.open(f"sqlite:///{folder}/appends.db", origin=ORIGIN)
    raw_bytes, same_table = Raw.bare(folder / "bare.db"), Raw.like_ours(folder / "same.db")
    numbers, indexes = count(), count()

    def ours(batches: Sequence[Sequence[Event]]) -> Callable[[], None]:
        def write() -> None:
            for batch in batches:
                with ledger.writing() as writer:
                    writer.append_all(batch)

        return write

    def raw(target: Raw, rows: Callable[[Event], tuple[Any, ...]], batches: Sequence[Sequence[Event]]) -> Callable[[], None]:
        ready = [[(next(indexes), *rows(event)) for event in batch] for batch in batches]

        def write() -> None:
            for batch in ready:
                target.write(batch)

        return write

    def one_round(batches: int, batch: int) -> tuple[float, float, float]:
        made = [[happened(next(numbers)) for _ in range(batch)] for _ in range(batches)]
        works = (ours(made), raw(raw_bytes, lambda event: (event.canonical(),), made), raw(same_table, _row, made))
        first, second, third = (timed(work) / (batches * batch) for work in works)
        return first, second, third

    figures: Figures = {"event_bytes": len(happened(0).canonical())}
    for name, batches, batch in (("1", SINGLE, 1), ("100", BATCHES, BATCH)):
        one_round(2, batch)
        mine, least, same = (statistics.median(column) for column in zip(*(one_round(batches, batch) for _ in range(rounds)), strict=True))
        figures |= {
            f"append_us_{name}": round(mine * 1e6, 1),
            f"append_vs_raw_{name}": round(least / mine, 3),
            f"append_vs_same_table_{name}": round(same / mine, 3),
        }
    ledger.close()
    return figures


def _row(event: Event) -> tuple[Any, ...]:
    stored = event.canonical()
    return (*columns_of(event), leaf_hash(stored), stored)


def filled(url: str, events: int, key_file: Path) -> None:
    """A ledger of this many events on a hundred models, signed now and then."""
    numbers = count()
    with Ledger.open(url, origin=ORIGIN) as ledger:
        for _ in range(SIGNATURES):
            with ledger.writing() as writer:
                writer.append_all([happened(number, f"model_{number % 100}") for number in _next(numbers, events // SIGNATURES)])
            sign_ledger(url, key_file, ORIGIN)


def _next(numbers: Iterator[int], how_many: int) -> Iterator[int]:
    return (next(numbers) for _ in range(how_many))


def verification(folder: Path, rounds: int, events: int) -> Figures:
    """The structural part against the least that it could do, its memory, the semantic part, and proofs."""
    key = create_log_key(folder / "keys", ORIGIN)
    url, short = f"sqlite:///{folder}/verified.db", f"sqlite:///{folder}/short.db"
    filled(url, events, folder / "keys" / "ledger.key")
    filled(short, min(events, SEMANTIC_EVENTS), _second_key(folder))

    def read_and_hash() -> None:
        with closing(sqlite3.connect(folder / "verified.db")) as connection:
            for _, stored in connection.execute(_READ):
                hashlib.sha256(b"\x00" + stored).digest()

    structure = partial(_require_whole, url, key, structure_only=True)
    in_turn((read_and_hash, structure), 1)
    least, ours = in_turn((read_and_hash, structure), rounds)
    semantic = partial(_require_whole, short, None)
    part, whole = in_turn((partial(semantic, structure_only=True), semantic), rounds)
    return {
        "events": events,
        "read_hash_seconds": least.as_json(),
        "verify_seconds": ours.as_json(),
        "verify_vs_read_hash": round(ours.median / least.median, 3),
        "verify_peak_mb": int(_alone(_VERIFY, url, str(key))) // 1024,
        "semantic_us_per_event": round((whole.median - part.median) / min(events, SEMANTIC_EVENTS) * 1e6, 1),
        "inclusion_proof_ms": round(proof_seconds(url, events) * 1e3, 4),
    }


def _second_key(folder: Path) -> Path:
    create_log_key(folder / "short-keys", ORIGIN)
    return folder / "short-keys" / "ledger.key"


def _require_whole(url: str, key: VerifierKey | None, *, structure_only: bool = False) -> None:
    result = verify_ledger(url, key, structure_only=structure_only)
    if not result.ok:
        raise RuntimeError(f"the ledger of the bench does not hold: {result.findings[0].what}")


def _alone(script: str, *arguments: str) -> str:
    """What a script prints in a process of its own."""
    return subprocess.run([sys.executable, "-c", script, *arguments], cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout


def proof_seconds(url: str, events: int) -> float:
    """One inclusion proof, once the tree is known."""
    places = random.Random(7).choices(range(events), k=PROOFS)
    with Ledger.open(url, origin=ORIGIN) as ledger:
        ledger.inclusion(0, events)
        return timed(lambda: [ledger.inclusion(place, events) for place in places]) / PROOFS


def writers_at_once(folder: Path) -> Figures:
    """Four processes append one by one, as fast as they can."""
    url = f"sqlite:///{folder}/shared.db"
    Ledger.open(url, origin=ORIGIN).close()
    with multiprocessing.get_context("spawn").Pool(WRITERS) as pool:
        waits = [wait for waited in pool.starmap(write_alone, [(url, number) for number in range(WRITERS)]) for wait in waited]
    with Ledger.open(url, origin=ORIGIN) as ledger:
        size = ledger.head().size
    ordered = sorted(waits)
    return {"worst_wait_s": round(ordered[-1], 4), "median_wait_s": round(ordered[len(ordered) // 2], 5), "lost": WRITERS * APPENDS - size}


def write_alone(url: str, number: int) -> list[float]:
    """What one of the processes does; how long each append took."""
    with Ledger.open(url, origin=ORIGIN) as ledger:
        events = [happened(number * APPENDS + place) for place in range(APPENDS)]
        return [timed(partial(ledger.append, event)) for event in events]


def pack(home: Path, events: int) -> Figures:
    """The evidence pack of one version that was really trained, out of this many events."""
    from lifecycle.definitions import lifecycle_definitions
    from lifecycle.evidence.pack import Packed, Scope
    from lifecycle.launching import require_success, run_job
    from lifecycle.life.packing import pack as packed
    from lifecycle.life.signing import sign
    from lifecycle.wiring import Departments

    os.environ |= {"LIFECYCLE_HOME": str(home), "LIFECYCLE_PROJECT": str(REPOSITORY), "DAGSTER_DISABLE_TELEMETRY": "yes"}
    departments = Departments.here()
    require_success(run_job(departments, lifecycle_definitions(), "credit_train_to_gate", log_level="CRITICAL"))
    ledger = departments.ledger
    while ledger.head().size < events:
        with ledger.writing() as writer:
            writer.append_all([happened(number, f"model_{number % 100}") for number in range(min(1_000, events - ledger.head().size))])
    sign(departments)
    made: list[Packed] = []
    with (home / "pack.zip").open("w+b") as target:
        seconds = timed(lambda: made.append(packed(Departments.here(make=False), Scope("credit", 1), target)))
    return {"pack_seconds": round(seconds, 3), "pack_of_events": made[0].size, "pack_records": made[0].records}


def bench(rounds: int, events: int) -> Figures:
    """What the ledger costs beside the bare database."""
    with tempfile.TemporaryDirectory(prefix="bench-ledger-") as scratch:
        folder = Path(scratch)
        return {
            **appends(folder, rounds),
            **writers_at_once(folder),
            **verification(folder, rounds, events),
            **pack(folder / "home", min(events, 100_000)),
        }


if __name__ == "__main__":
    main(
        "ledger",
        bench,
        rounds=3,
        events=(100_000, "how many events the ledger that is verified has; the figure that is promised is for 1000000"),
    )
