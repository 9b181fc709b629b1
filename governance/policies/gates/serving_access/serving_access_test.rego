package gov.serving_access_test

import data.gov.serving_access

good := data.examples.serving_access

failed(question) := {failure.rule | some failure in decision.violations} if decision := serving_access.decision with input as question

changed(path, value) := json.patch(good, [{"op": "replace", "path": path, "value": value}])

test_a_caller_that_was_granted_it if serving_access.decision.allow with input as good

test_no_evidence if {
	failed(changed("/evidence", {})) == {"ACC-001", "ACC-002", "ACC-003", "ACC-004", "ACC-005", "ACC-006", "ACC-007"}
}

test_no_version if failed(changed("/subject/version", null)) == {"ACC-001"}

test_no_credential if failed(changed("/evidence/credential_digest", "")) == {"ACC-001"}

test_another_model if failed(changed("/evidence/models", ["other"])) == {"ACC-002"}

test_no_model if failed(changed("/evidence/models", [])) == {"ACC-002"}

test_another_purpose if failed(changed("/evidence/purpose", "marketing")) == {"ACC-003"}

test_revoked if failed(changed("/evidence/revoked", true)) == {"ACC-004"}

test_over if failed(changed("/evidence/expires_at_us", good.now_us)) == {"ACC-004"}

test_not_begun if failed(changed("/evidence/granted_at_us", good.now_us + 1)) == {"ACC-004"}

test_for_ever if failed(changed("/evidence/expires_at_us", good.now_us * 4)) == {"ACC-005"}

test_more_than_one_may if failed(changed("/evidence/quota/rows_per_day", 1000000000000)) == {"ACC-006"}

test_labels if {
	every right in ["own", "any"] {
		count(failed(json.patch(good, [{"op": "add", "path": "/evidence/labels", "value": right}]))) == 0
	}
}

test_labels_of_nobody_known if failed(json.patch(good, [{"op": "add", "path": "/evidence/labels", "value": "all"}])) == {"ACC-008"}

test_labels_for_as_long_as_predictions if {
	failed(json.patch(good, [
		{"op": "add", "path": "/evidence/labels", "value": "own"},
		{"op": "replace", "path": "/evidence/expires_at_us", "value": good.evidence.granted_at_us + (8760 * 3600000000)},
	])) == {"ACC-008"}
}

test_a_version_that_was_never_deployed if failed(changed("/evidence/deployment_decision_id", "")) == {"ACC-007"}

test_a_version_that_was_revoked if failed(changed("/evidence/version_revoked", true)) == {"ACC-007"}
