"""Policy: gates that decide in Rego, on one of two engines, and that can only fail closed.

A gate is asked a `GateInput` and answers a `Decision`. The rules stand in governance/policies, the thresholds in
governance/limits. An engine that does not answer, or that answers something else, is a denial with a SYS rule.
"""
