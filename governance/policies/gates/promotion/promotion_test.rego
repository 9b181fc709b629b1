package gov.promotion_test

import data.gov.promotion

good := data.examples.promotion

failed(question) := {failure.rule | some failure in decision.violations} if decision := promotion.decision with input as question

warned(question) := {failure.rule | some failure in decision.warnings} if decision := promotion.decision with input as question

changed(path, value) := json.patch(good, [{"op": "replace", "path": path, "value": value}])

metric(name) := sprintf("/evidence/evaluation/metrics/%s", [name])

test_good_evidence_is_allowed if {
	promotion.decision.allow with input as good
	promotion.decision.outcome == "allow" with input as good
	count(promotion.decision.evaluated) == count(data.rules.promotion) with input as good
}

# A low risk tier does not ask for fairness, so PRM-011 passes whatever is shown.
test_no_evidence_fails_every_rule_on_it if {
	found := failed(json.patch(good, [{"op": "replace", "path": "/evidence", "value": {}}]))
	blocking := {id | some id, rule in data.rules.promotion; startswith(id, "PRM-"); rule.severity in {"critical", "high"}}
	found == blocking - {"PRM-011"}
}

test_another_gate_is_not_answered if not promotion.decision with input as changed("/gate", "deployment")

test_other_bytes if failed(changed("/subject/digest", "sha256:other")) == {"PRM-001"}

test_no_valid_signature if failed(changed("/evidence/signature/valid", false)) == {"PRM-002"}

test_too_few_rows if failed(changed("/evidence/evaluation/rows", 10)) == {"PRM-003"}

test_the_bound_counts_and_not_the_value if {
	failed(changed(concat("/", [metric("auc"), "low"]), 0.1)) == {"PRM-004"}
	failed(changed(concat("/", [metric("accuracy"), "low"]), 0.1)) == {"PRM-005"}
	failed(changed(concat("/", [metric("calibration_error"), "high"]), 0.9)) == {"PRM-006"}
}

champion(difference) := {
	"champion_version": 1,
	"champion_digest": "sha256:champion",
	"comparisons": [{"metric": "auc", "difference": difference}],
	"slices": [{"column": "home", "group": "rent", "n": 9, "enough_data": false, "comparisons": []}],
}

against(difference) := json.patch(good, [
	{"op": "replace", "path": "/evidence/first_version", "value": false},
	{"op": "replace", "path": "/evidence/rollback_target", "value": "sha256:champion"},
	{"op": "replace", "path": "/evidence/evaluation/against_champion", "value": champion(difference)},
])

test_as_good_as_the_champion if failed(against({"low": -0.001, "high": 0.01})) == set()

test_worse_than_the_champion if failed(against({"low": -0.2, "high": -0.1})) == {"PRM-007"}

test_a_slice_that_is_surely_worse if {
	slice := {"column": "home", "group": "rent", "n": 900, "enough_data": true, "comparisons": [{"metric": "auc", "difference": {"low": -0.4, "high": -0.3}}]}
	failed(json.patch(against({"low": 0, "high": 0.1}), [
		{
			"op": "replace", "path": "/evidence/evaluation/against_champion/slices",
			"value": [slice],
		},
	])) == {"PRM-008"}
}

test_unfair if {
	failed(changed("/evidence/evaluation/fairness/0/demographic_parity_difference/high", 0.9)) == {"PRM-009"}
	failed(changed("/evidence/evaluation/fairness/0/equalised_odds_difference/high", 0.9)) == {"PRM-010"}
}

test_groups_that_are_too_small_are_not_gated_on if {
	small := {"attribute": "group", "verdict": "not_enough_data", "demographic_parity_difference": null, "equalised_odds_difference": null}
	failed(changed("/evidence/evaluation/fairness", [small])) == set()
}

test_measured_without_a_measurement_is_not_passed if {
	failed(changed("/evidence/evaluation/fairness/0/demographic_parity_difference", null)) == {"PRM-009"}
}

test_high_risk_needs_fairness if {
	question := json.patch(good, [
		{"op": "replace", "path": "/subject/risk_tier", "value": "high"},
		{"op": "replace", "path": "/evidence/evaluation/fairness", "value": []},
	])
	failed(question) == {"PRM-011", "APR-001"}
}

test_the_rest_of_the_evidence if {
	failed(changed("/evidence/evaluation/parity/largest_difference", 0.1)) == {"PRM-012"}
	failed(changed("/evidence/evaluation/drift/0/psi", 0.9)) == {"PRM-013"}
	failed(changed("/evidence/leaking_columns", ["answer"])) == {"PRM-014"}
	failed(changed("/evidence/missing_lineage", ["dataset"])) == {"PRM-015"}
	failed(changed("/evidence/formats", ["onnx", "pickle"])) == {"PRM-016"}
	failed(changed("/evidence/formats", [])) == {"PRM-016"}
	failed(changed("/evidence/monitoring_wired", false)) == {"PRM-017"}
	"PRM-018" in failed(changed("/evidence/first_version", false))
	warned(changed("/evidence/evaluation/baseline/auc/value", 1)) == {"PRM-019"}
}

test_limits_that_do_not_exist_pass_nothing if {
	"PRM-004" in failed(changed("/subject/limits", "elsewhere"))
}

test_an_override_counts if failed(changed("/subject/limit_overrides", {"auc_least": 1})) == {"PRM-004"}

compared_slice(changes) := object.union(
	{"column": "home", "group": "rent", "n": 900, "enough_data": true, "comparisons": [{"metric": "auc", "difference": {"low": 0, "high": 0}}]},
	changes,
)

with_slices(parts) := json.patch(good, [
	{"op": "replace", "path": "/evidence/first_version", "value": false},
	{"op": "replace", "path": "/evidence/evaluation/against_champion", "value": {"comparisons": [], "slices": parts}},
])

test_a_slice_that_is_too_small_is_not_gated_on if not "PRM-008" in failed(with_slices([compared_slice({"enough_data": false, "comparisons": []})]))

test_a_slice_that_nothing_was_compared_on_does_not_pass if "PRM-008" in failed(with_slices([compared_slice({"comparisons": []})]))

test_a_slice_that_is_surely_worse_is_named if {
	worse := compared_slice({"comparisons": [{"metric": "auc", "difference": {"low": -0.4, "high": -0.3}}]})
	decision := promotion.decision with input as with_slices([compared_slice({}), worse])
	some failure in decision.violations
	failure.rule == "PRM-008"
	failure.observed == "-0.3"
}

test_what_it_was_judged_beside_is_where_a_rollback_leads if {
	failed(json.patch(against({"low": 0, "high": 0.1}), [{"op": "replace", "path": "/evidence/rollback_target", "value": "sha256:later"}])) == {"PRM-020"}
}

test_a_first_version_that_has_a_target_is_not_believed if failed(changed("/evidence/rollback_target", "sha256:later")) == {"PRM-020"}

test_a_disturbance_that_it_does_not_take if {
	failed(changed("/evidence/evaluation/robustness/0/auc_difference/low", -0.4)) == {"PRM-021"}
	failed(changed("/evidence/evaluation/robustness", [])) == {"PRM-021"}
	failed(json.patch(good, [{"op": "remove", "path": "/evidence/evaluation/robustness"}])) == {"PRM-021"}
}
