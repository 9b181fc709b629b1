"""What several samples are made of."""

from __future__ import annotations

from lifecycle.records import bodies, evidence, rollout
from lifecycle.records.bodies.serving import Trigger
from lifecycle.records.bodies.training import Metering
from lifecycle.records.declared import Declared
from lifecycle.records.events import Actor, Event, Link, Subject
from lifecycle.records.identity import derived_id
from lifecycle.records.record import Digest, digest_of

AT_US = 1_800_000_000_000_000
DAY_US = 86_400_000_000
RUN = derived_id("run")


def of(what: str) -> Digest:
    """A digest that stands for these words; a digest stands for itself."""
    return what if what.startswith("sha256:") else digest_of(what.encode())


def measured(value: float) -> evidence.Measurement:
    return evidence.Measurement(value=value, low=value - 0.05, high=value + 0.0625, n=1_113)


PLAN = rollout.RolloutPlan(
    steps=(rollout.RolloutStep(weight=0.1, minimum_n=50, bake_seconds=2.5), rollout.RolloutStep(weight=1.0, minimum_n=0, bake_seconds=0.0)),
    guardrails=(rollout.Guardrail(kind="errors", alpha=0.01), rollout.Guardrail(kind="latency", objective_ms=250.0, alpha=0.005)),
    breaker=5,
    without_champion="refer",
)
DECLARED = Declared(
    owner="olga",
    team="credit_models",
    members=("ada", "olga"),
    purpose="credit_decision",
    jurisdiction="DE",
    risk_tier="high",
    limits="credit",
    limit_overrides={"minimum_auc": 0.76},
    rollout=PLAN,
    approval_valid_hours=72.0,
)
METERING = Metering(
    device="cpu",
    precision="float32",
    seconds=12.5,
    peak_memory_bytes=512_000_000,
    epochs=30,
    resumed_from_epoch=7,
    cost=0.04,
    currency="EUR",
)
ARMS = (
    rollout.ArmCounts(arm="champion", version=1, weight=0.9, requests=900, errors=1, slow=2, fallbacks=0),
    rollout.ArmCounts(arm="canary", version=2, weight=0.1, requests=100, errors=7, slow=0, fallbacks=7),
)
TRIGGER = Trigger(kind="guardrail", metric="errors", value=0.07, limit=0.01, detail="7 of 100 answers failed — “canary”")


def happened(body: bodies.Body, *, about: Subject | None = None, inputs: dict[str, str] | None = None, **outputs: str) -> Event:
    """An event of this body about `credit:2`, unless told otherwise; its links by the role that each plays."""
    return Event.happened(
        body,
        subject=about or Subject(kind="model", name="credit", version=2, digest=of("model 2")),
        actor=Actor(id="ada", kind="human", authenticated=True),
        environment="local",
        run_id=RUN,
        inputs=tuple(Link(role=role, digest=of(what)) for role, what in (inputs or {}).items()),
        outputs=tuple(Link(role=role, digest=of(what)) for role, what in outputs.items()),
        at_us=AT_US,
        event_id=derived_id("event", type(body).__name__, body.content_digest()),
    )
