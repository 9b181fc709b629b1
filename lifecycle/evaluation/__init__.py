"""Judges the bytes that will serve: metrics with intervals, slices, fairness, parity, drift, champion against candidate.

Importing this package loads neither ONNX Runtime, fairlearn nor Evidently; judging does.
"""
