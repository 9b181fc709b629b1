"""Keeping and letting go: backups and restores, retention, legal holds, erasure."""
