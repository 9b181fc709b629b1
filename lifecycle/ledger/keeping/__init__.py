"""Keeping: what is pruned, erased, held, copied and put back, without a proof breaking."""
