"""Simulated canaries, and the rules by which other tools take them out."""
