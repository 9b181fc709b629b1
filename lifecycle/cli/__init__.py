"""The `lifecycle` command, one file per group of verbs. A verb's module is imported when the verb is used."""
