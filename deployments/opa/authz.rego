# METADATA
# description: |
#   Who may ask an OPA server what: whether it is ready, and with our token the gates. Nobody pushes policies or data into it, reads
#   them out of it, or asks it anything else.
package system.authz

default allow := false

allow if {
	input.method == "GET"
	input.path == ["health"]
}

allow if {
	input.method == "POST"
	input.identity == opa.runtime().env.LIFECYCLE_OPA_TOKEN
	array.slice(input.path, 0, 3) == ["v1", "data", "gov"]
}
