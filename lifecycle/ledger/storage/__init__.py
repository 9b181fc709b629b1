"""The database of a ledger: where and in which tables it is, how it is opened, who may do what to it, what it says when it fails."""
