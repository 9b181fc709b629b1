package gov.lib.approvals_test

import data.gov.deployment
import data.gov.promotion

good := json.patch(data.examples.promotion, [{"op": "replace", "path": "/subject/risk_tier", "value": "high"}])

evaluation := good.evidence.evaluation

given := {
	"event_id": "given",
	"approver": "officer",
	"also": [],
	"roles": ["risk"],
	"decision": "approve",
	"subject_digest": good.subject.digest,
	"dataset_digest": evaluation.dataset_digest,
	"report_digest": evaluation.report_json_digest,
	"evidence_digest": good.evidence.evaluation_digest,
	"bundle_digest": data.bundle.digest,
	"environment": good.target.environment,
	"approved_at_us": good.now_us - 1,
	"expires_at_us": good.now_us + 1,
	"verified": true,
	"consumed": false,
}

decided(approvals) := decision if {
	decision := promotion.decision with input as object.union(good, {"approvals": approvals})
}

but(changes) := [object.union(given, changes)]

rules(failures) := {failure.rule | some failure in failures}

test_high_risk_waits if {
	decision := decided([])
	decision.outcome == "needs_approval"
	rules(decision.violations) == {"APR-001"}
	decision.required_approvals == [{"role": "risk", "count": 1, "given": 0, "distinct_from": ["makers"]}]
}

test_one_of_the_role_is_enough if decided([given]).outcome == "allow"

test_a_refusal_denies if {
	decision := decided(array.concat([given], but({"approver": "another", "decision": "reject"})))
	decision.outcome == "deny"
	rules(decision.violations) == {"APR-002"}
}

test_nobody_approves_their_own_work if {
	some names in [{"approver": "canary"}, {"also": ["canary"]}]
	decision := decided(but(names))
	decision.outcome == "deny"
	rules(decision.violations) == {"APR-001", "SOD-001"}
}

test_what_does_not_count_is_named_and_waits if {
	every rule, changes in {
		"APR-003": {"bundle_digest": "sha256:other"},
		"APR-004": {"expires_at_us": good.now_us},
		"APR-005": {"consumed": true},
		"APR-006": {"roles": ["engineer"]},
	} {
		decision := decided(but(changes))
		decision.outcome == "needs_approval"
		rules(decision.violations) == {"APR-001"}
		rules(decision.warnings) == {rule}
	}
}

test_every_digest_binds if {
	every name in ["subject_digest", "dataset_digest", "report_digest", "evidence_digest", "bundle_digest", "environment"] {
		decision := decided(but({name: "sha256:other"}))
		decision.outcome == "needs_approval"
		rules(decision.warnings) == {"APR-003"}
	}
}

test_one_person_counts_once if {
	two := json.patch(good, [
		{"op": "replace", "path": "/subject/limit_overrides", "value": {"approvals_high": 2}},
		{"op": "replace", "path": "/approvals", "value": [given, object.union(given, {"event_id": "again"})]},
	])
	decision := promotion.decision with input as two
	decision.outcome == "needs_approval"
	decision.required_approvals[0].given == 1
}

test_unknown_makers_are_nobody_s_licence if {
	decision := promotion.decision with input as json.patch(good, [
		{"op": "replace", "path": "/subject/makers", "value": []},
		{"op": "replace", "path": "/approvals", "value": [given]},
	])
	decision.outcome == "deny"
	rules(decision.violations) == {"APR-001", "SOD-001", "SOD-002"}
}

test_a_tier_that_nothing_knows_can_not_be_allowed if {
	not promotion.decision.allow with input as json.patch(good, [{"op": "replace", "path": "/subject/risk_tier", "value": "none"}])
}

test_medium_risk_waits_for_its_own_number if {
	decision := promotion.decision with input as json.patch(good, [{"op": "replace", "path": "/subject/risk_tier", "value": "medium"}])
	decision.outcome == "needs_approval"
}

test_an_approval_counts_at_deployment_over_the_same_evidence if {
	question := json.patch(data.examples.deployment, [{"op": "replace", "path": "/subject/risk_tier", "value": "high"}])
	shown := question.evidence.promotion
	over_it := object.union(given, {
		"subject_digest": question.subject.digest,
		"dataset_digest": shown.evaluation.dataset_digest,
		"report_digest": shown.evaluation.report_json_digest,
		"evidence_digest": shown.evaluation_digest,
		"environment": question.target.environment,
	})
	deployment.decision.outcome == "allow" with input as object.union(question, {"approvals": [over_it]})
	deployment.decision.outcome == "needs_approval" with input as question
}
