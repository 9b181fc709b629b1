"""The run that a training function lives in: device, precision, seeds, checkpoint and resume, metering, export.

Importing this package, or `function`, `device` and `request`, imports no torch; training does.
"""
