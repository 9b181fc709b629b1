"""The triggers by which a database refuses to change what was recorded: a seat belt, which whoever owns the database can take off.

Verification does not rest on them; that one is gone tells that somebody took it off. The migrations make them.
"""

from __future__ import annotations

#: Of a SQLite ledger, by name.
IN_FILE = frozenset(f"{table}_refuse_{change}" for table in ("events", "checkpoints", "anchors", "head") for change in ("update", "delete"))
#: Of one on Postgres.
ON_SERVER = frozenset({"events_refuse_update", *(f"{table}_refuse_change" for table in ("events", "checkpoints", "anchors", "head"))})

#: The names of those that stand; on Postgres one can be turned off and left where it is.
STANDING_IN_FILE = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
STANDING_ON_SERVER = (
    "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') "
    "AND tgrelid IN (to_regclass('events'), to_regclass('checkpoints'), to_regclass('anchors'), to_regclass('head'))"
)
