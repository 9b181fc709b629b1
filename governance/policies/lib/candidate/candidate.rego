# METADATA
# title: Candidate
# description: |
#   What the evidence about a version must show. Asked at promotion and asked again at deployment, on the
#   evidence as it stands then. A bound is taken from the interval and never from the point value.
package gov.lib.candidate

import data.gov.lib.limits

evidence := input.evidence if input.gate == "promotion"

evidence := input.evidence.promotion if input.gate == "deployment"

evaluation := evidence.evaluation

# METADATA
# title: The evidence is about exactly these bytes
# description: The evidence is about other bytes than those that would serve.
# custom:
#   rule: PRM-001
#   severity: critical
#   controls: [EU-AI-ACT-12, EU-AI-ACT-15]
#   fix: Evaluate this version again; evidence counts for one digest only.
passed contains "PRM-001" if {
	input.subject.kind == "model"
	evaluation.model == input.subject.name
	evaluation.version == input.subject.version
	evaluation.model_digest == input.subject.digest
	evaluation.report_json_digest == evidence.report_digest
}

found contains finding("PRM-001", "model digest", evaluation.model_digest, input.subject.digest) if "PRM-001" in failing

# METADATA
# title: The signature of the model is valid
# description: The model has no valid signature.
# custom:
#   rule: PRM-002
#   severity: critical
#   controls: [EU-AI-ACT-15]
#   fix: Train the version again with the project's signing key at hand; never sign bytes by hand.
passed contains "PRM-002" if {
	evidence.signature.present == true
	evidence.signature.valid == true
}

# METADATA
# title: It was judged on enough rows
# description: Too few rows were judged for the intervals to mean anything.
# custom:
#   rule: PRM-003
#   severity: high
#   emergency: true
#   controls: [EU-AI-ACT-15]
#   fix: Hold out more rows for the test split.
passed contains "PRM-003" if {
	evaluation.rows >= limits.values.rows_least
	every metric in ["auc", "accuracy", "calibration_error"] {
		evaluation.metrics[metric].n >= limits.values.rows_least
	}
}

found contains finding("PRM-003", "rows", evaluation.rows, limits.values.rows_least) if "PRM-003" in failing

# METADATA
# title: It ranks well enough
# description: The lower bound of the AUC is below its limit.
# custom:
#   rule: PRM-004
#   severity: high
#   waivable: true
#   controls: [EU-AI-ACT-15]
#   fix: Improve the model, or judge it on more rows if the interval is wide.
passed contains "PRM-004" if evaluation.metrics.auc.low >= limits.values.auc_least

found contains finding("PRM-004", "auc, lower bound", evaluation.metrics.auc.low, limits.values.auc_least) if "PRM-004" in failing

# METADATA
# title: It decides well enough
# description: The lower bound of the accuracy is below its limit.
# custom:
#   rule: PRM-005
#   severity: high
#   waivable: true
#   controls: [EU-AI-ACT-15]
#   fix: Improve the model or its threshold, or judge it on more rows if the interval is wide.
passed contains "PRM-005" if evaluation.metrics.accuracy.low >= limits.values.accuracy_least

found contains finding("PRM-005", "accuracy, lower bound", evaluation.metrics.accuracy.low, limits.values.accuracy_least) if "PRM-005" in failing

# METADATA
# title: Its probabilities can be believed
# description: The upper bound of the calibration error is above its limit.
# custom:
#   rule: PRM-006
#   severity: high
#   waivable: true
#   controls: [EU-AI-ACT-15]
#   fix: Calibrate the model on the validation split, or train it for fewer epochs.
passed contains "PRM-006" if evaluation.metrics.calibration_error.high <= limits.values.calibration_error_most

found contains finding(
	"PRM-006", "calibration error, upper bound",
	evaluation.metrics.calibration_error.high, limits.values.calibration_error_most,
) if {
	"PRM-006" in failing
}

# METADATA
# title: It is not worse than the champion
# description: On the same rows it may be worse than the champion by more than the margin.
# custom:
#   rule: PRM-007
#   severity: high
#   waivable: true
#   controls: [EU-AI-ACT-15]
#   fix: Improve the model until the lower bound of the paired difference is within the margin.
passed contains "PRM-007" if {
	evidence.first_version == true
	evaluation.against_champion == null
}

passed contains "PRM-007" if {
	evidence.first_version == false
	count(ranked(evaluation.against_champion.comparisons)) > 0
	every comparison in ranked(evaluation.against_champion.comparisons) {
		comparison.difference.low >= 0 - limits.values.regression_margin
	}
}

found contains finding("PRM-007", comparison.metric, comparison.difference.low, 0 - limits.values.regression_margin) if {
	"PRM-007" in failing
	some comparison in ranked(evaluation.against_champion.comparisons)
	not comparison.difference.low >= 0 - limits.values.regression_margin
}

# METADATA
# description: The comparisons of metrics of which more is better.
ranked(comparisons) := [comparison | some comparison in comparisons; comparison.metric in {"auc", "accuracy"}]

