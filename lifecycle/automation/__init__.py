"""What starts runs without a person: schedules by time, sensors by facts in the ledger and in the source."""
