"""Cost: what a device costs by the price table, what training has cost so far, and what the next run will."""
