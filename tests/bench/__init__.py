"""How figures are taken; the figures themselves are the benches' affair."""
