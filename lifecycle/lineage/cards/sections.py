"""The sections of a model card, in the order of Hugging Face's template. Every statement ends with the record that says so."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.lineage.cards.limits import known_limits
from lifecycle.lineage.cards.markdown import NOTHING, code, measured, record, share, table, text
from lifecycle.lineage.cards.version import VersionRecords
from lifecycle.lineage.outline import moment
from lifecycle.lineage.reading import short
from lifecycle.records.bodies.data import DatasetIngested
from lifecycle.records.bodies.serving import RolledBack, RolloutAborted, RolloutCompleted, RolloutRequested
from lifecycle.records.evidence import Evidence, Fairness
from lifecycle.records.manifest import InputColumn
from lifecycle.records.record import JsonObject


def all_of(records: VersionRecords, stamp: JsonObject, description: str | None) -> Iterator[str]:
    """Every section; an empty one where there is nothing to say."""
    yield _title(records, stamp, description)
    yield _details(records)
    yield _intended_use(records)
    yield _limits(records)
    yield _training_data(records)
    yield _evaluation(records)
    yield _groups(records.evidence)
    yield _decisions(records)
    yield _serving(records)
    yield _proof(records, stamp)


def _title(records: VersionRecords, stamp: JsonObject, description: str | None) -> str:
    said = f"# {text(records.name)}\n\n"
    if description:
        said += f"{text(description)} *(The project's words; the ledger does not hold them.)*\n\n"
    where = ", ".join(f"**{state.replace('_', ' ')}** in {code(environment)}" for environment, state in sorted(records.states().items()))
    said += f"State: {where}.\n\n" if where else ""
    return said + (
        f"This card was written from a ledger of {stamp['size']} records and says nothing else unless it says so. "
        "`lifecycle ledger show INDEX` prints the record that a statement is taken from."
    )


def _details(records: VersionRecords) -> str:
    body, metering, declared = records.trained.body, records.trained.body.metering, records.trained.body.declared
    author = (
        f", last author {code(body.code_author)} (a {body.code_author_basis})"
        if body.code_author
        else ", whose last author is no enrolled person"
    )
    rows = [
        ("digest", code(records.digest)),
        ("signature", f"OpenSSF Model Signing bundle {code(body.signature_digest)}, key {code(body.signature_key[:16])}"),
        ("owner", f"{code(declared.owner)}, team {code(declared.team)}"),
        ("risk tier", text(declared.risk_tier)),
        ("trained", f"{moment(records.trained.event.occurred_at_us)} UTC, run {code(records.trained.event.run_id or NOTHING)}"),
        ("code", f"commit {code(body.code_commit)}{author}"),
        ("training", f"{metering.epochs} epochs in {metering.seconds:.1f} s on {code(metering.device)}, {text(metering.precision)}"),
        ("cost", f"{metering.cost:.4f} {text(metering.currency)}"),
        ("format", "weights as safetensors, the graph that serves as ONNX, the preprocessor as plain data"),
    ]
    if records.recipe is not None:
        packages = ", ".join(text(f"{name}=={version}") for name, version in sorted(records.recipe.packages.items()))
        rows += [("function", f"{code(records.recipe.function)}, seed {records.recipe.seed}"), ("packages", packages)]
    return f"## Model details\n\n{table(('', ''), rows, '')}\n\n*Source: {record(records.trained.index)}.*"


def _intended_use(records: VersionRecords) -> str:
    declared, schemas = records.trained.body.declared, records.schemas
    said = [
        f"- **Purpose:** {code(declared.purpose)}, in the jurisdiction {code(declared.jurisdiction)} ({record(records.trained.index)}).",
        f"- **Out of scope:** every other purpose. The data may be used for {_codes(records.allowed_purposes())} only."
        if records.allowed_purposes()
        else "- **Out of scope:** every other purpose.",
    ]
    if schemas is not None:
        said.append(
            f"- **Answer:** the probability of {code(schemas.positive)}; from {schemas.threshold:g} on the decision is "
            f"{code(schemas.positive)}, below it {code(schemas.negative)}."
        )
    plan = declared.rollout
    if plan.without_champion == "refer":
        said.append("- **People:** what no version may answer yet is referred to a person.")
    inputs = ""
    if schemas is not None:
        rows = [(code(one.name), one.kind, "yes" if one.nullable else "no", _values_taken(one)) for one in schemas.inputs]
        inputs = "\n\n### What it takes\n\n" + table(("input", "kind", "may be missing", "values that it takes"), rows, "")
    return "## Intended use\n\n" + "\n".join(said) + inputs


def _limits(records: VersionRecords) -> str:
    found = [f"- {text(limit.says)} ({record(limit.index)})." for limit in known_limits(records)]
    if records.evidence is not None:
        found.append(
            "- All figures are of one test split of one dataset version; what callers send may differ, and monitoring watches that."
        )
    return "## Bias, risks and limitations\n\n" + ("\n".join(found) or "Nothing was judged yet, so no limitation is known: that is one.")


def _training_data(records: VersionRecords) -> str:
    told = records.ingested
    if told is None:
        return f"## Training data\n\nThe ledger does not say where {code(records.trained.body.dataset_digest)} came from."
    body: DatasetIngested = told.body
    splits = ", ".join(f"{rows:,} {text(name)}" for name, rows in body.splits.items())
    rows = [
        ("dataset version", code(records.trained.body.dataset_digest)),
        ("source", f"{code(body.source)} {code(short(body.source_digest))}"),
        ("rows", f"{body.rows:,} ({splits})"),
        ("contract", code(body.contract)),
        ("licence", text(body.licence)),
        ("classification", f"{text(body.classification)}, regions {_codes(body.regions)}"),
        ("duplicate rows", str(body.duplicate_rows)),
        ("suspected label flips", str(body.suspected_label_flips)),
        ("best single feature", _best_feature(body)),
    ]
    return f"## Training data\n\n{table(('', ''), rows, '')}\n\n*Source: {record(told.index)}.*"


def _evaluation(records: VersionRecords) -> str:
    told, evidence = records.evaluated, records.evidence
    if told is None:
        return "## Evaluation\n\nIt was not evaluated."
    baseline = {} if evidence is None else evidence.baseline
    metrics = told.body.headline | ({} if evidence is None else evidence.metrics)
    columns = ("metric", "value [95 % interval]", "rows", f"baseline: {text(records.trained.body.baseline_name)}")
    rows = [(code(name), measured(value), f"{value.n:,}", measured(baseline.get(name))) for name, value in sorted(metrics.items())]
    said = f"## Evaluation\n\nOn the test split, of the bytes that serve.\n\n{table(columns, rows, 'No metric was declared.')}"
    if evidence is not None:
        said += (
            f"\n\nThe graph that serves is at most {evidence.parity.largest_difference:.2g} away from the network that was trained, over "
            f"{evidence.parity.rows:,} rows. Report: {code(evidence.report_json_digest)}."
        )
        against = evidence.against_champion
        if against is not None:
            compared = [
                (code(one.metric), measured(one.candidate), measured(one.champion), measured(one.difference)) for one in against.comparisons
            ]
            said += f"\n\n### Against the champion, version {against.champion_version}\n\n"
            said += table(("metric", "this version", "champion", "difference, paired"), compared, "Nothing was compared.")
    return said + f"\n\n*Source: {record(told.index)}, evidence {code(told.body.evidence_digest)}.*"


def _groups(evidence: Evidence | None) -> str:
    if evidence is None:
        return ""
    said = "## Groups"
    for fairness in evidence.fairness:
        said += f"\n\n### Protected: {code(fairness.attribute)}\n\n{_rates(fairness)}"
    rows = [
        (
            code(f"{one.column} = {one.group}"),
            f"{one.n:,}",
            ", ".join(f"{text(name)} {measured(value)}" for name, value in sorted(one.metrics.items())) or NOTHING,
        )
        for one in evidence.slices
    ]
    return said + ("\n\n### Slices\n\n" + table(("slice", "rows", "metrics"), rows, "") if rows else "")


def _rates(fairness: Fairness) -> str:
    rows = [
        (code(one.group), f"{one.n:,}", share(one.selection_rate), share(one.true_positive_rate), share(one.false_positive_rate))
        for one in fairness.groups
    ]
    drawn = table(("group", "rows", "selected", "true positive rate", "false positive rate"), rows, "No group was found.")
    return (
        f"{drawn}\n\nDemographic parity difference {measured(fairness.demographic_parity_difference)}, ratio "
        f"{measured(fairness.demographic_parity_ratio)}; equalised odds difference {measured(fairness.equalised_odds_difference)}. "
        f"Groups of fewer than {fairness.minimum_n} rows have no rates."
    )


def _decisions(records: VersionRecords) -> str:
    rows = []
    for made in records.decisions:
        decision = made.body.decision
        rules = ", ".join(dict.fromkeys(violation.rule for violation in decision.result.violations)) or NOTHING
        bundle = code(short(decision.policy.bundle_digest))
        outcome = f"**{decision.result.outcome.replace('_', ' ')}**"
        rows.append(
            (moment(made.event.occurred_at_us), text(decision.gate.replace("_", " ")), outcome, text(rules), bundle, str(made.index))
        )
    said = table(("when (UTC)", "gate", "outcome", "rules broken", "policy bundle", "record"), rows, "No gate was asked.")
    answers = [
        (
            moment(told.event.occurred_at_us),
            code(told.body.statement.approver),
            f"**{told.body.statement.decision}**",
            text(told.body.statement.reason),
            str(told.index),
        )
        for told in records.approvals
    ]
    return f"## Decisions and approvals\n\n{said}\n\n" + table(
        ("when (UTC)", "who", "said", "because", "record"), answers, "Nobody has approved or rejected it."
    )


def _serving(records: VersionRecords) -> str:
    rows = []
    for one in records.recorded:
        body, event = one.event.body, one.event
        if isinstance(body, RolledBack) and records.version in (body.from_version, body.to_version):
            what = f"rolled back from {body.from_version} to {body.to_version or 'nothing'}: {text(body.trigger.detail)}"
        elif event.subject.version != records.version:
            continue
        elif isinstance(body, RolloutRequested):
            what = "rollout asked for: " + " → ".join(share(step.weight) for step in body.plan.steps)
        elif isinstance(body, RolloutCompleted):
            by = f", promoted by {code(body.promoted_by)} because {text(body.reason or '')}" if body.promoted_by else ""
            what = f"rollout complete: it serves everything{by}"
        elif isinstance(body, RolloutAborted):
            what = f"rollout aborted by {body.ended_by or body.cause}: {text(body.reason)}"
        else:
            continue
        rows.append((moment(event.occurred_at_us), code(event.environment), what, str(one.index)))
    return "## Serving\n\n" + table(("when (UTC)", "environment", "what", "record"), rows, "It has not served.")


def _proof(records: VersionRecords, stamp: JsonObject) -> str:
    note = str(stamp["checkpoint"]).rstrip("\n")
    signed = f"The newest ledger checkpoint:\n\n```text\n{note}\n```" if note else "The ledger was not signed yet."
    return (
        f"## Proof\n\n{signed}\n\n"
        f"The files with their signature: `lifecycle lineage package {records.name} --out DIR`; whoever has them verifies them by "
        "`model_signing verify key DIR/model --signature DIR/signature.json --public_key DIR/signing.pub`. "
        f"The ledger: `lifecycle ledger verify`, and `lifecycle lineage show {records.name}`."
    )


def _values_taken(column: InputColumn) -> str:
    if column.bounds is None:
        return _codes(column.categories)
    least, most = column.bounds.least, column.bounds.most
    return f"from {least:g}" if most is None else f"up to {most:g}" if least is None else f"{least:g} to {most:g}"


def _codes(values: tuple[str, ...]) -> str:
    return ", ".join(code(value) for value in values) or NOTHING


def _best_feature(body: DatasetIngested) -> str:
    if not body.single_feature_auc:
        return NOTHING
    name, auc = max(body.single_feature_auc.items(), key=lambda one: (one[1], one[0]))
    return f"{code(name)} alone: AUC {auc:.3f}"
