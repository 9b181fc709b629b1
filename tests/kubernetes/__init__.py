"""What would be sent to a cluster, held by golden pod specs."""
