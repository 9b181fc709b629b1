"""What a database says when it fails, in our words: no exception of a database library leaves the ledger.

SQLite is understood by its words, which never change; Postgres by its codes, because it speaks the language of its server.
"""

from __future__ import annotations

from typing import Literal

from lifecycle.errors import LifecycleError, MalformedRecord, Tampered, Unavailable
from lifecycle.ledger.address import Address

Failure = Literal["locked", "full", "broken", "read-only", "forbidden", "refused", "damaged", "silent"]

#: The first that fits, of what SQLite says in lower case.
_SAID: tuple[tuple[str, Failure], ...] = (
    ("locked", "locked"),
    ("busy", "locked"),
    ("disk is full", "full"),
    ("no space", "full"),
    ("disk i/o error", "broken"),
    ("readonly", "read-only"),
    ("read-only", "read-only"),
    ("permission denied", "read-only"),
    ("malformed", "damaged"),
    ("not a database", "damaged"),
    ("file format", "damaged"),
    ("constraint failed", "damaged"),
    ("append-only", "damaged"),
    ("no such", "damaged"),
    ("could not decode", "damaged"),
)
#: SQLSTATE, or its class (Postgres manual, appendix A); LE001 and LE002 are raised by the functions of migration 0003.
_CODES: dict[str, Failure] = {
    "55P03": "locked",
    "53100": "full",
    "58030": "broken",
    "25006": "read-only",
    "42501": "forbidden",
    "LE001": "refused",
    "LE002": "damaged",
    # What a trigger raises, what a constraint refuses, what is no text, what is not there, what is corrupted.
    "P0001": "damaged",
    "23": "damaged",
    "22": "damaged",
    "42": "damaged",
    "XX": "damaged",
}
#: A table that is not there: there is no ledger.
UNDEFINED_TABLE = "42P01"


def explained(error: Exception, address: Address) -> LifecycleError:
    """The error that the ledger raises from this one of a database library."""
    driver = getattr(error, "orig", None) or error
    said = (str(driver).strip().splitlines() or [type(driver).__name__])[0]
    match _failure(driver, said, by_code=address.file is None):
        case "locked":
            return Unavailable(
                f"The ledger {address} is locked by another process for longer than it may be waited for.",
                "Wait for that process to end, or stop it, and try again. Nothing was written.",
            )
        case "full":
            return Unavailable(f"The disk of the ledger {address} is full.", "Free some space and try again. Nothing was written.")
        case "broken":
            return Unavailable(
                f"The disk of the ledger {address} failed: {said}.",
                "Look at the disk, run `lifecycle ledger fsck`, and try again: the same event is recorded once.",
            )
        case "read-only":
            return Unavailable(
                f"The ledger {address} can't be written: {said}.",
                "Give yourself write access to the file and its folder; on a server, use the one that takes writes.",
            )
        case "forbidden":
            return Unavailable(
                f"The role that connects to the ledger {address} may not do this: {said}.",
                "Connect as the role for it; `lifecycle ledger roles` shows which role may do what.",
            )
        case "refused":
            return MalformedRecord(
                f"The database of the ledger {address} takes no such record: {said}.", "Append through `Ledger`, at its own version."
            )
        case "damaged":
            return Tampered(
                f"The database of the ledger {address} is damaged or was tampered with: {said}.",
                "Keep a copy of it, run `lifecycle ledger verify`, and restore a backup.",
            )
        case "silent":
            return Unavailable(
                f"The ledger {address} does not answer: {said}.",
                "Check that the path or the server exists, that it runs, and that you have access; then try again: the same event is "
                "recorded once.",
            )


def code_of(error: BaseException) -> str | None:
    """The SQLSTATE that a driver of Postgres gives an error, by itself or under SQLAlchemy's."""
    code = getattr(getattr(error, "orig", None) or error, "sqlstate", None)
    return code if isinstance(code, str) else None


def absent(address: Address) -> Unavailable:
    """There is no ledger at this address."""
    return Unavailable(
        f"There is no ledger at {address}.",
        "`lifecycle demo` and `lifecycle train` make one; or pass the URL of another.",
    )


def _failure(error: Exception, said: str, *, by_code: bool) -> Failure:
    if isinstance(error, UnicodeError):
        return "damaged"
    if by_code:
        # Without a code there was no answer: a server that is down, a name that nobody knows.
        code = code_of(error) or ""
        return _CODES.get(code) or _CODES.get(code[:2], "silent")
    lowered = said.lower()
    return next((failure for sign, failure in _SAID if sign in lowered), "silent")
