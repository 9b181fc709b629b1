# METADATA
# title: Rollback
# description: |
#   May this version be taken out and the traffic go back? Needs nobody's approval, because it leads only to bytes
#   that were allowed here before, or to none at all; a person looks at it afterwards.
package gov.rollback

import data.gov.lib.limits
import data.gov.lib.verdict

# METADATA
# entrypoint: true
# custom:
#   applies: [gov.rollback]
decision := verdict.answer("rollback", passed, found, [], obligations)

# METADATA
# title: What is taken out is what was asked about
# description: The rollback is from other bytes than those that it was asked about.
# custom:
#   rule: RBK-001
#   severity: critical
#   controls: [EU-AI-ACT-12]
#   fix: Ask about the version that serves; `lifecycle status` shows its digest.
passed contains "RBK-001" if {
	is_string(input.subject.digest)
	input.evidence.from_digest == input.subject.digest
}

found contains {
	"rule": "RBK-001",
	"subject": "from",
	"observed": json.marshal(input.evidence.from_digest),
	"limit": json.marshal(input.subject.digest),
}

# METADATA
# title: The way back leads to what was allowed here
# description: The target was never allowed in this environment.
# custom:
#   rule: RBK-002
#   severity: critical
#   controls: [EU-AI-ACT-14]
#   fix: Choose a version that served here, or deploy the other one through its gate.
passed contains "RBK-002" if out_of_service

passed contains "RBK-002" if {
	input.evidence.to_version >= 1
	is_string(input.evidence.to_digest)
	input.evidence.to_was_allowed == true
}

# METADATA
# title: The way back leads elsewhere
# description: The target is the version that is taken out.
# custom:
#   rule: RBK-003
#   severity: critical
#   controls: [EU-AI-ACT-14]
#   fix: Choose another version that served here.
passed contains "RBK-003" if out_of_service

passed contains "RBK-003" if {
	is_string(input.evidence.to_digest)
	input.evidence.to_digest != input.evidence.from_digest
}

# METADATA
# title: The target was not revoked
# description: The target was revoked and must not serve again.
# custom:
#   rule: RBK-004
#   severity: critical
#   controls: [EU-AI-ACT-14]
#   fix: Choose a version that was not revoked.
passed contains "RBK-004" if input.evidence.to_revoked == false

# METADATA
# title: Whoever asks may ask
# description: Whoever asks has no part in this version and holds none of the roles that may take one out.
# custom:
#   rule: RBK-005
#   severity: high
#   controls: [EU-AI-ACT-14]
#   fix: Have somebody ask who holds the role operator or risk, or who is in the team of the model.
passed contains "RBK-005" if {
	input.request.actor.kind == "human"
	input.request.actor.authenticated == true
	some role in input.request.actor.roles
	role in {"operator", "risk"}
}

passed contains "RBK-005" if {
	input.request.actor.kind == "human"
	input.request.actor.authenticated == true
	some maker in input.subject.makers
	maker.id == input.request.actor.id
	maker.part in {"owner", "team"}
}

# A service asks for what it saw itself; a run of which nobody knows who asked counts as asked by the owner and the team.
passed contains "RBK-005" if input.request.actor.kind == "service"

found contains {
	"rule": "RBK-005",
	"subject": "who asks",
	"observed": json.marshal(input.request.actor.id),
	"limit": json.marshal(["operator", "risk"]),
}

# A first version has nothing before it: it is taken out, and people answer until there is another.
out_of_service if {
	input.evidence.to_digest == null
	input.evidence.to_version == null
}

microseconds_per_hour := 3600000000

obligations := [obligation |
	obligation := {
		"id": "OBL-REVIEW",
		"kind": "post_review",
		"parameters": {"trigger": input.evidence.trigger},
		"deadline_us": input.now_us + round(limits.values.review_hours * microseconds_per_hour),
	}
]
