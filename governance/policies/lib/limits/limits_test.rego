package gov.lib.limits_test

import data.gov.lib.limits

sets := {
	"some": {
		"values": {"auc_least": 0.7, "rows_least": 500},
		"cases": [
			{"risk_tier": "high", "jurisdiction": null, "values": {"auc_least": 0.8}},
			{"risk_tier": null, "jurisdiction": "DE", "values": {"rows_least": 900}},
			{"risk_tier": "high", "jurisdiction": "DE", "values": {"auc_least": 0.85}},
		],
	},
}

asked(tier, place, overrides) := {
	"subject": {"limits": "some", "risk_tier": tier, "limit_overrides": overrides},
	"target": {"jurisdiction": place},
}

values(tier, place, overrides) := found if {
	found := limits.values with input as asked(tier, place, overrides) with data.limits as sets
}

test_no_case_holds if values("low", "FR", {}) == {"auc_least": 0.7, "rows_least": 500}

test_a_risk_tier_has_limits_of_its_own if values("high", "FR", {}) == {"auc_least": 0.8, "rows_least": 500}

test_so_has_a_jurisdiction if values("low", "DE", {}) == {"auc_least": 0.7, "rows_least": 900}

test_a_later_case_stands_over_an_earlier_one if values("high", "DE", {}) == {"auc_least": 0.85, "rows_least": 900}

test_an_override_stands_over_every_case if values("high", "DE", {"auc_least": 0.9}) == {"auc_least": 0.9, "rows_least": 900}

test_an_override_of_nothing_is_nothing if values("low", "FR", {"elsewhere": 1}) == {"auc_least": 0.7, "rows_least": 500}

test_unknown_limits_have_no_values if {
	not limits.values with input as object.union(asked("low", "FR", {}), {"subject": {"limits": "elsewhere"}}) with data.limits as sets
}
