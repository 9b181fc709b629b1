"""Datasets as Parquet by digest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.artifacts.store import ArtifactStore
from lifecycle.data.columnar import parquet_bytes, read_dataset
from lifecycle.errors import MalformedRecord, Tampered, UnknownName
from lifecycle.records.record import digest_of
from tests.data.rows import loans

PROGRAM = """
from lifecycle.data.columnar import parquet_bytes
from lifecycle.records.record import digest_of
from tests.data.rows import loans
print(digest_of(parquet_bytes(loans())))
"""


def test_what_was_written_is_read(store: ArtifactStore) -> None:
    """Every value and every missing one comes back, in order, and text stays text."""
    frame = loans().astype({"job": "str", "town": "str", "paid": "str"})
    assert read_dataset(store, store.put(parquet_bytes(frame))).equals(frame)


def test_two_reads_share_nothing(store: ArtifactStore) -> None:
    """Whoever changes a frame that they read changes nobody else's."""
    digest = store.put(parquet_bytes(loans()))
    mine = read_dataset(store, digest)
    mine["amount"] = 0.0
    assert read_dataset(store, digest)["amount"].sum() > 0.0


@pytest.mark.parametrize("seed", ["0", "1"])
def test_another_process_writes_the_same_bytes(repository: Path, seed: str) -> None:
    """The digest does not depend on the process, nor on how its dictionaries hash."""
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    there = subprocess.run([sys.executable, "-c", PROGRAM], cwd=repository, env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == digest_of(parquet_bytes(loans()))


def test_the_bytes_do_not_name_pandas() -> None:
    """A new version of pandas would else be a new version of every dataset."""
    assert b"pandas" not in parquet_bytes(loans())


def test_a_digest_of_something_else_is_no_dataset(store: ArtifactStore) -> None:
    """A model's digest in a dataset's place is an error that says so; an unknown one is named."""
    with pytest.raises(MalformedRecord, match="is not a dataset"):
        read_dataset(store, store.put(b"weights"))
    with pytest.raises(UnknownName):
        read_dataset(store, digest_of(b"never stored"))


def test_a_changed_dataset_is_not_read(store: ArtifactStore) -> None:
    """Rows that were changed where they lie do not come back as this dataset."""
    digest = store.put(parquet_bytes(loans()))
    path = store.fetch(digest)
    path.chmod(0o644)
    path.write_bytes(parquet_bytes(loans(seed=1)))
    with pytest.raises(Tampered):
        read_dataset(store, digest)
