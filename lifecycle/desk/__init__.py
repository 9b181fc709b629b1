"""The approval desk: web pages for people who decide, and don't use a terminal.

They sign in with a passkey, read the evidence, and approve or refuse: what their authenticator signs is the statement itself. The
desk reads the ledger and the artifact store through `life/`, and decides nothing of its own.
"""
