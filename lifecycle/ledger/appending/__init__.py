"""Appending: whether an event may happen now, the place that it is given, and the projections that follow it."""
