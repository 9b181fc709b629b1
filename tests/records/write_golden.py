"""Writes the golden lines of samples that have none yet: `python -m tests.records.write_golden`.

What stands is never written again: a new sample of a kind comes after those that stand.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lifecycle.approvals.people import Registry
from lifecycle.records.record import Record
from tests.records.samples import samples

GOLDEN = Path(__file__).parent / "golden"


def bytes_of(record: Record) -> bytes:
    """A record as it is stored: of a registry, all but what is to be forgotten with a person."""
    return record.document if isinstance(record, Registry) else record.canonical()


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for name, records in samples().items():
        file = GOLDEN / f"{name}.jsonl"
        standing = len(file.read_bytes().splitlines()) if file.exists() else 0
        if len(records) > standing:
            with file.open("ab") as lines:
                lines.writelines(bytes_of(record) + b"\n" for record in records[standing:])
            sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    main()
