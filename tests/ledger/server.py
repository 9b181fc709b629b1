"""A Postgres server of the tests' own: started as somebody who is not root, on a socket, in a folder that goes with it."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from tests.conftest import skip_or_fail

#: Postgres refuses to run as root; Debian's packages make this user for it.
UNPRIVILEGED = "postgres"
#: Who owns the server; trusted on its socket.
SUPERUSER = "ledger"

_PATIENCE_SECONDS = 60.0


class Server:
    """A running server. Stopped at once it recovers from its log when it is started again."""

    def __init__(self, folder: Path, initdb: str, postgres: str) -> None:
        self._folder = folder
        self._postgres = postgres
        self._who = _account()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count()
        if self._who:
            os.chown(folder, self._who["user"], self._who["group"])
        command = [initdb, "-D", f"{folder}/data", "-A", "trust", "-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, **self._who)

    def url(self, database: str = "postgres", *, user: str = SUPERUSER) -> str:
        """The address of one of its databases, for one of its roles."""
        return f"postgresql://{user}@/{database}?host={self._folder}"

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        import psycopg

        # What a machine that loses its power would lose is not asked of a server in a temporary folder.
        options = ("-c", "listen_addresses=", "-c", "max_connections=60", "-c", "fsync=off")
        command = [self._postgres, "-D", f"{self._folder}/data", "-k", str(self._folder), *options]
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log, **self._who)
        log.close()
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                psycopg.connect(self.url()).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def stop(self, *, at_once: bool = False) -> None:
        """Ends every connection and the server; `at_once` without a word, as a crash does."""
        if self._process is not None:
            # SIGINT is Postgres' fast shutdown, SIGQUIT its immediate one.
            self._process.send_signal(3 if at_once else 2)
            self._process.wait(timeout=_PATIENCE_SECONDS)
            self._process = None

    def empty_database(self) -> str:
        """The address of a new database."""
        import psycopg

        name = f"ledger_{next(self._numbers)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)


@contextmanager
def running_server(initdb: str, postgres: str) -> Iterator[Server]:
    """A server for one block."""
    # Not under pytest's folder, which the server's user may not enter; and short, because a socket's path is.
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        server = Server(Path(name), initdb, postgres)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _account() -> dict[str, Any]:
    """How to start the server's programs as somebody who is not root."""
    if os.geteuid() != 0:
        return {}
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        skip_or_fail(f"root can't run Postgres, and there is no user {UNPRIVILEGED}")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
