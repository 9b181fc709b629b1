"""Events that the ledger will not take: set aside, counted, and said aloud until somebody has looked into them."""

from __future__ import annotations

from pathlib import Path

from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.records.events import Event


class RefusedEvents:
    """The events in one file, one per line. Whoever has looked into them moves the file away."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, event: Event) -> None:
        """Sets an event aside. Raises Unavailable where the disk does not take it."""
        try:
            with self.path.open("ab") as file:
                file.write(event.canonical() + b"\n")
        except OSError as error:
            raise Unavailable(f"{self.path} can't be written: {error.strerror}.", "Free space on its disk.") from error

    @property
    def count(self) -> int:
        return len(self._lines())

    def faults(self) -> dict[str, str]:
        """By model: what the ledger refused to know of it."""
        refused: dict[str, dict[str, None]] = {}
        for line in self._lines():
            try:
                event = Event.parse(line)
            except LifecycleError:
                continue
            # Each once, in the order of the first.
            refused.setdefault(event.subject.name, {})[f"{event.type} of {event.subject}"] = None
        return {
            name: f"the ledger refused events of {name} ({', '.join(told)}): it does not tell what serves here. "
            f"They lie in {self.path}; find out why, and then move that file away."
            for name, told in refused.items()
        }

    def _lines(self) -> list[bytes]:
        return self.path.read_bytes().splitlines() if self.path.exists() else []
