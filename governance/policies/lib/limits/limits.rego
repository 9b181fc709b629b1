# METADATA
# title: Limits
# description: |
#   The limits in force for the subject: the set that it names, with what its declaration overrides by name.
#   A set, or a name, that does not exist is undefined, and every rule that needs it is not passed.
package gov.lib.limits

# METADATA
# description: The value of each limit by its name.
values[name] := object.get(input.subject.limit_overrides, name, limit.value) if {
	some name, limit in data.limits[input.subject.limits].limits
}
