"""The entry of the command line and what it prints."""
