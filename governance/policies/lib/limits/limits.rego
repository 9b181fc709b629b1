# METADATA
# title: Limits
# description: |
#   The limits in force for the subject: the set that it names, in the case of its risk tier and jurisdiction, with what its
#   declaration overrides by name. A set, or a name, that does not exist is undefined, and every rule that needs it is not passed.
package gov.lib.limits

set := data.limits[input.subject.limits]

# METADATA
# description: The value of each limit by its name.
values := object.union_n(array.concat(
	array.concat([set.values], in_case),
	[object.filter(input.subject.limit_overrides, object.keys(set.values))],
))

# METADATA
# description: What the cases state that hold for the subject; a later one stands over an earlier one.
in_case := [case.values | some case in set.cases; holds(case)]

holds(case) if {
	matches(case.risk_tier, input.subject.risk_tier)
	matches(case.jurisdiction, input.target.jurisdiction)
}

matches(null, _) := true

matches(named, actual) if named == actual
