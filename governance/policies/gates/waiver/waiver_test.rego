package gov.waiver_test

import data.gov.waiver

good := data.examples.waiver

decided(changes) := decision if {
	decision := waiver.decision with input as json.patch(good, changes)
}

rules(failures) := {failure.rule | some failure in failures}

test_two_independent_people_are_enough if decided([]).outcome == "allow"

test_one_waits_for_another if {
	decision := decided([{"op": "remove", "path": "/evidence/signatures/1"}])
	decision.outcome == "needs_approval"
	decision.required_approvals[0].given == 1
}

test_one_person_counts_once if {
	decision := decided([{"op": "replace", "path": "/evidence/signatures/1/signer", "value": good.evidence.signatures[0].signer}])
	decision.outcome == "needs_approval"
}

test_a_maker_waives_nothing if {
	decision := decided([{"op": "replace", "path": "/evidence/signatures/1/also", "value": ["canary"]}])
	decision.outcome == "deny"
	rules(decision.violations) == {"WVR-003", "WVR-004"}
}

test_what_must_hold_is_not_waived if {
	every rule in ["PRM-001", "PRM-002", "PRM-014", "PRM-015", "PRM-016", "SOD-001", "APR-002", "DEP-003", "elsewhere"] {
		decision := decided([{"op": "replace", "path": "/evidence/rule", "value": rule}])
		decision.outcome == "deny"
	}
}

glass := [
	{"op": "replace", "path": "/evidence/rule", "value": "BREAK-GLASS"},
	{"op": "replace", "path": "/request/break_glass", "value": true},
	{"op": "replace", "path": "/evidence/expires_at_us", "value": good.now_us + 3600000000},
]

test_two_people_break_the_glass_and_owe_a_review if {
	decision := decided(glass)
	decision.outcome == "allow"
	[obligation.kind | some obligation in decision.obligations] == ["post_review"]
	decision.obligations[0].deadline_us > good.now_us
}

test_one_waiver_owes_none if decided([]).obligations == []

test_one_person_breaks_no_glass if decided(array.concat(glass, [{"op": "remove", "path": "/evidence/signatures/1"}])).outcome == "needs_approval"

test_the_glass_is_broken_for_a_short_time if {
	decision := decided(array.concat(glass, [{"op": "replace", "path": "/evidence/expires_at_us", "value": good.now_us + 259200000000}]))
	rules(decision.violations) == {"WVR-002"}
}

test_nobody_breaks_the_glass_without_saying_so if {
	rules(decided(array.concat(glass, [{"op": "replace", "path": "/request/break_glass", "value": false}])).violations) == {"WVR-001"}
}

test_it_ends if {
	every end in [0, good.now_us, good.now_us + 1000000000000000] {
		decision := decided([{"op": "replace", "path": "/evidence/expires_at_us", "value": end}])
		decision.outcome == "deny"
		rules(decision.violations) == {"WVR-002"}
	}
}

test_who_lacks_the_role_is_named if {
	decision := decided([{"op": "replace", "path": "/evidence/signatures/1/roles", "value": ["engineer"]}])
	decision.outcome == "deny"
	rules(decision.violations) == {"WVR-003", "WVR-005"}
}
