package gov.rollback_test

import data.gov.rollback

good := data.examples.rollback

failed(question) := {failure.rule | some failure in decision.violations} if decision := rollback.decision with input as question

changed(path, value) := json.patch(good, [{"op": "replace", "path": path, "value": value}])

test_back_to_what_was_allowed if {
	decision := rollback.decision with input as good
	decision.allow
	decision.obligations[0].kind == "post_review"
}

test_out_of_service_needs_no_target if {
	failed(json.patch(good, [
		{"op": "replace", "path": "/evidence/to_digest", "value": null},
		{"op": "replace", "path": "/evidence/to_version", "value": null},
		{"op": "replace", "path": "/evidence/to_was_allowed", "value": false},
	])) == set()
}

test_no_evidence if failed(changed("/evidence", {})) == {"RBK-001", "RBK-002", "RBK-003", "RBK-004"}

test_from_other_bytes if failed(changed("/subject/digest", "sha256:other")) == {"RBK-001"}

test_never_allowed_here if failed(changed("/evidence/to_was_allowed", false)) == {"RBK-002"}

test_to_itself if failed(changed("/evidence/to_digest", good.evidence.from_digest)) == {"RBK-003"}

test_revoked if failed(changed("/evidence/to_revoked", true)) == {"RBK-004"}

asked_by(actor) := json.patch(good, [
	{"op": "replace", "path": "/request/actor", "value": object.union({"id": "ada", "kind": "human", "roles": [], "authenticated": true}, actor)},
	{"op": "replace", "path": "/subject/makers", "value": [{"id": "owner", "part": "owner", "basis": "fact"}]},
])

test_who_may_ask if {
	every actor in [{"roles": ["operator"]}, {"roles": ["clerk", "risk"]}, {"id": "owner"}, {"kind": "service", "authenticated": false}] {
		failed(asked_by(actor)) == set()
	}
}

test_who_may_not_ask if {
	every actor in [{}, {"roles": ["clerk"]}, {"roles": ["operator"], "authenticated": false}, {"id": "owner", "authenticated": false}, {"kind": "other"}] {
		failed(asked_by(actor)) == {"RBK-005"}
	}
}
