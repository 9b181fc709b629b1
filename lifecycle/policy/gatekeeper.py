"""The gate keeper: asks a gate and always comes back with a decision.

Fail closed: an engine that is down, slow, wrong, stale or contradicts itself makes a denial with a SYS rule. Only what can
be known before the first question (a policy that does not compile, an engine that may not decide here) is raised, when
the keeper is made.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from lifecycle.errors import InvalidDeclaration
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.canaries import sing
from lifecycle.policy.engine import Engine, EngineFailure
from lifecycle.policy.limits import set_named
from lifecycle.policy.posing import logged_answer
from lifecycle.records.gates import EVIDENCE_OF, Decision, GateInput, GateResult, PolicyIdentity, Violation
from lifecycle.records.identity import new_id
from lifecycle.records.record import Digest, digest_of


class GateKeeper:
    """Asks the gates of one bundle, on one engine, for one environment. Safe to ask from several threads."""

    def __init__(self, engine: Engine, bundle: Bundle, *, people_digest: Digest, environment: str) -> None:
        """Raises InvalidDeclaration where the engine may not decide in this environment or does not know its canaries."""
        if environment.startswith("prod") and engine.name != "opa":
            raise InvalidDeclaration(
                f"The environment {environment} takes decisions from an OPA server only, not from the embedded engine.",
                "Run one on the bundle that `lifecycle policy build` writes, and set LIFECYCLE_OPA_URL and LIFECYCLE_OPA_TOKEN.",
            )
        sing(engine, bundle)
        self._engine = engine
        self._bundle = bundle
        self._people_digest = people_digest
        self._environment = environment

    @classmethod
    def open(
        cls,
        governance: Path,
        *,
        environment: str,
        people_digest: Digest,
        bundle_file: Path | None = None,
        bundle_key: Path | None = None,
        opa_url: str | None = None,
        opa_token: str | None = None,
        opa_ca: str | None = None,
    ) -> GateKeeper:
        """A keeper over governance/policies and governance/limits, or over a bundle that was built from them and signed.

        On the OPA server if there is an address, embedded otherwise. Raises InvalidDeclaration for policies and limits that are
        not well declared and for a bundle without the key that must have signed it, Tampered for one that this key did not sign,
        Unavailable for a server that is not ready or has other policies than these.
        """
        bundle = Bundle.load(governance) if bundle_file is None else _signed_bundle(bundle_file, bundle_key)
        return cls(_engine(bundle, opa_url, opa_token, opa_ca), bundle, people_digest=people_digest, environment=environment)

    @property
    def bundle(self) -> Bundle:
        """What decides here; `bundle.document` is what to keep in order to take its decisions again."""
        return self._bundle

    @property
    def bundle_digest(self) -> Digest:
        """What an approver signs as the policy."""
        return self._bundle.digest

    def limits(self, name: str, overrides: Mapping[str, float], *, risk_tier: str = "", jurisdiction: str = "") -> dict[str, float]:
        """The limits in force for a declaration. Raises InvalidDeclaration that names an unknown set or limit."""
        return set_named(self._bundle.limit_sets, name).with_overrides(overrides, risk_tier=risk_tier, jurisdiction=jurisdiction)

    def ask(self, question: GateInput) -> Decision:
        """The decision on this question. Whatever goes wrong with the engine is a denial; nothing is raised for it."""
        started = time.perf_counter_ns()
        asked = question.canonical()
        try:
            result, logged_as = self._answer(question, asked)
        except EngineFailure as failure:
            result, logged_as = _denial(question, failure), None
        return Decision(
            id=new_id(),
            gate=question.gate,
            input_digest=digest_of(asked),
            input=question,
            result=result,
            policy=PolicyIdentity(
                package=f"gov.{question.gate}",
                bundle_digest=self._bundle.digest,
                limits_digest=self._bundle.limits_digest,
                people_digest=self._people_digest,
                engine=self._engine.name,
                engine_version=self._engine.version,
            ),
            decided_in_us=(time.perf_counter_ns() - started) // 1_000,
            logged_as=logged_as,
        )

    def _answer(self, question: GateInput, asked: bytes) -> tuple[GateResult, str | None]:
        self._refuse_mismatch(question)
        try:
            return logged_answer(question, asked, self._bundle, self._engine)
        except EngineFailure:
            raise
        # The one place that catches everything: an engine that fails in a way nobody foresaw must deny, not crash its caller.
        except Exception as error:
            raise EngineFailure(f"The engine failed: {type(error).__name__}: {error}.", "See the log; nothing was allowed.") from error

    def _refuse_mismatch(self, question: GateInput) -> None:
        """Raises EngineFailure for a question that no policy here may be asked."""
        if question.gate not in self._bundle.rules:
            raise EngineFailure(f"No policy answers for the gate {question.gate}.", "Write one in governance/policies/gates.", "SYS-005")
        if type(question.evidence) is not EVIDENCE_OF.get(question.gate):
            raise EngineFailure(
                f"The gate {question.gate} was shown {type(question.evidence).__name__}.", "Show it its own evidence.", "SYS-004"
            )
        if question.target.environment != self._environment:
            raise EngineFailure(
                f"This keeper decides for {self._environment}, and was asked about {question.target.environment}.",
                "Ask in that environment.",
                "SYS-006",
            )
        try:
            subject = question.subject
            self.limits(subject.limits, subject.limit_overrides, risk_tier=subject.risk_tier, jurisdiction=question.target.jurisdiction)
        except InvalidDeclaration as error:
            raise EngineFailure(error.what, error.next_step, "SYS-007") from error


def _signed_bundle(file: Path, key: Path | None) -> Bundle:
    from lifecycle.policy.archive import read_archive

    if key is None:
        raise InvalidDeclaration(
            f"The bundle {file} can't be trusted: which key must have signed it is not said.",
            "Set LIFECYCLE_POLICY_KEY to the public key.",
        )
    return read_archive(file, key)


def _engine(bundle: Bundle, url: str | None, token: str | None, ca_file: str | None) -> Engine:
    if url is not None:
        from lifecycle.policy.server import ServerEngine

        return ServerEngine(url, token, bundle, ca_file=ca_file)
    from lifecycle.policy.embedded import EmbeddedEngine

    return EmbeddedEngine(bundle)


def _denial(question: GateInput, failure: EngineFailure) -> GateResult:
    violation = Violation(
        rule=failure.rule,
        severity="critical",
        message=failure.what,
        controls=(),
        subject=question.gate,
        observed="",
        limit="",
        fix=failure.next_step,
    )
    return GateResult(
        gate=question.gate,
        allow=False,
        outcome="deny",
        violations=(violation,),
        waived=(),
        warnings=(),
        evaluated=(),
        obligations=(),
        required_approvals=(),
    )
