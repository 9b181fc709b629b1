"""The governed models of this project, one folder each."""
