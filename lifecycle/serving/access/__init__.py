"""Access: who may ask the gateway, how much, and what it refused. Decided outside by policy, proven by the ledger, held here."""
