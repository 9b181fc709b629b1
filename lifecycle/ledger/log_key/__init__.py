"""The log's key: what it signs, how it is changed, and what it does after a restore."""
