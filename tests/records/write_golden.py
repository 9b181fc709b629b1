"""Writes the golden lines of what has none yet: `python -m tests.records.write_golden`. What stands is never written again."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.records.samples import samples

GOLDEN = Path(__file__).parent / "golden"


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for name, records in samples().items():
        file = GOLDEN / f"{name}.jsonl"
        if not file.exists():
            file.write_bytes(b"".join(record.canonical() + b"\n" for record in records))
            sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    main()
