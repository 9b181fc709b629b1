"""Other servers at their defaults, with the same network, under the load of `bench.serving`: `make bench-peers`.

Each peer is installed from a lock of its own into an environment of its own, below the caches of whoever runs this; nothing of
them is in the project's environment, and nothing of the project but this package is in theirs.
"""
