"""How this project is wired, one module per place that it runs in."""
