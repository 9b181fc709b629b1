"""Ingestion: from a declared source to a dataset version, or to a rejection that names the rows.

Nothing is stored before every check has passed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lifecycle.data.columnar import parquet_bytes
from lifecycle.data.contracts import broken_checks, contract_digest
from lifecycle.data.leakage import single_feature_auc
from lifecycle.data.poisoning import duplicate_rows, suspected_label_flips
from lifecycle.data.reading import SourceRows, read_source
from lifecycle.data.rejection import DatasetNotAccepted, describe_failure, failure
from lifecycle.data.row_commitments import commit_to_rows
from lifecycle.data.spec import PROTECTED_PREFIX, ROW_ID, SPLIT, SPLIT_NAMES, UNKNOWN_GROUP, Band, DatasetSpec
from lifecycle.data.splits import identity_hashes, split_of
from lifecycle.records.bodies.data import ColumnProfile, ContractFailure, DatasetIngested, DatasetRejected
from lifecycle.records.record import Digest, digest_of

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from lifecycle.data.ports import DatasetStore

_ERASED = "Take the rows out of the source as well; `lifecycle ledger log --type SubjectErased` shows which numbers they have."


@dataclass(frozen=True)
class Ingested:
    """A dataset version that stands in the store, and the body of the DatasetIngested event for the ledger."""

    dataset_digest: Digest
    body: DatasetIngested

    @property
    def duplicate_share(self) -> float:
        return self.body.duplicate_rows / self.body.rows

    @property
    def label_flip_share(self) -> float:
        return self.body.suspected_label_flips / self.body.rows


@dataclass(frozen=True)
class Earlier:
    """What is known of a dataset version that was ingested before."""

    row_commitments_digest: Digest | None
    #: Rows of it were erased since, and must not come back.
    rows_erased: bool


def never_before(_dataset_digest: Digest) -> Earlier | None:
    """For whoever ingests without a ledger: every dataset version is the first of its kind."""
    return None


def ingest(spec: DatasetSpec, store: DatasetStore, earlier: Callable[[Digest], Earlier | None] = never_before) -> Ingested:
    """Reads the source, checks it and stores it by content. The same source gives the same digest.

    `earlier` tells what is known of a dataset version: one that stands already keeps the commitments that it has. Raises
    DatasetNotAccepted (its `body` is the DatasetRejected event's) where the contract is broken, a split stays empty, a
    feature leaks or the source still holds rows that were erased; UnknownName or Unavailable where the source can't be read.
    """
    source = read_source(spec)
    failures = source.failures or broken_checks(spec.contract, source.frame) or _outcome_failures(spec, source.frame)
    if failures:
        listed = "; ".join(describe_failure(failed) for failed in failures)
        raise _rejection(spec, source, f"The dataset {spec.name} breaks its contract {spec.contract.name}. {listed}.", failures=failures)
    positive = (source.frame[spec.target] == spec.positive).to_numpy()
    aucs = single_feature_auc(spec, source.frame, positive)
    leaking = tuple(sorted(column for column, auc in aucs.items() if auc > spec.leakage_limit))
    if leaking:
        listed = ", ".join(f"{column} (AUC {aucs[column]:.3f})" for column in leaking)
        what = f"The dataset {spec.name} leaks its outcome: {listed} alone ranks it better than the limit of {spec.leakage_limit}."
        raise _rejection(spec, source, what, leaking=leaking)
    dataset = _dataset(spec, source.frame)
    counts = dataset[SPLIT].value_counts()
    body = DatasetIngested(
        source=spec.source.name,
        source_digest=source.digest,
        contract=spec.contract.name,
        contract_digest=contract_digest(spec.contract),
        rows=len(dataset),
        splits={name: int(counts.get(name, 0)) for name in SPLIT_NAMES},
        columns=tuple(_profile(dataset[column]) for column in dataset.columns),
        licence=spec.licence,
        classification=spec.classification,
        regions=spec.regions,
        single_feature_auc=aucs,
        leaking_columns=leaking,
        duplicate_rows=duplicate_rows(source.frame),
        suspected_label_flips=suspected_label_flips(spec, source.frame, positive),
    )
    content = parquet_bytes(dataset)
    known = earlier(digest_of(content))
    if known is not None and known.rows_erased:
        raise _rejection(
            spec, source, f"The source of {spec.name} still holds rows that were erased from this dataset version.", erased=True
        )
    digest = store.put(content)
    committed = None if known is None else known.row_commitments_digest
    if committed is None:
        committed = commit_to_rows(store, digest, dataset, _subjects(spec, source.frame))
    return Ingested(dataset_digest=digest, body=body.model_copy(update={"row_commitments_digest": committed}))


def _subjects(spec: DatasetSpec, frame: DataFrame) -> list[str | None] | None:
    """Whom each row is about, where the dataset declares a column that says so."""
    return None if spec.subject is None else [None if value != value else str(value) for value in frame[spec.subject].tolist()]


def _outcome_failures(spec: DatasetSpec, frame: DataFrame) -> tuple[ContractFailure, ...]:
    """What a contract may have left open and no dataset can: rows at all, and a known outcome in each."""
    if frame.empty:
        return (failure(spec.target, "the source has no rows", []),)
    other = ~frame[spec.target].isin([spec.positive, spec.negative]).to_numpy()
    check = f"is {spec.positive!r} or {spec.negative!r}"
    return (failure(spec.target, check, [int(row) for row in other.nonzero()[0]]),) if other.any() else ()


def _dataset(spec: DatasetSpec, frame: DataFrame) -> DataFrame:
    """Only what is declared: number, split, outcome, features, protected groups. A number that only makes a band stays behind."""
    import pandas as pd

    splits = [split_of(identity_hash, spec.shares) for identity_hash in identity_hashes(frame, spec.identity)]
    columns: dict[str, object] = {ROW_ID: range(len(frame)), SPLIT: splits}
    columns |= {column: frame[column] for column in (spec.target, *spec.features)}
    columns |= {PROTECTED_PREFIX + name: _groups(frame, group) for name, group in spec.protected.items()}
    return pd.DataFrame(columns)


def _groups(frame: DataFrame, group: Band | str) -> Series:
    if isinstance(group, str):
        return frame[group].fillna(UNKNOWN_GROUP)
    numbers = frame[group.column]
    named = (numbers < group.edge).map({True: group.below, False: group.from_edge_on})
    return named.where(numbers.notna(), UNKNOWN_GROUP)


def _profile(column: Series) -> ColumnProfile:
    kind: Literal["number", "text"] = "number" if column.dtype.kind in "fi" else "text"
    return ColumnProfile(column=str(column.name), kind=kind, missing=int(column.isna().sum()), distinct=int(column.nunique()))


def _rejection(
    spec: DatasetSpec,
    source: SourceRows,
    what: str,
    *,
    failures: tuple[ContractFailure, ...] = (),
    leaking: tuple[str, ...] = (),
    erased: bool = False,
) -> DatasetNotAccepted:
    body = DatasetRejected(
        source=spec.source.name,
        source_digest=source.digest,
        contract=spec.contract.name,
        rows=len(source.frame),
        reason=what,
        failures=failures,
        leaking_columns=leaking,
    )
    return DatasetNotAccepted(what, _ERASED if erased else _what_to_mend(failures, leaking), body)


def _what_to_mend(failures: tuple[ContractFailure, ...], leaking: tuple[str, ...]) -> str:
    if leaking:
        return "Take these features out of the declaration."
    if any(failed.positions for failed in failures):
        return "Correct the named rows at their source (positions count data rows from 0)."
    return "Correct the source, or declare in its data.py what it really holds."
