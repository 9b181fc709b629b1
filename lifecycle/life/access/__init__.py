"""Who may ask a gateway for predictions: granting it, taking it back, and deciding it by policy for each version."""
