"""One file per change of the schema, never edited once a ledger was written with it."""
