"""The evidence pack, its verifier, and the controls."""
