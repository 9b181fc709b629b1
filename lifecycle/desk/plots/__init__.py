"""Plots as inline SVG: pure functions from numbers to marks.

Colours come from classes that static/desk.css knows, so that a plot follows light, dark and print. None carries a meaning by colour
alone: every plot stands beside its numbers and its verdict in words.
"""
