"""Monitoring: what a version has seen and answered in a window of the prediction log, and whether that is within its limits.

Drift alone never rolls anything back: where the input has moved, the version before saw it move as well. It raises an alarm.
"""
