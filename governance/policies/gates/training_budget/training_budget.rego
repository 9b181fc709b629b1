# METADATA
# title: Training budget
# description: May this training run spend what it is estimated to cost?
package gov.training_budget

import data.gov.lib.limits
import data.gov.lib.verdict

# METADATA
# entrypoint: true
# custom:
#   applies: [gov.training_budget]
decision := verdict.answer("training_budget", passed, found, [], [])

# METADATA
# title: The budget is known
# description: What the run would cost, what was spent or what may be spent is not known.
# custom:
#   rule: BUD-001
#   severity: critical
#   controls: [LIFECYCLE-COST]
#   fix: Declare a budget in the currency of the price table.
passed contains "BUD-001" if {
	input.evidence.estimated_cost >= 0
	input.evidence.spent_cost >= 0
	input.evidence.budget_cost > 0
	count(input.evidence.currency) == 3
	count(input.evidence.device) > 0
}

# METADATA
# title: The run fits into what is left
# description: The run would spend more than is left of the budget.
# custom:
#   rule: BUD-002
#   severity: high
#   controls: [LIFECYCLE-COST]
#   fix: Train for fewer epochs or on a cheaper device, wait for the next period, or have the budget raised.
passed contains "BUD-002" if {
	input.evidence.estimated_cost >= 0
	input.evidence.spent_cost + input.evidence.estimated_cost <= input.evidence.budget_cost
}

found contains {
	"rule": "BUD-002",
	"subject": input.evidence.currency,
	"observed": json.marshal(input.evidence.spent_cost + input.evidence.estimated_cost),
	"limit": json.marshal(input.evidence.budget_cost),
}

# METADATA
# title: No single run takes most of the budget
# description: This one run would take a larger share of the budget than a run may.
# custom:
#   rule: BUD-003
#   severity: high
#   controls: [LIFECYCLE-COST]
#   fix: Train for fewer epochs or on a cheaper device.
passed contains "BUD-003" if {
	input.evidence.estimated_cost <= input.evidence.budget_cost * limits.values.run_share_most
}

found contains {
	"rule": "BUD-003",
	"subject": input.evidence.currency,
	"observed": json.marshal(input.evidence.estimated_cost),
	"limit": json.marshal(input.evidence.budget_cost * limits.values.run_share_most),
}

# METADATA
# title: The period has begun
# description: The period of the budget starts in the future.
# custom:
#   rule: BUD-004
#   severity: high
#   controls: [LIFECYCLE-COST]
#   fix: Check the clock of the machine that asks.
passed contains "BUD-004" if input.evidence.period_started_at_us <= input.now_us
