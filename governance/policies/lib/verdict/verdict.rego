# METADATA
# title: Verdict
# description: |
#   From the rules that a gate registers and the set of those that passed to the answer of the gate.
#   Positive form: a rule that is not proven to have passed has failed, whatever the reason. A missing
#   value, an undefined reference or an error can so only ever deny.
package gov.lib.verdict

import data.gov.lib.waivers

# METADATA
# description: |
#   The answer of a gate. `passed` is the set of the ids of the rules that passed; `found` explains those
#   that did not. Undefined, and so a denial, where the gate is not the one that was asked or registers no rule.
answer(gate, passed, found, required, obligations) := {
	"schema_version": "gov.decision/1",
	"gate": gate,
	"allow": outcome == "allow",
	"outcome": outcome,
	"violations": blocking,
	"waived": waived,
	"warnings": [failure | some failure in failed; failure.severity in {"medium", "low"}],
	"evaluated": sort(registered),
	"obligations": [obligation | some obligation in obligations; outcome != "deny"],
	"required_approvals": required,
} if {
	input.gate == gate
	registered := object.keys(data.rules[gate])
	count(registered) > 0
	failed := {failure | some id in (registered - passed); some failure in failures(id, data.rules[gate][id], found)}
	grave := [failure | some failure in failed; failure.severity in {"critical", "high"}]
	waived := [failure | some failure in grave; failure.rule in waivers.in_force]
	blocking := [failure | some failure in grave; not failure.rule in waivers.in_force]
	outcome := led_to({data.rules[gate][failure.rule].awaits_people | some failure in blocking})
}

# METADATA
# description: Allowed without a failure that blocks, waiting where only people are missing, denied otherwise.
led_to(awaited) := "allow" if awaited == set()

led_to(awaited) := "needs_approval" if awaited == {true}

led_to(awaited) := "deny" if false in awaited

# METADATA
# description: One failure for each finding of a rule that did not pass; a rule without a finding fails all the same.
failures(id, rule, found) := {failure |
	some finding in findings(id, found)
	failure := {
		"rule": id,
		"severity": rule.severity,
		"message": rule.message,
		"controls": rule.controls,
		"subject": finding.subject,
		"observed": finding.observed,
		"limit": finding.limit,
		"fix": rule.fix,
	}
}

findings(id, found) := matching if {
	matching := {finding | some finding in found; finding.rule == id}
	count(matching) > 0
} else := {{"subject": "", "observed": "", "limit": ""}}
