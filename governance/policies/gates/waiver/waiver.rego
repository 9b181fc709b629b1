# METADATA
# title: Waiver
# description: |
#   May exactly these bytes pass in spite of one rule, for a time, or in an emergency in spite of all that say that they may
#   be broken? It takes two people of the role that approves, neither of whom had a part in the work, and ends by itself.
package gov.waiver

import data.gov.lib.limits
import data.gov.lib.verdict
import data.gov.lib.waivers

# METADATA
# entrypoint: true
# custom:
#   applies: [gov.waiver]
decision := verdict.answer("waiver", passed, found, required, obligations)

role := "risk"

required := [
	{
		"role": role,
		"count": waivers.people_least,
		"given": count(standing_behind),
		"distinct_from": ["makers"],
	},
]

# METADATA
# description: The people whose signature counts.
standing_behind contains signature.signer if {
	some signature in input.evidence.signatures
	counts(signature)
}

counts(signature) if {
	signature.verified == true
	signature.signed_at_us <= input.now_us
	role in signature.roles
	independent(signature)
}

independent(signature) if {
	count(waivers.makers) > 0
	names := {signature.signer} | {name | some name in signature.also}
	count(names & waivers.makers) == 0
}

# METADATA
# title: The rule may be waived
# description: The rule is none of those that may be waived.
# custom:
#   rule: WVR-001
#   severity: critical
#   controls: [EU-AI-ACT-14]
#   fix: Correct what the rule names; signatures, lineage, leakage and approvals are never waived.
passed contains "WVR-001" if {
	some gate in ["promotion", "deployment"]
	data.rules[gate][input.evidence.rule].waivable == true
}

passed contains "WVR-001" if {
	input.evidence.rule == waivers.break_glass
	input.request.break_glass == true
}

found contains finding("WVR-001", "rule", input.evidence.rule, "")

# METADATA
# title: The waiver ends soon enough
# description: The waiver has ended, or would last longer than one may.
# custom:
#   rule: WVR-002
#   severity: critical
#   controls: [EU-AI-ACT-14]
#   fix: Choose an end within the limit; a waiver can be signed anew.
passed contains "WVR-002" if {
	input.now_us < input.evidence.expires_at_us
	input.evidence.expires_at_us <= input.now_us + (hours_most * microseconds_per_hour)
}

found contains finding("WVR-002", "hours", hours_left, hours_most)

hours_most := limits.values.waiver_hours_most if input.evidence.rule != waivers.break_glass

hours_most := limits.values.break_glass_hours_most if input.evidence.rule == waivers.break_glass

hours_left := (input.evidence.expires_at_us - input.now_us) / microseconds_per_hour

microseconds_per_hour := 3600000000

# METADATA
# title: Two people stand behind it
# description: Fewer people than it takes have signed the waiver.
# custom:
#   rule: WVR-003
#   severity: high
#   awaits_people: true
#   controls: [EU-AI-ACT-14]
#   fix: Have another person of the role sign who had no part in the work.
passed contains "WVR-003" if count(standing_behind) >= waivers.people_least

found contains finding("WVR-003", role, count(standing_behind), waivers.people_least)

# METADATA
# title: Nobody waives a rule for their own work
# description: Somebody who made, requested or owns this version, or whose team did, signed the waiver.
# custom:
#   rule: WVR-004
#   severity: critical
#   controls: [EU-AI-ACT-14, SR-26-2-EFFECTIVE-CHALLENGE]
#   fix: Have somebody sign who had no part in the work, in their own name or as a member of a team.
passed contains "WVR-004" if {
	every signature in input.evidence.signatures { independent(signature) }
}

found contains finding("WVR-004", signature.event_id, signature.signer, "") if {
	some signature in input.evidence.signatures
	not independent(signature)
}

# METADATA
# title: Those who sign hold the role
# description: Somebody who signed the waiver does not hold the role that it takes.
# custom:
#   rule: WVR-005
#   severity: critical
#   controls: [EU-AI-ACT-14]
#   fix: Have somebody sign who holds it; `lifecycle people list` shows who does.
passed contains "WVR-005" if {
	every signature in input.evidence.signatures { role in signature.roles }
}

found contains finding("WVR-005", signature.event_id, signature.roles, role) if {
	some signature in input.evidence.signatures
	not role in signature.roles
}

# METADATA
# title: There is a ticket, and a version
# description: The waiver names no ticket, or no bytes.
# custom:
#   rule: WVR-006
#   severity: critical
#   controls: [EU-AI-ACT-12]
#   fix: Name the ticket under which the risk is accepted, and the version.
passed contains "WVR-006" if {
	count(input.evidence.ticket) > 0
	input.subject.kind == "model"
	is_string(input.subject.digest)
}

# Whoever breaks the glass is asked afterwards whether it had to be.
obligations := [obligation |
	input.evidence.rule == waivers.break_glass
	obligation := {
		"id": "OBL-BREAK-GLASS",
		"kind": "post_review",
		"parameters": {"ticket": input.evidence.ticket},
		"deadline_us": input.now_us + round(limits.values.review_hours * microseconds_per_hour),
	}
]

finding(rule, subject, observed, limit) := {
	"rule": rule,
	"subject": subject,
	"observed": json.marshal(observed),
	"limit": json.marshal(limit),
}
