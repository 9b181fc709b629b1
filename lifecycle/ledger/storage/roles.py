"""Who may do what to a ledger on a Postgres server: roles of their own for owning, appending, signing, keeping and reading it.

| role   | may                                                                                                        |
| ------ | ---------------------------------------------------------------------------------------------------------- |
| owner  | everything; nobody logs in as it, but an administrator can act as it: to restore, to mend columns, to        |
|        | migrate. Tables and functions are its own, so that no other role can change them                            |
| app    | read; append through the functions of migration 0003, which give place, hash, columns and head themselves   |
| signer | read; keep signed ledger checkpoints and receipts of anchors                                                |
| keeper | what the app may; take bytes and openings away after their time; write projections anew                     |
| reader | read                                                                                                       |

None but the owner (and whoever administers the server, who bypasses all of this) can change, delete or empty what was recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields

from lifecycle.errors import InvalidDeclaration
from lifecycle.ledger.address import Address
from lifecycle.ledger.storage.database import Database
from lifecycle.ledger.storage.drivers import answering, connect

_ROLE = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_TABLES = ("alembic_version", "anchors", "checkpoints", "events", "head", "openings", "states", "streams")
_FUNCTIONS = (
    "ledger_take_turn()",
    "ledger_append(bytea[])",
    "ledger_move_state(text, bigint, text, text, bigint)",
    "ledger_keep(text, text, text, text)",
)
_WIPES = "ledger_wipe_openings()"
_ALL_TABLES, _ALL_FUNCTIONS = ", ".join(_TABLES), ", ".join((*_FUNCTIONS, _WIPES))
_APPENDS = (f"GRANT EXECUTE ON FUNCTION {', '.join(_FUNCTIONS)} TO {{role}}",)
_SIGNS = ("GRANT INSERT ON checkpoints, anchors TO {role}",)
_KEEPS = (
    "GRANT UPDATE (stored) ON events TO {role}",
    "GRANT DELETE ON openings TO {role}",
    f"GRANT EXECUTE ON FUNCTION {_WIPES} TO {{role}}",
    "GRANT UPDATE (size, frontier) ON head TO {role}",
    "GRANT INSERT, UPDATE, DELETE ON states, streams TO {role}",
)

#: What each role that can log in may do, asked of the server itself.
_RIGHTS = """
SELECT r.rolname, r.rolsuper,
  r.rolsuper OR pg_has_role(r.oid, c.relowner, 'MEMBER'),
  has_table_privilege(r.oid, c.oid, 'SELECT'),
  has_function_privilege(r.oid, 'ledger_append(bytea[])', 'EXECUTE'),
  has_table_privilege(r.oid, 'checkpoints', 'INSERT'),
  has_column_privilege(r.oid, c.oid, 'stored', 'UPDATE'),
  has_table_privilege(r.oid, c.oid, 'INSERT') OR has_table_privilege(r.oid, c.oid, 'UPDATE')
    OR has_table_privilege(r.oid, c.oid, 'DELETE') OR has_table_privilege(r.oid, c.oid, 'TRUNCATE')
FROM pg_roles r, pg_class c
WHERE c.oid = to_regclass('events') AND r.rolcanlogin ORDER BY r.rolname
"""


@dataclass(frozen=True)
class Roles:
    """The roles of one ledger, by name; what nobody is named for, the app does, but for keeping."""

    app: str
    owner: str = "ledger_owner"
    signer: str | None = None
    keeper: str | None = None
    reader: str | None = None

    def __post_init__(self) -> None:
        named = [value for field in fields(self) if (value := getattr(self, field.name)) is not None]
        for name in named:
            if not _ROLE.fullmatch(name):
                raise InvalidDeclaration(
                    f"{name!r} can't name a role.", "Use small letters, digits and underscores, at most 63 of them, such as ledger_app."
                )
        if len(set(named)) != len(named):
            raise InvalidDeclaration("One role is named for two parts.", "Name a role of its own for each part, or leave the part out.")

    def statements(self) -> tuple[str, ...]:
        """The SQL that makes it so, one statement each; it can be run again, and takes back what a role had beyond its part."""
        return tuple(self._written())

    def _written(self) -> Iterator[str]:
        yield _made(self.owner, "NOLOGIN")
        yield "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
        yield f"GRANT USAGE, CREATE ON SCHEMA public TO {self.owner}"
        yield from (f"ALTER TABLE {table} OWNER TO {self.owner}" for table in _TABLES)
        yield from (f"ALTER FUNCTION {function} OWNER TO {self.owner}" for function in (*_FUNCTIONS, _WIPES, "refuse_change()"))
        yield f"REVOKE ALL ON {_ALL_TABLES} FROM PUBLIC"
        yield f"REVOKE ALL ON FUNCTION {_ALL_FUNCTIONS} FROM PUBLIC"
        yield from self._granted(self.app, *_APPENDS, *(() if self.signer else _SIGNS))
        yield from self._granted(self.signer, *_SIGNS)
        yield from self._granted(self.keeper, *_APPENDS, *_KEEPS)
        yield from self._granted(self.reader)

    def _granted(self, role: str | None, *grants: str) -> Iterator[str]:
        if role is None:
            return
        yield _made(role, "LOGIN")
        yield f"REVOKE {self.owner} FROM {role}"
        yield f"REVOKE ALL ON {_ALL_TABLES} FROM {role}"
        yield f"REVOKE ALL ON FUNCTION {_ALL_FUNCTIONS} FROM {role}"
        yield f"GRANT USAGE ON SCHEMA public TO {role}"
        yield f"GRANT SELECT ON {_ALL_TABLES} TO {role}"
        yield from (grant.format(role=role) for grant in grants)


@dataclass(frozen=True)
class Rights:
    """What one role that can log in may do. `rewrites`: change, delete or empty what was recorded."""

    role: str
    administers: bool
    owns: bool
    reads: bool
    appends: bool
    signs: bool
    prunes: bool
    rewrites: bool


def apply(url: str, roles: Roles, *, origin: str) -> None:
    """Makes the roles and gives them their rights, all or nothing, as the role that the URL connects as.

    Where no ledger stands yet, one of this origin is made first: roles are taken apart before anybody writes. Raises InvalidDeclaration
    for a ledger in a file, Unavailable where that role may not do it.
    """
    address = _server(url)
    _make_tables(address, origin)
    connection = connect(address, writable=True)
    try:
        with answering(address), connection.transaction():
            for statement in roles.statements():
                connection.execute(statement.encode())
    finally:
        connection.close()


def rights(url: str) -> tuple[Rights, ...]:
    """What every role that can log in may do to this ledger, by name. Raises as `apply` does."""
    address = _server(url)
    connection = connect(address, writable=False)
    try:
        with answering(address):
            return tuple(Rights(*row) for row in connection.execute(_RIGHTS).fetchall())
    finally:
        connection.close()


def _make_tables(address: Address, origin: str) -> None:
    database = Database(address)
    try:
        if not database.stands():
            database.prepare(origin, create=True)
    finally:
        database.close()


def _server(url: str) -> Address:
    address = Address.parse(url)
    if address.file is not None:
        raise InvalidDeclaration(
            f"{address} is a file, and whoever may write a file may change all of it.",
            "Roles are for a ledger on a Postgres server; a file is guarded by the user that it belongs to.",
        )
    return address


def _made(role: str, login: str) -> str:
    return f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} {login}; END IF; END $$"
