"""A ledger in memory, and whom and what its events are about."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field

from lifecycle.records.bodies import Body
from lifecycle.records.bodies.training import Metering
from lifecycle.records.events import Actor, Event, Link, Recorded, Subject
from lifecycle.records.record import Digest

START_US = 1_700_000_000_000_000
CHECKPOINT = "lifecycle.local/local\n3\nAAAA\n\n— lifecycle.local/local AAAA\n"


def digest(of: str) -> Digest:
    return "sha256:" + hashlib.sha256(of.encode()).hexdigest()


SOURCE, DATASET = digest("source"), digest("dataset")
BUNDLE, LIMITS, PEOPLE = digest("bundle"), digest("limits"), digest("people")
DAGSTER = Actor(id="dagster", kind="service")
RISK_OFFICER = Actor(id="rita", kind="human", authenticated=True)
ENGINEER = Actor(id="dora", kind="human", authenticated=True)


@dataclass(frozen=True)
class Head:
    size: int


@dataclass
class Ledger:
    """A ledger as far as lineage knows one. Ids and times follow from the index, so that two alike are equal."""

    recorded: list[Recorded] = field(default_factory=list)
    note: str | None = CHECKPOINT

    def events(
        self,
        *,
        types: Collection[str] | None = None,
        kind: str | None = None,
        name: str | None = None,
        version: int | None = None,
        run_id: str | None = None,
        since: int = 0,
        limit: int | None = None,
    ) -> list[Recorded]:
        return [
            one
            for one in self.recorded
            if (types is None or one.event.type in types)
            and kind in (None, one.event.subject.kind)
            and name in (None, one.event.subject.name)
            and version in (None, one.event.subject.version)
            and run_id in (None, one.event.run_id)
            and one.index >= since
        ][:limit]

    def head(self) -> Head:
        return Head(len(self.recorded))

    def checkpoint(self) -> str | None:
        return self.note

    def add(
        self,
        body: Body,
        subject: Subject,
        *,
        actor: Actor = DAGSTER,
        run_id: str | None = "run",
        inputs: dict[str, Digest] | None = None,
        outputs: dict[str, Digest] | None = None,
        event_id: str | None = None,
    ) -> Recorded:
        index = len(self.recorded)
        event = Event.happened(
            body,
            subject=subject,
            actor=actor,
            environment="local",
            run_id=run_id,
            inputs=tuple(Link(role=role, digest=value) for role, value in (inputs or {}).items()),
            outputs=tuple(Link(role=role, digest=value) for role, value in (outputs or {}).items()),
            at_us=START_US + index * 1_000_000,
            event_id=event_id or f"event-{index}",
        )
        self.recorded.append(Recorded(index=index, event=event))
        return self.recorded[-1]


def model_digest(version: int) -> Digest:
    return digest(f"model {version}")


def subject(version: int | None) -> Subject:
    return Subject(kind="model", name="credit", version=version, digest=None if version is None else model_digest(version))


DATA = Subject(kind="dataset", name="credit", digest=DATASET)


def metering() -> Metering:
    return Metering(
        device="cpu", precision="float32", seconds=2.5, peak_memory_bytes=1, epochs=30, resumed_from_epoch=0, cost=0.0002, currency="EUR"
    )
