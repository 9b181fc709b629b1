package gov.training_budget_test

import data.gov.training_budget

good := data.examples.training_budget

failed(question) := {failure.rule | some failure in decision.violations} if decision := training_budget.decision with input as question

changed(path, value) := json.patch(good, [{"op": "replace", "path": path, "value": value}])

test_within_the_budget if training_budget.decision.allow with input as good

test_no_evidence if failed(changed("/evidence", {})) == {"BUD-001", "BUD-002", "BUD-003", "BUD-004"}

test_no_budget if "BUD-001" in failed(changed("/evidence/budget_cost", 0))

test_spent if failed(changed("/evidence/spent_cost", 2)) == {"BUD-002"}

test_one_run_takes_most if failed(changed("/evidence/estimated_cost", 0.9)) == {"BUD-003"}

test_the_period_is_to_come if failed(changed("/evidence/period_started_at_us", good.now_us + 1)) == {"BUD-004"}

test_a_cost_below_nothing if "BUD-002" in failed(changed("/evidence/estimated_cost", -1))
