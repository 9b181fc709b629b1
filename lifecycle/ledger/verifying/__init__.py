"""Verifying: what the records, and everything that is kept beside them, prove; each question a check of its own."""
