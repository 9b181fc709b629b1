"""Writing the lineage of what happened to files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from lifecycle.errors import Unavailable
from lifecycle.wiring import Departments


def export_lineage(departments: Departments, format_name: Literal["openlineage", "prov"], folder: Path) -> list[Path]:
    """Writes the lineage of the whole ledger in one format; returns the files. Same ledger, same bytes."""
    from lifecycle.lineage.export import export

    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in sorted(export(departments.ledger, format_name).items()):
            path = folder / name
            path.write_bytes(content)
            written.append(path)
    except OSError as error:
        raise Unavailable(f"The lineage can't be written to {folder}: {error.strerror}.", "Choose a folder that you can write.") from error
    return written
