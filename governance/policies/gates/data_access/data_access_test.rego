package gov.data_access_test

import data.gov.data_access

good := data.examples.data_access

failed(question) := {failure.rule | some failure in decision.violations} if decision := data_access.decision with input as question

changed(path, value) := json.patch(good, [{"op": "replace", "path": path, "value": value}])

test_good_data if data_access.decision.allow with input as good

test_no_evidence if failed(changed("/evidence", {})) == object.keys(data.rules.data_access)

test_each_rule if {
	failed(changed("/subject/digest", "sha256:other")) == {"DAT-001"}
	failed(changed("/evidence/contract_passed", false)) == {"DAT-002"}
	failed(changed("/target/purpose", "elsewhere")) == {"DAT-003"}
	failed(changed("/target/jurisdiction", "XX")) == {"DAT-004"}
	failed(changed("/evidence/licence", "unknown")) == {"DAT-005"}
	failed(changed("/evidence/contains_personal_data", true)) == {"DAT-006"}
	failed(changed("/evidence/rows", 1)) == {"DAT-007"}
	failed(changed("/evidence/leaking_columns", ["answer"])) == {"DAT-008"}
	failed(changed("/evidence/largest_single_feature_auc", 0.99)) == {"DAT-008"}
	failed(changed("/evidence/duplicate_share", 0.9)) == {"DAT-009"}
	failed(changed("/evidence/label_flip_share", 0.9)) == {"DAT-010"}
}

test_personal_data_that_is_classified if {
	failed(json.patch(good, [
		{"op": "replace", "path": "/evidence/contains_personal_data", "value": true},
		{"op": "replace", "path": "/evidence/classification", "value": "personal"},
	])) == set()
}

test_no_purpose_and_no_place if {
	failed(json.patch(good, [
		{"op": "replace", "path": "/target/purpose", "value": ""},
		{"op": "replace", "path": "/evidence/purposes", "value": [""]},
	])) == {"DAT-003"}
}
