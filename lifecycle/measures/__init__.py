"""What can be said about rows, and how sure one can be of it. Pure: numbers in, numbers out; numpy only."""
