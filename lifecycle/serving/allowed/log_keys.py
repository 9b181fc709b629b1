"""Whose ledger a gateway believes: the key that it was given, and those that this key has agreed to since or before.

The changes of the ledger's key lie beside it in a file, as the leaves that both keys signed. Nothing in that file is believed for
lying there, so a gateway that can't reach the ledger still follows it, and nobody takes it over by writing there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.proofs.notes import VerifierKey
from lifecycle.proofs.rotation import changes_in, follow


@dataclass(frozen=True)
class LogKeys:
    """Read anew at each question, which is at every deployment and load and never at a request."""

    given: VerifierKey
    changes: Path | None = None

    def now(self) -> tuple[VerifierKey, ...]:
        """Every key of the ledger, each bound to the sizes of the ledger checkpoints that it may sign."""
        try:
            text = self.changes.read_text(encoding="utf-8") if self.changes is not None else ""
        except FileNotFoundError:
            text = ""
        except (OSError, UnicodeError) as error:
            raise Unavailable(f"{self.changes} can't be read: {error}.", "Give the gateway read access to it.") from error
        try:
            return follow((self.given,), changes_in(text)).keys
        except LifecycleError:
            # A damaged file must not stop what serves under the key that was given.
            return (self.given,)
