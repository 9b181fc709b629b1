package gov.deployment_test

import data.gov.deployment

good := data.examples.deployment

failed(question) := {failure.rule | some failure in decision.violations} if decision := deployment.decision with input as question

changed(path, value) := json.patch(good, [{"op": "replace", "path": path, "value": value}])

test_what_was_promoted_is_allowed if deployment.decision.allow with input as good

test_no_evidence_passes_nothing_of_its_own if {
	{"DEP-001", "DEP-002", "DEP-003", "DEP-004", "PRM-001"} & failed(changed("/evidence", {})) == {"DEP-001", "DEP-002", "DEP-003", "DEP-004", "PRM-001"}
}

test_denied_before if failed(changed("/evidence/promotion_outcome", "deny")) == {"DEP-001"}

test_other_bytes_were_promoted if failed(changed("/evidence/promotion_subject_digest", "sha256:other")) == {"DEP-002"}

test_revoked if failed(changed("/evidence/revoked", true)) == {"DEP-003"}

test_too_much_at_once if {
	failed(changed("/evidence/first_weight", 1)) == {"DEP-004"}
	failed(changed("/evidence/first_weight", 0)) == {"DEP-004"}
	failed(changed("/evidence/strategy", "all_at_once")) == {"DEP-004"}
}

by(strategy, tier, weight) := "DEP-004" in failed(json.patch(good, [
	{"op": "replace", "path": "/evidence/strategy", "value": strategy},
	{"op": "replace", "path": "/evidence/first_weight", "value": weight},
	{"op": "replace", "path": "/subject/risk_tier", "value": tier},
]))

test_each_strategy_has_its_own_limit if {
	not by("ab", "low", 0.5)
	by("ab", "low", 0.6)
	by("ab", "low", 0)
	not by("shadow", "high", 0)
	not by("shadow", "high", 0.1)
	by("shadow", "high", 0.6)
	not by("blue_green", "low", 1)
}

test_high_risk_is_not_switched_at_once if by("blue_green", "high", 1)

test_the_evidence_is_judged_again if failed(changed("/evidence/promotion/signature/valid", false)) == {"PRM-002"}

freeze := {"from_us": good.now_us - 1, "until_us": good.now_us + 1, "environments": [], "jurisdictions": [], "reason": "end of the year"}

frozen(changes) := rules if {
	limits := json.patch(data.limits, [
		{
			"op": "replace",
			"path": sprintf("/%s/freezes", [good.subject.limits]),
			"value": [object.union(freeze, changes)],
		},
	])
	decision := deployment.decision with input as good with data.limits as limits
	rules := {failure.rule | some failure in decision.violations}
}

test_nothing_is_deployed_in_a_freeze if {
	every changes in [
		{},
		{"from_us": good.now_us},
		{"environments": ["elsewhere", good.target.environment]},
		{"jurisdictions": [good.target.jurisdiction]},
	] {
		frozen(changes) == {"DEP-005"}
	}
}

test_a_freeze_holds_in_its_time_and_place_alone if {
	every changes in [
		{"from_us": good.now_us + 1},
		{"until_us": good.now_us},
		{"environments": ["elsewhere"]},
		{"jurisdictions": ["ZZ"]},
	] {
		frozen(changes) == set()
	}
}
