# METADATA
# title: Deployment
# description: |
#   May these bytes take traffic in this environment, now? Judges the evidence and the approvals again, because
#   days may lie between the promotion and this moment.
package gov.deployment

import data.gov.lib.approvals
import data.gov.lib.candidate
import data.gov.lib.limits
import data.gov.lib.verdict

# METADATA
# entrypoint: true
# custom:
#   applies: [gov.deployment, gov.lib.candidate, gov.lib.approvals]
#   leaves_out:
#     - evidence.promotion.evaluation.slices
#     - evidence.promotion.evaluation.computed_with
#     - evidence.promotion.evaluation.report_html_digest
#     - evidence.promotion.evaluation.metrics.brier
#     - evidence.promotion.evaluation.metrics.log_loss
#     - evidence.promotion.evaluation.baseline.accuracy
#     - evidence.promotion.evaluation.baseline.brier
#     - evidence.promotion.evaluation.baseline.calibration_error
#     - evidence.promotion.evaluation.baseline.log_loss
#     - evidence.promotion.evaluation.fairness.groups
#     - evidence.promotion.evaluation.fairness.demographic_parity_ratio
#     - evidence.promotion.evaluation.against_champion.comparisons.candidate
#     - evidence.promotion.evaluation.against_champion.comparisons.champion
#     - evidence.promotion.evaluation.against_champion.slices.comparisons.candidate
#     - evidence.promotion.evaluation.against_champion.slices.comparisons.champion
#     - evidence.promotion.evaluation.against_champion.slices.comparisons.difference.value
#     - evidence.promotion.evaluation.against_champion.slices.comparisons.difference.low
#     - evidence.promotion.evaluation.against_champion.slices.comparisons.difference.n
decision := verdict.answer(
	"deployment",
	((passed | candidate.passed) | approvals.passed),
	((found | candidate.found) | approvals.found),
	approvals.required,
	obligations,
)

# METADATA
# title: Promotion did not deny it
# description: The promotion gate denied this version, or was never asked about it.
# custom:
#   rule: DEP-001
#   severity: critical
#   controls: [EU-AI-ACT-14]
#   fix: Ask for promotion first; `lifecycle status` shows what it denied and why.
passed contains "DEP-001" if {
	input.evidence.promotion_outcome in {"allow", "needs_approval"}
	count(input.evidence.promotion_decision_id) > 0
}

found contains candidate.finding("DEP-001", "promotion", input.evidence.promotion_outcome, "allow")

# METADATA
# title: What was promoted is what would be deployed
# description: The promotion was of other bytes.
# custom:
#   rule: DEP-002
#   severity: critical
#   controls: [EU-AI-ACT-12]
#   fix: Deploy the bytes that were promoted, or ask for the promotion of these.
passed contains "DEP-002" if {
	is_string(input.subject.digest)
	input.evidence.promotion_subject_digest == input.subject.digest
}

found contains candidate.finding("DEP-002", "digest", input.evidence.promotion_subject_digest, input.subject.digest)

# METADATA
# title: It was not revoked
# description: The version was revoked and must not serve again.
# custom:
#   rule: DEP-003
#   severity: critical
#   controls: [EU-AI-ACT-14]
#   fix: Train a new candidate; a revocation is not undone.
passed contains "DEP-003" if input.evidence.revoked == false

# METADATA
# title: It starts small
# description: The first step that callers see would give it more of the traffic than the strategy may.
# custom:
#   rule: DEP-004
#   severity: high
#   emergency: true
#   controls: [EU-AI-ACT-15]
#   fix: Declare a first step of the rollout within the limit, or a strategy that may do this at the risk tier.
passed contains "DEP-004" if {
	input.evidence.strategy in {"canary", "ab", "blue_green"}
	input.evidence.first_weight > 0
	input.evidence.first_weight <= first_weight_most
}

# The copies of a shadow are seen by nobody; what may come after them is a canary.
passed contains "DEP-004" if {
	input.evidence.strategy == "shadow"
	input.evidence.first_weight >= 0
	input.evidence.first_weight <= first_weight_most
}

found contains candidate.finding("DEP-004", input.evidence.strategy, input.evidence.first_weight, first_weight_most)

first_weight_most := limits.values.first_weight_most if input.evidence.strategy in {"canary", "shadow"}

first_weight_most := limits.values.ab_weight_most if input.evidence.strategy == "ab"

first_weight_most := limits.values.blue_green_weight_most if input.evidence.strategy == "blue_green"

# METADATA
# title: It is no time in which nothing is deployed
# description: Nothing is deployed here at this time.
# custom:
#   rule: DEP-005
#   severity: high
#   waivable: true
#   controls: [EU-AI-ACT-14]
#   fix: Deploy after the freeze, or have two people waive this rule for these bytes.
passed contains "DEP-005" if {
	is_string(input.target.environment)
	is_string(input.target.jurisdiction)
	every freeze in limits.set.freezes { does_not_hold(freeze) }
}

found contains candidate.finding("DEP-005", freeze.reason, input.now_us, freeze.until_us) if {
	some freeze in limits.set.freezes
	not does_not_hold(freeze)
}

does_not_hold(freeze) if input.now_us < freeze.from_us

does_not_hold(freeze) if input.now_us >= freeze.until_us

does_not_hold(freeze) if elsewhere(freeze.environments, input.target.environment)

does_not_hold(freeze) if elsewhere(freeze.jurisdictions, input.target.jurisdiction)

# Where no place is named, the freeze holds in all of them.
elsewhere(places, here) if {
	count(places) > 0
	not here in places
}

obligations := [obligation |
	obligation := {
		"id": "OBL-CANARY",
		"kind": "canary",
		"parameters": {"first_weight": input.evidence.first_weight},
		"deadline_us": 0,
	}
]
