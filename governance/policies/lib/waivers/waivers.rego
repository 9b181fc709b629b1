# METADATA
# title: Waivers
# description: |
#   The rules that these bytes may fail here, for a time. A waiver counts where everything about it is proven: the rule
#   says that it may be waived, the bytes are exactly these, it has not ended, and two people stand behind it who had no
#   part in the work. In an emergency two people break the glass: one waiver, shorter, of every rule that says that this
#   may happen to it. Nothing waives a signature, a digest, a lineage or an approval; their rules do not say so.
package gov.lib.waivers

# METADATA
# description: How many people must stand behind a waiver.
people_least := 2

# METADATA
# description: What a waiver names that is not of one rule.
break_glass := "BREAK-GLASS"

# METADATA
# description: The rules of this gate that are waived for these bytes at this moment.
in_force contains waiver.rule if {
	some waiver in input.waivers
	data.rules[input.gate][waiver.rule].waivable == true
	holds(waiver)
}

in_force contains id if {
	some waiver in input.waivers
	waiver.rule == break_glass
	input.request.break_glass == true
	holds(waiver)
	some id in breakable
}

# METADATA
# description: The rules of this gate that a broken glass lets pass.
breakable contains id if {
	some id, rule in data.rules[input.gate]
	true in {rule.waivable, rule.emergency}
}

holds(waiver) if {
	is_string(input.subject.digest)
	waiver.subject_digest == input.subject.digest
	input.now_us < waiver.expires_at_us
	count(waiver.ticket) > 0
	count(makers) > 0
	granting := {person | some person in waiver.granted_by}
	count(granting) >= people_least
	count(granting & makers) == 0
}

# METADATA
# description: The names of everybody who had a part in the work.
makers := {maker.id | some maker in input.subject.makers}
