"""What benches stand on and is no bench itself: load, and the baselines that a figure is held against."""