# METADATA
# title: No slice is surely worse than with the champion
# description: On a slice it is worse than the champion by more than the margin, beyond the noise.
# custom:
#   rule: PRM-008
#   severity: high
#   waivable: true
#   controls: [EU-AI-ACT-15, EU-AI-ACT-10]
#   fix: See the slice in the report; find out what its rows lost.
passed contains "PRM-008" if {
	evidence.first_version == true
	evaluation.against_champion == null
}

passed contains "PRM-008" if {
	every part in evaluation.against_champion.slices { holds_up(part) }
}

# A slice that is too small is reported and never gated on.
holds_up(part) if part.enough_data == false

holds_up(part) if {
	part.enough_data == true
	compared := ranked(part.comparisons)
	count(compared) > 0
	every comparison in compared { comparison.difference.high >= slice_least }
}

# METADATA
# description: How much worse than the champion a slice may surely be; worked out once, not for every slice.
slice_least := 0 - limits.values.slice_regression_margin

found contains finding("PRM-008", sprintf("%s = %s", [part.column, part.group]), best_case(part), slice_least) if {
	"PRM-008" in failing
	some part in evaluation.against_champion.slices
	not holds_up(part)
}

# METADATA
# description: The most favourable reading of a slice's worst difference, or null where nothing was compared.
best_case(part) := min([comparison.difference.high | some comparison in ranked(part.comparisons)]) if {
	count(ranked(part.comparisons)) > 0
}

best_case(part) := null if count(ranked(part.comparisons)) == 0

# METADATA
# title: Groups are selected at similar rates
# description: The demographic parity difference between groups may be above its limit.
# custom:
#   rule: PRM-009
#   severity: critical
#   waivable: true
#   controls: [EU-AI-ACT-10, EU-AI-ACT-15]
#   fix: Compare the groups' rows in training with those in the source; look for a sampling rule or a feature that stands in for the group.
passed contains "PRM-009" if {
	every attribute in evaluation.fairness { similar(attribute, "demographic_parity_difference", limits.values.demographic_parity_most) }
}

found contains unequal("PRM-009", attribute, "demographic_parity_difference", limits.values.demographic_parity_most) if {
	"PRM-009" in failing
	some attribute in evaluation.fairness
	not similar(attribute, "demographic_parity_difference", limits.values.demographic_parity_most)
}

# METADATA
# title: Groups meet the same errors
# description: The equalised odds difference between groups may be above its limit.
# custom:
#   rule: PRM-010
#   severity: critical
#   waivable: true
#   controls: [EU-AI-ACT-10, EU-AI-ACT-15]
#   fix: Compare the groups' true and false positive rates in the report; the group with the higher error needs more or better rows.
passed contains "PRM-010" if {
	every attribute in evaluation.fairness { similar(attribute, "equalised_odds_difference", limits.values.equalised_odds_most) }
}

found contains unequal("PRM-010", attribute, "equalised_odds_difference", limits.values.equalised_odds_most) if {
	"PRM-010" in failing
	some attribute in evaluation.fairness
	not similar(attribute, "equalised_odds_difference", limits.values.equalised_odds_most)
}

# Groups below the declared minimum n leave nothing to compare: reported, never gated on.
similar(attribute, _, limit) if {
	attribute.verdict == "not_enough_data"
	limit >= 0
}

similar(attribute, measure, limit) if {
	attribute.verdict == "measured"
	attribute[measure].high <= limit
}

unequal(rule, attribute, measure, limit) := finding(rule, attribute.attribute, attribute[measure].high, limit)

# METADATA
# title: Fairness was looked at
# description: A model of this risk tier was not judged on any protected attribute.
# custom:
#   rule: PRM-011
#   severity: high
#   emergency: true
#   controls: [EU-AI-ACT-10]
#   fix: Declare the protected attributes of the data.
passed contains "PRM-011" if input.subject.risk_tier == "low"

passed contains "PRM-011" if {
	input.subject.risk_tier in {"medium", "high"}
	count(evaluation.fairness) > 0
}

# METADATA
# title: What serves answers as what was trained
# description: The graph that would serve answers otherwise than the network that was trained.
# custom:
#   rule: PRM-012
#   severity: critical
#   controls: [EU-AI-ACT-15]
#   fix: Find the operation that the export changes; compare both on the rows of the report.
passed contains "PRM-012" if {
	evaluation.parity.rows > 0
	evaluation.parity.largest_difference >= 0
	evaluation.parity.largest_difference <= limits.values.parity_most
}

found contains finding("PRM-012", "largest difference", evaluation.parity.largest_difference, limits.values.parity_most) if "PRM-012" in failing

# METADATA
# title: It is judged on rows like those it learned from
# description: A column of the test rows has drifted away from the training rows.
# custom:
#   rule: PRM-013
#   severity: high
#   waivable: true
#   controls: [EU-AI-ACT-10]
#   fix: Look for a change in how the named column is filled, and split the data again.
passed contains "PRM-013" if {
	count(evaluation.drift) > 0
	every column in evaluation.drift { column.psi <= limits.values.psi_most }
}

