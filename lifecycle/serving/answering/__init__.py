"""Answering: the path of one prediction, from the bytes of a request to the bytes of its answer. Runs in the workers and in a canary."""
