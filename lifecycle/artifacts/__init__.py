"""The artifacts department: bytes by their digest, models as signed packages of them, and nothing that unpickles."""
