"""Small events to fill a ledger with, and what it takes to tamper with one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from lifecycle.records.bodies import KeyRevoked, ModelEvaluated, ModelTrained, VersionRetired, VersionRevoked
from lifecycle.records.bodies.training import Metering
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.record import Digest, digest_of
from tests.records.declarations import declared

ORIGIN = "example.org/ledger"
SERVICE = Actor(id="tests", kind="service")


def digest(text: str) -> Digest:
    return digest_of(text.encode())


def happening(number: int, *, event_id: str | None = None, run_id: str | None = None) -> Event:
    """An event that moves no version: a key that was revoked."""
    return Event.happened(
        KeyRevoked(person=f"person-{number}", key_id="key", reason="lost"),
        subject=Subject(kind="key", name="keys"),
        actor=SERVICE,
        environment="local",
        run_id=run_id,
        event_id=event_id,
    )


def trained(version: int, *, model: str = "credit") -> Event:
    """A version comes to be."""
    metering = Metering(
        device="cpu", precision="float32", seconds=1.0, peak_memory_bytes=1, epochs=1, resumed_from_epoch=0, cost=0.0, currency="EUR"
    )
    body = ModelTrained(
        dataset_digest=digest("data"),
        model_digest=digest(f"{model} {version}"),
        signature_digest=digest("signature"),
        signature_key="key",
        declared=declared(),
        training_id=f"training-{version}",
        code_commit="unversioned",
        code_author="",
        code_author_basis="claim",
        metering=metering,
        validation={"auc": 0.8},
        baseline_name="boosting",
        baseline_digest=digest("baseline"),
    )
    return _about(body, model, version)


def evaluated(version: int, *, model: str = "credit") -> Event:
    """Evidence on a version."""
    body = ModelEvaluated(
        model_digest=digest(f"{model} {version}"),
        dataset_digest=digest("data"),
        evidence_digest=digest("evidence"),
        report_json_digest=digest("json"),
        report_html_digest=digest("html"),
        headline={},
        champion_version=None,
    )
    return _about(body, model, version)


def revoked(version: int, *, model: str = "credit", environment: str = "local") -> Event:
    """A version that must not serve again."""
    return _about(VersionRevoked(reason="tests"), model, version, environment)


def retired(version: int, *, model: str = "credit", environment: str = "local") -> Event:
    """A version that is over."""
    return _about(VersionRetired(reason="tests"), model, version, environment)


def _about(
    body: ModelTrained | ModelEvaluated | VersionRevoked | VersionRetired, model: str, version: int, environment: str = "local"
) -> Event:
    subject = Subject(kind="model", name=model, version=version, digest=digest(f"{model} {version}"))
    return Event.happened(body, subject=subject, actor=SERVICE, environment=environment)


def tamper(file: Path, script: str) -> None:
    """Does what somebody who owns the file can do: drops the triggers and runs any SQL, with the words of `places.Place`."""
    with closing(sqlite3.connect(file)) as connection:
        speak_as_attacker(connection)
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.executescript(script)
        connection.commit()


def speak_as_attacker(connection: sqlite3.Connection) -> None:
    """Teaches a connection the words of `places.Place`; SQLite knows `zeroblob` by itself."""
    connection.create_function("edited", 3, lambda content, old, new: content.replace(old.encode(), new.encode()))
    connection.create_function("bytes_of", 1, str.encode)
