"""What `lifecycle ledger verify` and `lifecycle policy replay` ask that takes more than the ledger: people, policies, rows and files."""