found contains finding("PRM-013", column.column, column.psi, limits.values.psi_most) if {
	"PRM-013" in failing
	some column in evaluation.drift
	not column.psi <= limits.values.psi_most
}

# METADATA
# title: No feature knows the answer
# description: A single feature tells the target almost by itself.
# custom:
#   rule: PRM-014
#   severity: critical
#   controls: [EU-AI-ACT-10]
#   fix: Find out when the named column is filled; drop it where that is after the outcome.
passed contains "PRM-014" if count(evidence.leaking_columns) == 0

found contains finding("PRM-014", column, "leaks", "") if {
	"PRM-014" in failing
	some column in evidence.leaking_columns
}

# METADATA
# title: All that it came from is recorded
# description: The ledger does not hold everything that this version came from.
# custom:
#   rule: PRM-015
#   severity: critical
#   controls: [EU-AI-ACT-10, EU-AI-ACT-12]
#   fix: Run the stages that record what is missing, from the data on.
passed contains "PRM-015" if {
	evidence.lineage_complete == true
	count(evidence.missing_lineage) == 0
}

found contains finding("PRM-015", missing, "not recorded", "recorded") if {
	"PRM-015" in failing
	some missing in evidence.missing_lineage
}

# METADATA
# title: Its files cannot run code
# description: A file is in a format that is not known to be safe to load.
# custom:
#   rule: PRM-016
#   severity: critical
#   controls: [EU-AI-ACT-15]
#   fix: Export the model as safetensors, ONNX and JSON; a pickle has no place in a package.
passed contains "PRM-016" if {
	count(evidence.formats) > 0
	every format in evidence.formats { format in safe_formats }
}

found contains finding("PRM-016", format, format, safe_formats) if {
	"PRM-016" in failing
	some format in evidence.formats
	not format in safe_formats
}

safe_formats := {"safetensors", "onnx", "json"}

# METADATA
# title: It will be watched
# description: Nothing would watch this version once it serves.
# custom:
#   rule: PRM-017
#   severity: high
#   emergency: true
#   controls: [EU-AI-ACT-72]
#   fix: Declare what to watch and how often.
passed contains "PRM-017" if evidence.monitoring_wired == true

# METADATA
# title: It can be undone
# description: There is a champion, and nothing to go back to.
# custom:
#   rule: PRM-018
#   severity: high
#   emergency: true
#   controls: [EU-AI-ACT-14]
#   fix: Keep the version that serves as the target of a rollback.
passed contains "PRM-018" if evidence.first_version == true

passed contains "PRM-018" if is_string(evidence.rollback_target)

# METADATA
# title: It is worth its complexity
# description: A simple baseline, trained on the same rows, ranks better.
# custom:
#   rule: PRM-019
#   severity: low
#   waivable: true
#   controls: [EU-AI-ACT-15]
#   fix: Consider serving the baseline, or say in the purpose why not.
passed contains "PRM-019" if evaluation.metrics.auc.high >= evaluation.baseline.auc.value

found contains finding("PRM-019", evaluation.baseline_name, evaluation.metrics.auc.value, evaluation.baseline.auc.value) if "PRM-019" in failing

# METADATA
# title: The way back was tried
# description: What a rollback would lead to is not what this version was judged beside.
# custom:
#   rule: PRM-020
#   severity: high
#   emergency: true
#   controls: [EU-AI-ACT-14]
#   fix: Evaluate the version again, beside what serves now.
passed contains "PRM-020" if {
	evidence.first_version == true
	evidence.rollback_target == null
}

# Whatever a version was judged beside was loaded from its bytes and answered every one of the test rows.
passed contains "PRM-020" if {
	is_string(evidence.rollback_target)
	evaluation.against_champion.champion_digest == evidence.rollback_target
}

found contains finding("PRM-020", "judged beside", evaluation.against_champion.champion_digest, evidence.rollback_target) if "PRM-020" in failing

# METADATA
# title: It holds up on rows that are disturbed
# description: Rows that are a little wrong, as they come in production, make it rank worse by more than the margin.
# custom:
#   rule: PRM-021
#   severity: high
#   waivable: true
#   controls: [EU-AI-ACT-15]
#   fix: See which disturbance it was; train with more regularisation, or with rows that are disturbed in the same way.
passed contains "PRM-021" if {
	count(evaluation.robustness) > 0
	every trial in evaluation.robustness { trial.auc_difference.low >= 0 - limits.values.robustness_margin }
}

found contains finding("PRM-021", trial.disturbance, trial.auc_difference.low, 0 - limits.values.robustness_margin) if {
	"PRM-021" in failing
	some trial in evaluation.robustness
	not trial.auc_difference.low >= 0 - limits.values.robustness_margin
}

# METADATA
# description: What did not pass. Only that is explained, because an explanation costs as much as the rule.
failing := object.keys(data.rules[input.gate]) - passed

finding(rule, subject, observed, limit) := {
	"rule": rule,
	"subject": subject,
	"observed": json.marshal(observed),
	"limit": json.marshal(limit),
}
