"""One version, all that an approver needs to know of it: what it is for, what was measured, what the gates said, where it came from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lifecycle.desk.pages.history import Line, history_of
from lifecycle.desk.pages.judgement import Judgement, judgement_of
from lifecycle.desk.pages.measured import Measured, measured
from lifecycle.desk.pages.recalled import RecalledRow, is_recallable, newest_recall
from lifecycle.desk.pages.taken_back import TakenBack, may_take_back, statements_taken_back, version_taken_back
from lifecycle.desk.pages.waived import WaiverRow, waivable_of, waivers_of
from lifecycle.errors import InvalidDeclaration, UnknownName
from lifecycle.life.gates import standing
from lifecycle.life.people.reviewing import OpenReview, open_reviews
from lifecycle.life.people.waiting import Waiting, waiting_for
from lifecycle.lineage.cards.version import VersionRecords, gather
from lifecycle.lineage.graph import Graph, version_id
from lifecycle.lineage.reading import read_graph
from lifecycle.lineage.selection import events_behind
from lifecycle.records.bodies.data import DatasetIngested
from lifecycle.records.bodies.decisions import ApprovalGiven
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.declared import Declared
from lifecycle.records.gates import BREAK_GLASS, DeploymentEvidence, GateEvidence, Maker, PromotionEvidence
from lifecycle.records.identity import now_us
from lifecycle.records.record import Digest, Microseconds
from lifecycle.records.states import State
from lifecycle.wiring import Departments


@dataclass(frozen=True)
class Answer:
    """What one person signed about the version."""

    approver: str
    approved: bool
    reason: str
    at_us: Microseconds
    index: int
    #: Of the statement, by which it is taken back.
    digest: Digest
    #: None where it was not.
    taken_back: TakenBack | None


@dataclass(frozen=True)
class VersionView:
    """What the page of a version shows, from the ledger and the store alone."""

    model: str
    version: int
    digest: Digest
    state: State
    environment: str
    description: str
    declared: Declared
    trained: ModelTrained
    trained_at_us: Microseconds
    trained_by: str
    dataset: DatasetIngested | None
    #: None where nobody is asked.
    waiting: Waiting | None
    judgement: Judgement | None
    measured: Measured | None
    #: False where the store has lost the page, and where there never was one.
    has_report: bool
    evidence_digest: Digest | None
    answers: tuple[Answer, ...]
    #: Why the version must not serve again here; None where nobody took it back.
    taken_back: TakenBack | None
    #: Whether callers were told anything by it that can be asked again, now that it was taken out.
    recallable: bool
    #: None where nobody looked yet.
    recall: RecalledRow | None
    waivers: tuple[WaiverRow, ...]
    #: The rules that it breaks and that may be waived, with their titles; not those of a waiver that is open already.
    waivable: tuple[tuple[str, str], ...]
    #: What was done in a hurry, and nobody else has looked at yet.
    reviews: tuple[OpenReview, ...]
    makers: tuple[Maker, ...]
    graph: Graph
    history: tuple[Line, ...]
    read_at_us: Microseconds

    @property
    def name(self) -> str:
        return f"{self.model}:{self.version}"

    @property
    def id(self) -> str:
        """The version's node in the graph."""
        return version_id(self.model, self.version)

    @property
    def may_break(self) -> bool:
        """Whether a glass could be broken for it: the gate has denied it, and no glass is broken already."""
        broken = any(one.rule == BREAK_GLASS and one.standing in ("open", "in force") for one in self.waivers)
        return self.judgement is not None and self.judgement.decision.result.outcome == "deny" and not broken

    @property
    def revocable(self) -> bool:
        """Whether there is anything left to take back of the version itself."""
        return self.state not in ("revoked", "retired")

    def may_revoke(self, person: str, roles: Collection[str]) -> bool:
        """Whether somebody may take the version back, as far as the page can tell; the rules say."""
        return may_take_back("version", self.declared.owner, person, roles)

    def may_take_back(self, signer: str, person: str, roles: Collection[str]) -> bool:
        """Likewise, what somebody signed about it."""
        return may_take_back("approval", signer, person, roles)

    def parts_of(self, person: str) -> tuple[str, ...]:
        """The parts that a person is recorded to have had in the work; whether that bars them is the gate's to say."""
        return tuple(dict.fromkeys(maker.part for maker in self.makers if maker.id == person))


