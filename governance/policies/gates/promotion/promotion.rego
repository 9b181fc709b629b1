# METADATA
# title: Promotion
# description: May these bytes be deployed in this environment, once the people who must approve have approved?
package gov.promotion

import data.gov.lib.approvals
import data.gov.lib.candidate
import data.gov.lib.limits
import data.gov.lib.verdict

# METADATA
# entrypoint: true
# custom:
#   applies: [gov.lib.candidate, gov.lib.approvals]
#   leaves_out:
#     - evidence.evaluation.slices
#     - evidence.evaluation.computed_with
#     - evidence.evaluation.report_html_digest
#     - evidence.evaluation.metrics.brier
#     - evidence.evaluation.metrics.log_loss
#     - evidence.evaluation.baseline.accuracy
#     - evidence.evaluation.baseline.brier
#     - evidence.evaluation.baseline.calibration_error
#     - evidence.evaluation.baseline.log_loss
#     - evidence.evaluation.fairness.groups
#     - evidence.evaluation.fairness.demographic_parity_ratio
#     - evidence.evaluation.against_champion.comparisons.candidate
#     - evidence.evaluation.against_champion.comparisons.champion
#     - evidence.evaluation.against_champion.slices.comparisons.candidate
#     - evidence.evaluation.against_champion.slices.comparisons.champion
#     - evidence.evaluation.against_champion.slices.comparisons.difference.value
#     - evidence.evaluation.against_champion.slices.comparisons.difference.low
#     - evidence.evaluation.against_champion.slices.comparisons.difference.n
decision := verdict.answer(
	"promotion",
	candidate.passed | approvals.passed,
	candidate.found | approvals.found,
	approvals.required,
	obligations,
)

obligations := [obligation |
	obligation := {
		"id": "OBL-CANARY",
		"kind": "canary",
		"parameters": {"first_weight_most": limits.values.first_weight_most},
		"deadline_us": 0,
	}
]
