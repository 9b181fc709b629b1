"""What an auditor takes away: the evidence pack, its stand-alone verifier, and the controls that the evidence speaks to."""
