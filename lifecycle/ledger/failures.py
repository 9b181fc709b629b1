"""What a database says when it fails, in our words: no exception of a database library leaves the ledger."""

from __future__ import annotations

from lifecycle.errors import LifecycleError, Tampered, Unavailable
from lifecycle.ledger.address import Address

_SIGNS_OF_DAMAGE = ("malformed", "not a database", "file format", "constraint failed", "append-only", "no such", "could not decode")


def explained(error: Exception, address: Address) -> LifecycleError:
    """The error that the ledger raises from this one of a database library."""
    said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    lowered = said.lower()
    if "locked" in lowered or "busy" in lowered or "lock timeout" in lowered:
        return Unavailable(
            f"The ledger {address} is locked by another process for longer than it may be waited for.",
            "Wait for that process to end, or stop it, and try again. Nothing was written.",
        )
    if "full" in lowered and ("disk" in lowered or "space" in lowered):
        return Unavailable(f"The disk of the ledger {address} is full.", "Free some space and try again. Nothing was written.")
    if "readonly" in lowered or "read-only" in lowered or "permission denied" in lowered:
        return Unavailable(f"The ledger {address} can't be written: {said}.", "Give yourself write access to the file and its folder.")
    if isinstance(error, UnicodeError) or any(sign in lowered for sign in _SIGNS_OF_DAMAGE):
        return Tampered(
            f"The database of the ledger {address} is damaged or was tampered with: {said}.",
            "Keep a copy of it, run `lifecycle ledger verify`, and restore a backup.",
        )
    return Unavailable(
        f"The ledger {address} does not answer: {said}.",
        "Check that the path or the server exists, that it runs, and that you have access; then try again.",
    )


def absent(address: Address) -> Unavailable:
    """There is no ledger at this address."""
    return Unavailable(
        f"There is no ledger at {address}.",
        "`lifecycle demo` and `lifecycle train` make one; or pass the URL of another.",
    )
