"""The data department: from a source, through its contract and the checks on it, to a dataset by digest.

A dataset version is the SHA-256 of its Parquet bytes. Nothing past ingestion reads a source.
"""
