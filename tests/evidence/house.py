"""A small house whose evidence is packed: a ledger in a file, an artifact store, real keys and real signatures, and no training.

`lived` writes the life of credit:1 from its data to serving, and of credit:2 to a denial. What an attack does differently is told by
an argument.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lifecycle.artifacts.signing import ensure_signing_key
from lifecycle.artifacts.statement_signing import StatementSigner
from lifecycle.artifacts.store import ArtifactStore
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key.keys import ensure_log_key
from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.proofs.dsse import pre_authentication
from lifecycle.records import bodies
from lifecycle.records.approval import Envelope, GovernanceStatement, Statement
from lifecycle.records.bodies.governors import EnrolledKey
from lifecycle.records.events import Actor, Event, Link, Subject
from lifecycle.records.gates import (
    Decision,
    Gate,
    GateEvidence,
    GateInput,
    GateResult,
    GateSubject,
    GateTarget,
    Maker,
    Outcome,
    PolicyIdentity,
    Request,
    Requester,
    RequiredApproval,
    VerifiedApproval,
    Violation,
)
from lifecycle.records.identity import derived_id
from lifecycle.records.passkeys import Assertion, Passkey
from lifecycle.records.record import Digest, digest_of
from tests.desk.authenticators import ORIGIN as PAGE
from tests.desk.authenticators import Authenticator, base64url
from tests.evidence.parts import ingested, package
from tests.lineage import lives
from tests.lineage.in_memory import metering
from tests.records.declarations import declared

ORIGIN = "example.org/house"
START_US = 1_800_000_000_000_000
HOUR_US = 3_600_000_000
PIPELINE = Actor(id="dagster", kind="service")
VERIFY = Path(__file__).resolve().parents[2] / "lifecycle" / "evidence" / "verify.py"


@dataclass
class House:
    """What a pack is made of, in one folder."""

    folder: Path
    #: Where the ledger is kept; a file in the folder, unless it says more.
    database: str = ""
    clock_us: int = START_US
    people: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    #: Who signs with a passkey, and with which.
    passkeys: dict[str, Authenticator] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "keys").mkdir(parents=True, exist_ok=True)
        self.log_key = ensure_log_key(self.folder / "keys", ORIGIN)
        ensure_signing_key(self.folder / "keys")

    @property
    def url(self) -> str:
        return self.database or f"sqlite:///{self.folder / 'ledger.db'}"

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger.open(self.url, origin=ORIGIN)

    @cached_property
    def artifacts(self) -> ArtifactStore:
        return ArtifactStore(str(self.folder / "artifacts"), cache=self.folder / "cache")

    @cached_property
    def signer(self) -> StatementSigner:
        return StatementSigner.read(self.folder / "keys" / "signing.key")

    def keep(self, what: str) -> Digest:
        """A file with these words in it, in the store."""
        return self.artifacts.put(json.dumps({"says": what}).encode())

    def happened(self, body: bodies.Body, about: Subject, *, actor: Actor = PIPELINE, **links: Mapping[str, Digest]) -> Event:
        """One more event, a second after the one before."""
        self.clock_us += 1_000_000
        event = Event.happened(
            body,
            subject=about,
            actor=actor,
            environment="local",
            inputs=tuple(Link(role=role, digest=digest) for role, digest in links.get("inputs", {}).items()),
            outputs=tuple(Link(role=role, digest=digest) for role, digest in links.get("outputs", {}).items()),
            at_us=self.clock_us,
            event_id=derived_id(type(body).__name__, str(self.clock_us)),
        )
        self.ledger.append(event)
        return event

    def checkpoint(self) -> str:
        """The ledger as it stands, signed; its connections are given back until it is used again."""
        self.ledger.close()
        del self.ledger
        return sign_ledger(self.url, self.folder / "keys" / "ledger.key", ORIGIN)

    # What happens to people

    def enrols(self, person: str, *roles: str) -> None:
        self.people[person] = Ed25519PrivateKey.generate()
        public = base64.b64encode(self.people[person].public_key().public_bytes_raw()).decode()
        self._enrolled(person, roles, EnrolledKey(id=f"key-of-{person}", public=public))

    def enrols_with_passkey(self, person: str, authenticator: Authenticator, *roles: str) -> None:
        self.passkeys[person] = authenticator
        place = Passkey(credential_id=base64url(authenticator.credential_id), rp_id="localhost", origin=PAGE)
        self._enrolled(person, roles, EnrolledKey(id=f"key-of-{person}", public=authenticator.public, passkey=place))

    def _enrolled(self, person: str, roles: tuple[str, ...], key: EnrolledKey) -> None:
        people = self.keep("people")
        body = bodies.PersonEnrolled(person=person, roles=roles, teams=(), keys=(key,), registry="home", registry_digest=people)
        self.happened(body, Subject(kind="person", name=person), outputs={"people": people})

    def revokes(self, person: str, *, compromised_from: int | None = None) -> None:
        body = bodies.KeyRevoked(person=person, key_id=f"key-of-{person}", reason="lost", compromised_from=compromised_from)
        self.happened(body, Subject(kind="key", name=f"key-of-{person}"))

    def proposes(self, person: str, *, key_of: str | None = None) -> None:
        """Somebody asks for other policies; `key_of` is whose key signs it really."""
        statement = GovernanceStatement(
            part="propose",
            signer=person,
            reason="The limits are too wide.",
            proposal_id="proposal-1",
            bundle_digest=self.keep("bundle"),
            people_digest=self.keep("people"),
            previous_bundle_digest=None,
            previous_people_digest=None,
            nonce="nonce",
            signed_at_us=self.clock_us,
            expires_at_us=self.clock_us + HOUR_US,
        )
        envelope = self._signed(GovernanceStatement.payload_type, statement.canonical(), person, key_of)
        about = Subject(kind="policy", name="governance")
        self.happened(bodies.GovernanceProposed(envelope=envelope), about, actor=Actor(id=person, kind="human", authenticated=True))

    def _signed(self, payload_type: str, payload: bytes, person: str, key_of: str | None) -> Envelope:
        message, signer, assertion = pre_authentication(payload_type, payload), key_of or person, None
        if signer in self.passkeys:
            device, client, signature = self.passkeys[signer].assertion(base64url(sha256(message).digest()), "localhost", PAGE)
            assertion = Assertion(authenticator_data=base64.b64encode(device).decode(), client_data=base64.b64encode(client).decode())
        else:
            signature = self.people[signer].sign(message)
        return Envelope(
            payload_type=payload_type,
            payload=base64.b64encode(payload).decode(),
            key_id=f"key-of-{person}",
            signature=base64.b64encode(signature).decode(),
            assertion=assertion,
        )

    # What happens to a version

    def ingests(self) -> None:
        dataset = digest_of(b"dataset")
        about = Subject(kind="dataset", name="credit", digest=dataset)
        self.happened(ingested(), about, inputs={"source": digest_of(b"source")}, outputs={"dataset": dataset})

    def trains(self, version: int) -> Subject:
        dataset = digest_of(b"dataset")
        manifest = package(self.artifacts, version).canonical()
        model = self.artifacts.put(manifest)
        signature, baseline = self.keep(f"signature {version}"), self.keep("baseline")
        body = bodies.ModelTrained(
            dataset_digest=dataset,
            model_digest=model,
            signature_digest=signature,
            signature_key=self.signer.key_id,
            declared=declared(),
            training_id=f"training-{version}",
            code_commit="c0ffee",
            code_author="dora",
            code_author_basis="claim",
            metering=metering(),
            validation={"auc": 0.83},
            baseline_name="gradient boosting",
            baseline_digest=baseline,
        )
        about = Subject(kind="model", name="credit", version=version, digest=model)
        self.happened(body, about, inputs={"dataset": dataset}, outputs={"model": model, "signature": signature, "baseline": baseline})
        return about

    def evidence(self, about: Subject) -> Digest:
        """The evidence document on a version, in the store."""
        return self.artifacts.put(lives.promotion(about.version or 0).evaluation.canonical())

    def evaluates(self, about: Subject) -> None:
        assert about.digest is not None
        evidence, report, page = self.evidence(about), self.keep(f"report {about.version}"), self.keep(f"page {about.version}")
        body = bodies.ModelEvaluated(
            model_digest=about.digest,
            dataset_digest=digest_of(b"dataset"),
            evidence_digest=evidence,
            report_json_digest=report,
            report_html_digest=page,
            headline={},
            champion_version=None,
        )
        made = {"evidence": evidence, "report_json": report, "report_html": page}
        self.happened(body, about, inputs={"model": about.digest, "dataset": digest_of(b"dataset")}, outputs=made)

    def approves(self, person: str, about: Subject, *, key_of: str | None = None, **differently: Any) -> VerifiedApproval:
        """A signed approval; `key_of` is whose key signs it really, and the rest is what the statement says differently."""
        assert about.digest is not None
        assert about.version is not None
        statement = Statement(
            **{
                "decision": "approve",
                "approver": person,
                "reason": "The evidence is sound.",
                "model": about.name,
                "version": about.version,
                "model_digest": about.digest,
                "dataset_digest": digest_of(b"dataset"),
                "report_digest": self.keep(f"report {about.version}"),
                "evidence_digest": self.evidence(about),
                "bundle_digest": self.keep("bundle"),
                "environment": "local",
                "requested_by_decision": f"promotion-{about.version}",
                "nonce": f"nonce {self.clock_us}",
                "signed_at_us": self.clock_us,
                "expires_at_us": self.clock_us + HOUR_US,
                **differently,
            }
        )
        envelope = self._signed(Statement.payload_type, statement.canonical(), person, key_of)
        event = self.happened(
            bodies.ApprovalGiven(envelope=envelope),
            about,
            actor=Actor(id=person, kind="human", authenticated=True),
            outputs={"approval": statement.content_digest()},
        )
        return VerifiedApproval(
            event_id=event.id,
            statement_digest=statement.content_digest(),
            approver=person,
            also=(),
            roles=("risk",),
            decision="approve",
            subject_digest=statement.model_digest,
            dataset_digest=statement.dataset_digest,
            report_digest=statement.report_digest,
            evidence_digest=statement.evidence_digest,
            bundle_digest=statement.bundle_digest,
            environment=statement.environment,
            approved_at_us=statement.signed_at_us,
            expires_at_us=statement.expires_at_us,
            consumed=False,
        )

    def decides(
        self,
        gate: Gate,
        about: Subject,
        outcome: Outcome,
        *approvals: VerifiedApproval,
        makers: tuple[str, ...] = ("dora",),
        altered: Callable[[GateInput], GateInput] = lambda shown: shown,
    ) -> str:
        """A decision of a gate, and its id. `altered` makes the recorded input another one than that of the digest."""
        assert about.version is not None
        evidence: GateEvidence = lives.promotion(about.version)
        if gate == "deployment":
            evidence = lives.deployment(about.version, f"promotion-{about.version}", lives.plan(1.0))
        shown = GateInput(
            gate=gate,
            now_us=self.clock_us,
            request=Request(id="request", actor=Requester(id="dagster", kind="service", roles=(), authenticated=False), reason=""),
            subject=GateSubject(
                kind="model",
                name=about.name,
                version=about.version,
                digest=about.digest,
                risk_tier="high",
                limits="credit",
                limit_overrides={},
                makers=tuple(Maker(id=maker, part="trainer", basis="fact") for maker in makers),
            ),
            target=GateTarget(environment="local", jurisdiction="DE", purpose="credit decisions"),
            approvals=approvals,
            waivers=(),
            evidence=evidence,
        )
        unfair = Violation(rule="PRM-006", severity="high", message="unfair", controls=(), subject="", observed="", limit="", fix="")
        result = GateResult(
            gate=gate,
            allow=outcome == "allow",
            outcome=outcome,
            violations=(unfair,) if outcome == "deny" else (),
            waived=(),
            warnings=(),
            evaluated=("PRM-006",),
            obligations=(),
            required_approvals=(RequiredApproval(role="risk", count=1, given=len(approvals), distinct_from=("makers",)),),
        )
        policy = PolicyIdentity(
            package=f"gov.{gate}",
            bundle_digest=self.keep("bundle"),
            limits_digest=digest_of(b"limits"),
            people_digest=self.keep("people"),
            engine="embedded",
            engine_version="1",
        )
        decision = Decision(
            id=f"{gate}-{about.version}-{self.clock_us}",
            gate=gate,
            input_digest=shown.content_digest(),
            input=altered(shown),
            result=result,
            policy=policy,
            decided_in_us=100,
        )
        governed = {"bundle": policy.bundle_digest, "limits": policy.limits_digest, "people": policy.people_digest}
        consumed = tuple(approval.statement_digest for approval in approvals)
        self.happened(bodies.DecisionMade(decision=decision, consumed=consumed), about, inputs=governed)
        return decision.id

    def rolls_out(self, about: Subject, decision_id: str) -> None:
        plan = lives.plan(1.0)
        rollout = f"rollout-{about.version}-{self.clock_us}"
        asked = bodies.RolloutRequested(rollout_id=rollout, plan=plan, decision_id=decision_id, champion_version=None, champion_digest=None)
        self.happened(asked, about)
        done = bodies.RolloutCompleted(rollout_id=rollout, superseded_version=None, superseded_digest=None, observed=())
        self.happened(done, about)

    def monitors(self, about: Subject) -> Event:
        """A report of monitoring: a record that moves nothing."""
        body = bodies.MonitoringReported(
            window_from_us=self.clock_us,
            window_to_us=self.clock_us + 1,
            rows=10,
            labelled_rows=0,
            verdicts=(),
            psi={},
            summary={},
            report_json_digest=None,
            report_html_digest=None,
        )
        return self.happened(body, about)


def evaluated(house: House, version: int = 1) -> Subject:
    """People, data, and a version that was trained and evaluated and waits for approval."""
    for person in ("rita", "sam", "dora"):
        house.enrols(person, "risk")
    house.ingests()
    about = house.trains(version)
    house.evaluates(about)
    house.decides("promotion", about, "needs_approval")
    return about


def lived(folder: Path, database: str = "") -> House:
    """A house in which credit:1 serves with one approval, and credit:2 was denied."""
    house = House(folder, database)
    about = evaluated(house)
    approval = house.approves("rita", about)
    house.rolls_out(about, house.decides("deployment", about, "allow", approval))
    second = house.trains(2)
    house.evaluates(second)
    house.decides("promotion", second, "deny")
    house.checkpoint()
    return house
