"""Lifecycle: the governed life of a model, on Dagster."""

__version__ = "0.1.0"
