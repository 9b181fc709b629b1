"""The steps of a life, without Dagster: what the stages, the command line and the benches all call.

Each step reads what the steps before it recorded, does one thing through the departments, and records
events. It trusts nothing but the ledger and the bytes that the ledger names.
"""
