"""Where a ledger is: one database URL, taken apart without a database library."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self
from urllib.parse import parse_qs, urlsplit

from lifecycle.errors import InvalidDeclaration

#: How long a reader or writer waits for its turn before it gives up, in seconds, unless the address says otherwise.
PATIENCE_SECONDS = 30.0

_SQLITE = "sqlite:///"
_TIMEOUT = re.compile(r"\?timeout=(\d+(?:\.\d+)?)$")


@dataclass(frozen=True)
class Address:
    """A ledger's database: a SQLite file on a local disk, or a Postgres server."""

    url: str
    dialect: Literal["sqlite", "postgresql"]
    #: The file of a SQLite ledger.
    file: Path | None
    #: How long to wait for a turn, in seconds.
    patience: float = PATIENCE_SECONDS

    @classmethod
    def parse(cls, url: str) -> Self:
        """From `sqlite:////path/ledger.db` (with `?timeout=SECONDS` or without) or `postgresql+psycopg://…`.

        Raises InvalidDeclaration for all else.
        """
        if url.startswith(_SQLITE) and url != _SQLITE and not url.endswith(":memory:"):
            timeout = _TIMEOUT.search(url)
            path = Path(_TIMEOUT.sub("", url).removeprefix(_SQLITE))
            return replace(cls.of_file(path), patience=float(timeout[1]) if timeout else PATIENCE_SECONDS)
        if url.split("://")[0] in {"postgresql", "postgresql+psycopg"}:
            return cls("postgresql+psycopg://" + url.partition("://")[2], "postgresql", None)
        raise InvalidDeclaration(
            f"{url.split('://')[0]!r} is not a database that a ledger can be kept in.",
            "Use sqlite:////path/to/ledger.db, or postgresql+psycopg://user@host/database.",
        )

    @classmethod
    def of_file(cls, file: Path) -> Self:
        """Of the SQLite ledger in a file."""
        path = file.absolute()
        return cls(f"{_SQLITE}{path}", "sqlite", path)

    @property
    def server(self) -> str:
        """The connection string of a Postgres server, as psycopg itself reads it."""
        return "postgresql://" + self.url.partition("://")[2]

    @property
    def settings(self) -> dict[str, str | int]:
        """What a connection to a Postgres server is opened with beside its address: how long it waits. What the URL says itself, counts."""
        asked = parse_qs(urlsplit(self.server).query)
        waits = f"-c lock_timeout={int(self.patience * 1000)}"
        settings: dict[str, str | int] = {"options": " ".join((waits, *asked.get("options", ())))}
        if "connect_timeout" not in asked:
            settings["connect_timeout"] = int(self.patience)
        return settings

    @property
    def shown(self) -> str:
        """The URL with `***` in place of every password."""
        if self.file is not None:
            return self.url
        without = re.sub(r"(?<=://)([^/@:]*):[^/]*@", r"\1:***@", self.url)
        return re.sub(r"((?:^|[?&])(?:ssl)?password=)[^&]*", r"\1***", without)

    def __str__(self) -> str:
        """The address as it may be shown: a password never is."""
        if self.file is not None:
            return str(self.file)
        parts = urlsplit(self.server)
        return f"{parts.hostname or 'localhost'}{parts.path}"
