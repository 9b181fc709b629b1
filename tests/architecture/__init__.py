"""The shape of the tree: layers, start-up weight, sizes and names."""
