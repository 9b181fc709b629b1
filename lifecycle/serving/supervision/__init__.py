"""Supervision: the processes of a gateway, who starts and ends them, and how the supervisor is talked to."""