def version_view(departments: Departments, model: str, version: int) -> VersionView:
    """Everything of one version. Raises UnknownName for a version that there is not, Tampered where an artifact is another one."""
    standing.trained(departments, model, version)
    records = gather(events_behind(departments.ledger, model, version), departments.artifacts, model, version)
    made = [
        (told.event, told.body.decision)
        for told in records.decisions
        if told.body.decision.gate in ("promotion", "deployment") and told.event.environment == departments.environment
    ]
    judgement = judgement_of(departments, made)
    state = standing.states(departments)[model, version]
    graph = read_graph(records.recorded).around(version_id(model, version))
    return VersionView(
        model=model,
        version=version,
        digest=records.digest,
        state=state,
        environment=departments.environment,
        description=_description(departments, model),
        declared=records.trained.body.declared,
        trained=records.trained.body,
        trained_at_us=records.trained.event.occurred_at_us,
        trained_by=records.trained.event.actor.id,
        dataset=records.ingested.body if records.ingested else None,
        waiting=_waiting(departments, model, version),
        judgement=judgement,
        measured=_measured(records, judgement),
        has_report=records.evaluated is not None and departments.artifacts.has(records.evaluated.body.report_html_digest),
        evidence_digest=records.evaluated.body.evidence_digest if records.evaluated else None,
        answers=_answers(departments, records, model, version),
        taken_back=version_taken_back(departments, model, version),
        recallable=is_recallable(state, records.recorded, departments.environment),
        recall=newest_recall(departments, model, version),
        waivers=(waivers := waivers_of(departments, model, version)),
        waivable=waivable_of(departments, judgement, waivers),
        reviews=tuple(one for one in open_reviews(departments) if (one.model, one.version) == (model, version)),
        makers=judgement.decision.input.subject.makers if judgement else (),
        graph=graph,
        history=history_of(graph, version_id(model, version)),
        read_at_us=now_us(),
    )


def report_page(departments: Departments, model: str, version: int) -> bytes:
    """The page of the newest evaluation, byte for byte as its digest has it. Raises UnknownName where there is none, Tampered where it
    is another one."""
    from lifecycle.records.bodies.training import ModelEvaluated

    evaluated = standing.body_of(standing.evaluated(departments, model, version), ModelEvaluated)
    return departments.artifacts.read(evaluated.report_html_digest)


def _measured(records: VersionRecords, judgement: Judgement | None) -> Measured | None:
    """What was measured, under the judgement where it is one on this very evidence: a newer evaluation was not judged yet."""
    if records.evidence is None or records.evaluated is None:
        return None
    shown = None if judgement is None else _shown(judgement.decision.input.evidence)
    judged = shown is not None and shown.evaluation_digest == records.evaluated.body.evidence_digest
    return measured(records.evidence, judgement if judged else None)


def _shown(evidence: GateEvidence) -> PromotionEvidence | None:
    if isinstance(evidence, DeploymentEvidence):
        return evidence.promotion
    return evidence if isinstance(evidence, PromotionEvidence) else None


def _waiting(departments: Departments, model: str, version: int) -> Waiting | None:
    try:
        declared = departments.model(model)
    except InvalidDeclaration:
        return None  # It is declared no more: nobody can be asked about it.
    return next((wait for wait in waiting_for(departments, declared) if wait.version == version), None)


def _answers(departments: Departments, records: VersionRecords, model: str, version: int) -> tuple[Answer, ...]:
    taken_back = statements_taken_back(departments, model, version)
    return tuple(
        Answer(
            approver=(said := told.body.statement).approver,
            approved=isinstance(told.body, ApprovalGiven),
            reason=said.reason,
            at_us=said.signed_at_us,
            index=told.index,
            digest=(digest := said.content_digest()),
            taken_back=taken_back.get(digest),
        )
        for told in records.approvals
        if told.event.environment == departments.environment
    )


def _description(departments: Departments, model: str) -> str:
    try:
        return departments.model(model).description
    except (InvalidDeclaration, UnknownName):
        return ""
