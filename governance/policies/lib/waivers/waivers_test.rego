package gov.lib.waivers_test

import data.gov.promotion

good := data.examples.promotion

weak := json.patch(good, [{"op": "replace", "path": "/evidence/evaluation/metrics/auc/low", "value": 0.1}])

waiver := {
	"rule": "PRM-004",
	"subject_digest": good.subject.digest,
	"granted_by": ["officer", "another"],
	"expires_at_us": good.now_us + 1,
	"ticket": "RISK-7",
}

decided(waivers) := decision if {
	decision := promotion.decision with input as object.union(weak, {"waivers": waivers})
}

test_a_waiver_lets_its_rule_pass if {
	decision := decided([waiver])
	decision.outcome == "allow"
	{failure.rule | some failure in decision.waived} == {"PRM-004"}
}

test_without_one_the_rule_denies if decided([]).outcome == "deny"

test_a_waiver_that_does_not_hold_waives_nothing if {
	every changes in [
		{"subject_digest": "sha256:other"},
		{"expires_at_us": good.now_us},
		{"granted_by": ["officer"]},
		{"granted_by": ["officer", "officer"]},
		{"granted_by": ["officer", "canary"]},
		{"ticket": ""},
		{"rule": "PRM-005"},
	] {
		decided([object.union(waiver, changes)]).outcome == "deny"
	}
}

test_a_rule_that_may_not_be_waived_is_not if {
	unsigned := json.patch(good, [{"op": "replace", "path": "/evidence/signature/valid", "value": false}])
	decision := promotion.decision with input as object.union(unsigned, {"waivers": [object.union(waiver, {"rule": "PRM-002"})]})
	decision.outcome == "deny"
}

glass := object.union(waiver, {"rule": "BREAK-GLASS"})

broken(question, changes, said) := decision if {
	decision := promotion.decision with input as json.patch(
		object.union(question, {"waivers": [object.union(glass, changes)]}),
		[{"op": "replace", "path": "/request/break_glass", "value": said}],
	)
}

unwatched := json.patch(weak, [{"op": "replace", "path": "/evidence/monitoring_wired", "value": false}])

test_a_broken_glass_lets_all_pass_that_may_be_broken if {
	decision := broken(unwatched, {}, true)
	decision.outcome == "allow"
	{failure.rule | some failure in decision.waived} == {"PRM-004", "PRM-017"}
}

test_a_waiver_of_one_rule_is_no_broken_glass if {
	decision := promotion.decision with input as object.union(unwatched, {"waivers": [object.union(waiver, {"rule": "PRM-017"})]})
	decision.outcome == "deny"
}

test_a_glass_that_does_not_hold_lets_nothing_pass if {
	broken(unwatched, {}, false).outcome == "deny"
	every changes in [
		{"subject_digest": "sha256:other"},
		{"expires_at_us": good.now_us},
		{"granted_by": ["officer"]},
		{"granted_by": ["officer", "canary"]},
		{"ticket": ""},
	] {
		broken(unwatched, changes, true).outcome == "deny"
	}
}

test_no_glass_stands_before_a_signature if {
	unsigned := json.patch(good, [{"op": "replace", "path": "/evidence/signature/valid", "value": false}])
	broken(unsigned, {}, true).outcome == "deny"
}
