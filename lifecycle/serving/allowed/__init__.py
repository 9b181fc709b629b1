"""What may serve: an order, the decision that allows it, and the proof of it, beside the bytes that it is about."""
