"""Each figure that the README quotes, as a command: `python -m bench.NAME --json FILE`."""
