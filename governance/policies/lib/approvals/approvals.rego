# METADATA
# title: Approvals
# description: |
#   Which people must say yes, which of their statements count, and who may not say anything. A statement
#   counts where every condition on it is proven: exactly these bytes, in force, unused, from somebody who
#   holds a required role and had no part in the work under any of their names.
package gov.lib.approvals

import data.gov.lib.limits

# METADATA
# description: The people who must approve. A tier that nothing here knows needs an approval that cannot be given.
required_of_role := {"risk": limits.values.approvals_high} if input.subject.risk_tier == "high"

required_of_role := {"risk": limits.values.approvals_medium} if input.subject.risk_tier == "medium"

required_of_role := {} if input.subject.risk_tier == "low"

# METADATA
# description: Each required role with the number of people that it takes, and how many have approved.
required := [requirement |
	some role in object.keys(required_of_role)
	number := required_of_role[role]
	number > 0
	requirement := {
		"role": role,
		"count": number,
		"given": count(approvers(role)),
		"distinct_from": ["makers"],
	}
]

# METADATA
# description: The different people whose approval counts for a role.
approvers(role) := {approval.approver |
	some approval in counting
	approval.decision == "approve"
	role in approval.roles
}

# METADATA
# description: The approvals and refusals that count.
counting contains approval if {
	some approval in input.approvals
	approval.verified == true
	bound(approval)
	in_force(approval)
	approval.consumed == false
	holds_required_role(approval)
	independent(approval)
}

# METADATA
# description: |
#   Whether the statement is over exactly the bytes, the data, the report, the evidence, the policy and the
#   environment asked about. The evidence is more than the report: slices, fairness and drift stand in it alone.
bound(approval) if {
	approval.subject_digest == input.subject.digest
	approval.environment == input.target.environment
	approval.bundle_digest == data.bundle.digest
	approval.dataset_digest == evaluation.dataset_digest
	approval.report_digest == evaluation.report_json_digest
	approval.evidence_digest == shown.evaluation_digest
}

in_force(approval) if {
	approval.approved_at_us <= input.now_us
	input.now_us < approval.expires_at_us
}

holds_required_role(approval) if {
	some role in approval.roles
	required_of_role[role] > 0
}

# METADATA
# description: |
#   Whether nobody whom the approver acts as had a part in the work. Says so only over a list of makers that is
#   not empty: work that nobody made is work whose makers are not known.
independent(approval) if {
	count(makers) > 0
	names := {approval.approver} | {name | some name in approval.also}
	count(names & makers) == 0
}

makers := {maker.id | some maker in input.subject.makers}

shown := input.evidence if input.gate == "promotion"

shown := input.evidence.promotion if input.gate == "deployment"

evaluation := shown.evaluation

# METADATA
# title: Enough people of each required role approved
# description: People who must approve have not done so yet.
# custom:
#   rule: APR-001
#   severity: high
#   awaits_people: true
#   controls: [EU-AI-ACT-14]
#   fix: Have somebody of the named role who had no part in the work read the report and sign it.
passed contains "APR-001" if {
	every role, number in required_of_role {
		number >= 0
		count(approvers(role)) >= number
	}
}

found contains finding if {
	"APR-001" in failing
	some requirement in required
	requirement.given < requirement.count
	finding := {
		"rule": "APR-001",
		"subject": requirement.role,
		"observed": json.marshal(requirement.given),
		"limit": json.marshal(requirement.count),
	}
}

# METADATA
# title: Nobody who may judge refused
# description: Somebody who may judge this version refused it.
# custom:
#   rule: APR-002
#   severity: critical
#   controls: [EU-AI-ACT-14]
#   fix: Read the reason of the refusal, correct what it names and train a new candidate.
passed contains "APR-002" if {
	count(refusing) == 0
}

found contains concerning("APR-002", approval) if {
	"APR-002" in failing
	some approval in refusing
}

# METADATA
# description: |
#   The refusals of these bytes here by somebody who may judge them. Neither another policy nor another report washes one
#   off, nor does time: new bytes do.
refusing contains approval if {
	some approval in input.approvals
	approval.decision == "reject"
	approval.verified == true
	approval.subject_digest == input.subject.digest
	approval.environment == input.target.environment
	holds_required_role(approval)
	independent(approval)
}

# METADATA
# title: Every statement is over exactly these bytes
# description: A statement over other bytes, another report or evidence, another policy or another environment does not count.
# custom:
#   rule: APR-003
#   severity: medium
#   controls: [EU-AI-ACT-14, EU-AI-ACT-12]
#   fix: Sign what is asked for now; the open request names the digests.
passed contains "APR-003" if {
	every approval in input.approvals { bound(approval) }
}

found contains concerning("APR-003", approval) if {
	"APR-003" in failing
	some approval in input.approvals
	not bound(approval)
}

# METADATA
# title: Every statement is in force
# description: A statement that has expired, or that is dated in the future, does not count.
# custom:
#   rule: APR-004
#   severity: medium
#   controls: [EU-AI-ACT-14]
#   fix: Ask the approver to sign again.
passed contains "APR-004" if {
	every approval in input.approvals { in_force(approval) }
}

found contains concerning("APR-004", approval) if {
	"APR-004" in failing
	some approval in input.approvals
	not in_force(approval)
}

# METADATA
# title: No statement was used before
# description: A statement that a deployment has used up does not count again.
# custom:
#   rule: APR-005
#   severity: medium
#   controls: [EU-AI-ACT-14]
#   fix: Ask the approver to sign again for this deployment.
passed contains "APR-005" if {
	every approval in input.approvals { approval.consumed == false }
}

found contains concerning("APR-005", approval) if {
	"APR-005" in failing
	some approval in input.approvals
	approval.consumed != false
}

# METADATA
# title: Every statement is by somebody with a required role
# description: A statement by somebody who holds no role that this version needs does not count.
# custom:
#   rule: APR-006
#   severity: medium
#   controls: [EU-AI-ACT-14]
#   fix: Have somebody approve who holds the required role; `lifecycle people list` shows who does.
passed contains "APR-006" if {
	every approval in input.approvals { holds_required_role(approval) }
}

found contains concerning("APR-006", approval) if {
	"APR-006" in failing
	some approval in input.approvals
	not holds_required_role(approval)
}

# METADATA
# title: Nobody approves their own work
# description: Somebody who made, requested or owns this version, or whose team did, may not judge it.
# custom:
#   rule: SOD-001
#   severity: critical
#   controls: [EU-AI-ACT-14, SR-26-2-EFFECTIVE-CHALLENGE]
#   fix: Have somebody approve who had no part in the work, in their own name or as a member of a team.
passed contains "SOD-001" if {
	every approval in input.approvals { independent(approval) }
}

found contains concerning("SOD-001", approval) if {
	"SOD-001" in failing
	some approval in input.approvals
	not independent(approval)
}

# METADATA
# description: What did not pass. Only that is explained.
failing := object.keys(data.rules[input.gate]) - passed

concerning(rule, approval) := {"rule": rule, "subject": approval.event_id, "observed": approval.approver, "limit": ""}

# METADATA
# title: It is known who made this version
# description: No maker of this version is known, so nobody can be shown to be independent of them.
# custom:
#   rule: SOD-002
#   severity: critical
#   controls: [EU-AI-ACT-14]
#   fix: Train the version through its pipeline, which records who asked for it and who owns it.
passed contains "SOD-002" if count(makers) > 0
