"""What an index says of one version."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.evidence.index.document import Cell, Facts, Paragraph, Section, Table, Text, Tone
from lifecycle.evidence.index.telling import Places, measured
from lifecycle.lineage.cards.version import Told, VersionRecords
from lifecycle.lineage.outline import moment
from lifecycle.records.bodies.decisions import ApprovalGiven, ApprovalRefused, DecisionMade
from lifecycle.records.evidence import Evidence
from lifecycle.records.gates import Outcome

_STATES: dict[str, Tone] = {
    "serving": "good",
    "allowed": "good",
    "rolling_out": "waiting",
    "waiting": "waiting",
    "denied": "bad",
    "rolled_back": "bad",
    "revoked": "bad",
    "expired": "bad",
}
_OUTCOMES: dict[Outcome, Tone] = {"allow": "good", "deny": "bad", "needs_approval": "waiting"}


def marks(records: VersionRecords) -> Iterator[Cell]:
    """What a reader wants to know first: where it stands, who said yes, and how much of its lineage there is."""
    for environment, state in sorted(records.states().items()):
        yield Cell(f"{state.replace('_', ' ')} in {environment}", tone=_STATES.get(state, "plain"))
    for told in records.approvals:
        approved = isinstance(told.body, ApprovalGiven)
        yield Cell(f"{'approved' if approved else 'refused'} by {told.body.statement.approver}", tone="good" if approved else "bad")
    if not records.approvals:
        yield Cell("approved by nobody", tone="quiet")
    judged = records.judgement()
    if judged is not None:
        outcome = judged.body.decision.result.outcome
        yield Cell(f"last judged: {outcome.replace('_', ' ')}", tone=_OUTCOMES[outcome])


def judgement(places: Places, records: VersionRecords) -> Iterator[Section]:
    """Who and what decided about it, and on which evidence."""
    yield _decided(places, records)
    if records.evidence is not None:
        yield _judged(places, records, records.evidence)


def identity(places: Places, records: VersionRecords) -> Section:
    """What it is, who made it from what, and what it is for."""
    trained, ingested, body = records.trained, records.ingested, records.trained.body
    author = (
        f"{body.code_author} ({'signed' if body.code_author_basis == 'fact' else 'a claim'})" if body.code_author else "no enrolled person"
    )
    rows: list[tuple[str, tuple[Text, ...]]] = [
        ("Model", (places.file(records.digest),)),
        (
            "Trained",
            (f"{moment(trained.event.occurred_at_us)} on {body.metering.device}, by {trained.event.actor.id}", _in(places, trained.index)),
        ),
        ("Code", (Cell(body.code_commit, code=True), f"author: {author}")),
        ("Owner and team", (body.declared.owner, ", ".join(body.declared.members))),
        ("Intended use", (body.declared.purpose.replace("_", " "), f"risk tier {body.declared.risk_tier}", body.declared.jurisdiction)),
        ("Signature", (places.file(body.signature_digest, "OpenSSF Model Signing bundle"), Cell(body.signature_key[:16], code=True))),
    ]
    if ingested is not None:
        data = ingested.body
        splits = ", ".join(f"{rows:,} {name}" for name, rows in data.splits.items())
        rows += [
            ("Data", (Cell(body.dataset_digest, code=True), _in(places, ingested.index))),
            ("", (f"{data.rows:,} rows of {data.source} ({splits})", f"licence {data.licence}", data.classification)),
        ]
    return Section("Which version this is", (Facts(tuple(rows)),))


def _decided(places: Places, records: VersionRecords) -> Section:
    rows = tuple(_decision(places, told) for told in records.decisions)
    approvals = tuple(_approval(places, told) for told in records.approvals)
    columns = ("Record", "Gate", "Outcome", "Rules that it broke", "Shown to the gate", "Policy bundle")
    blocks: list[Table | Paragraph] = [Table(columns, rows, (8, 14, 14, 34, 14, 16))]
    if approvals:
        blocks.append(Table(("Record", "Approver", "Said", "Why", "Signed (UTC)", "Key"), approvals, (8, 18, 10, 32, 16, 16)))
    else:
        blocks.append(Paragraph("Nobody was asked, or nobody has answered.", "quiet"))
    return Section("Who and what decided", tuple(blocks))


def _decision(places: Places, told: Told[DecisionMade]) -> tuple[Text, ...]:
    decision = told.body.decision
    rules = ", ".join(dict.fromkeys(violation.rule for violation in decision.result.violations))
    return (
        places.record(told.index),
        decision.gate.replace("_", " "),
        Cell(decision.result.outcome.replace("_", " "), tone=_OUTCOMES[decision.result.outcome]),
        rules or Cell("none", tone="quiet"),
        places.file(decision.input_digest, "input"),
        places.file(decision.policy.bundle_digest, decision.policy.bundle_digest[7:19]),
    )


def _approval(places: Places, told: Told[ApprovalGiven | ApprovalRefused]) -> tuple[Text, ...]:
    statement = told.body.statement
    approved = isinstance(told.body, ApprovalGiven)
    return (
        places.record(told.index),
        statement.approver,
        Cell("yes" if approved else "no", tone="good" if approved else "bad"),
        statement.reason,
        moment(statement.signed_at_us),
        Cell(told.body.envelope.key_id, code=True),
    )


def _judged(places: Places, records: VersionRecords, evidence: Evidence) -> Section:
    against = () if evidence.against_champion is None else evidence.against_champion.comparisons
    champion = {one.metric: one for one in against}
    columns = ("Metric", "This version", evidence.baseline_name.replace("_", " ") + ", beside it")
    metrics: list[tuple[Text, ...]] = []
    for name, found in sorted(evidence.metrics.items()):
        minus = (measured(champion[name].difference) if name in champion else "",) if champion else ()
        metrics.append((name.replace("_", " "), measured(found), measured(evidence.baseline.get(name)), *minus))
    fairness = tuple(
        (
            one.attribute.replace("_", " "),
            measured(one.demographic_parity_difference) or Cell("not enough data", tone="quiet"),
            measured(one.demographic_parity_ratio),
            measured(one.equalised_odds_difference),
        )
        for one in evidence.fairness
    )
    blocks: list[Table | Paragraph | Facts] = [
        Paragraph(f"On {evidence.rows:,} rows that it was not trained on, as the bytes that serve. Brackets are 95 % intervals."),
        Table(
            (*columns, *(("Minus the version that served",) if champion else ())), tuple(metrics), (20, 27, 27, 26)[: 4 if champion else 3]
        ),
    ]
    if fairness:
        head = ("Protected attribute", "Selection rates differ by", "Their ratio", "Error rates differ by at most")
        blocks.append(Table(head, fairness, (20, 27, 27, 26)))
    if records.evaluated is not None:
        made = records.evaluated.body
        files = (
            places.file(made.report_html_digest, "report for people"),
            places.file(made.report_json_digest, "report for programs"),
            places.file(made.evidence_digest, "evidence document"),
            _in(places, records.evaluated.index),
        )
        blocks.append(Facts((("Files", files),)))
    return Section("How it was judged", tuple(blocks))


def _in(places: Places, index: int) -> Cell:
    found = places.record(index)
    return Cell(f"record {found.text}", found.link)
