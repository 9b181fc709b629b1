"""What people sign at the desk: each matter says how it is recorded, and how an attempt is kept that is refused."""
