"""The wheel, and a project elsewhere that uses it."""
