# METADATA
# title: Serving access
# description: |
#   May this application ask this version for predictions? Asked once for each grant, version and bundle of policies, and
#   never at a request: the gateway answers callers by the proven decision.
package gov.serving_access

import data.gov.lib.limits
import data.gov.lib.verdict

# METADATA
# entrypoint: true
# custom:
#   applies: [gov.serving_access]
decision := verdict.answer("serving_access", passed, found, [], [])

# METADATA
# title: The caller and the version are known
# description: Which application it is, what it shows, or which version it wants to ask, is not known.
# custom:
#   rule: ACC-001
#   severity: critical
#   controls: [EU-AI-ACT-15, LIFECYCLE-ACCESS]
#   fix: Grant access with `lifecycle access grant`, which makes a key or names a certificate.
passed contains "ACC-001" if {
	startswith(input.evidence.credential_digest, "sha256:")
	input.evidence.kind in {"api_key", "certificate"}
	count(input.evidence.principal) > 0
	is_string(input.subject.digest)
	input.subject.version >= 1
}

# METADATA
# title: The model was granted
# description: The caller was granted access to other models than this one.
# custom:
#   rule: ACC-002
#   severity: critical
#   controls: [EU-AI-ACT-15, LIFECYCLE-ACCESS]
#   fix: Grant access that names this model.
passed contains "ACC-002" if {
	some model in input.evidence.models
	model == input.subject.name
}

found contains {
	"rule": "ACC-002",
	"subject": input.evidence.principal,
	"observed": json.marshal(input.subject.name),
	"limit": json.marshal(input.evidence.models),
}

# METADATA
# title: The purpose is the model's
# description: The caller wants the predictions for another purpose than the model was made and judged for.
# custom:
#   rule: ACC-003
#   severity: critical
#   controls: [EU-AI-ACT-10, EU-AI-ACT-15, LIFECYCLE-ACCESS]
#   fix: Use a model that was judged for this purpose.
passed contains "ACC-003" if input.evidence.purpose == input.target.purpose

found contains {
	"rule": "ACC-003",
	"subject": input.evidence.principal,
	"observed": json.marshal(input.evidence.purpose),
	"limit": json.marshal(input.target.purpose),
}

# METADATA
# title: The grant is in force
# description: The grant was revoked, is over, or begins in the future.
# custom:
#   rule: ACC-004
#   severity: critical
#   controls: [EU-AI-ACT-15, LIFECYCLE-ACCESS]
#   fix: Grant access anew.
passed contains "ACC-004" if {
	input.evidence.revoked == false
	input.evidence.granted_at_us <= input.now_us
	input.evidence.expires_at_us > input.now_us
}

# METADATA
# title: The grant ends
# description: The grant lasts longer than any grant may.
# custom:
#   rule: ACC-005
#   severity: high
#   controls: [LIFECYCLE-ACCESS]
#   fix: Grant access for fewer days, and grant it anew when it ends.
passed contains "ACC-005" if lifetime_hours <= limits.values.access_hours_most

found contains {
	"rule": "ACC-005",
	"subject": input.evidence.principal,
	"observed": json.marshal(lifetime_hours),
	"limit": json.marshal(limits.values.access_hours_most),
}

# METADATA
# title: The quota is within what one caller may have
# description: The caller may ask for more predictions a day than one caller may.
# custom:
#   rule: ACC-006
#   severity: high
#   controls: [EU-AI-ACT-15, LIFECYCLE-ACCESS, LIFECYCLE-COST]
#   fix: Grant access in a lower tier, or have the limit raised.
passed contains "ACC-006" if {
	input.evidence.quota.requests_per_minute >= 1
	input.evidence.quota.concurrent >= 1
	input.evidence.quota.rows_per_day <= limits.values.access_rows_per_day_most
}

found contains {
	"rule": "ACC-006",
	"subject": input.evidence.tier,
	"observed": json.marshal(input.evidence.quota.rows_per_day),
	"limit": json.marshal(limits.values.access_rows_per_day_most),
}

# METADATA
# title: The version may answer here
# description: No deployment decision let this version serve here, or it was revoked since.
# custom:
#   rule: ACC-007
#   severity: critical
#   controls: [EU-AI-ACT-14, LIFECYCLE-ACCESS]
#   fix: Deploy the version through its gate.
passed contains "ACC-007" if {
	count(input.evidence.deployment_decision_id) > 0
	input.evidence.version_revoked == false
}

# METADATA
# title: The right to send labels ends soon
# description: Labels take versions out and spare them, and the grant that lets this caller send some lasts longer than such a right may.
# custom:
#   rule: ACC-008
#   severity: high
#   controls: [EU-AI-ACT-15, LIFECYCLE-ACCESS]
#   fix: Grant access with labels for fewer days, and grant it anew when it ends.
passed contains "ACC-008" if not input.evidence.labels

passed contains "ACC-008" if {
	input.evidence.labels in {"own", "any"}
	lifetime_hours <= limits.values.access_label_hours_most
}

found contains {
	"rule": "ACC-008",
	"subject": input.evidence.principal,
	"observed": json.marshal(lifetime_hours),
	"limit": json.marshal(limits.values.access_label_hours_most),
} if {
	input.evidence.labels
}

microseconds_per_hour := 3600000000

lifetime_hours := (input.evidence.expires_at_us - input.evidence.granted_at_us) / microseconds_per_hour
