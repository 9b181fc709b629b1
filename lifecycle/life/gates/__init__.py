"""Asking the gates: what they are shown, who governs them, and what was decided before."""
