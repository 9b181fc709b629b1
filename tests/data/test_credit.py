"""The credit applications as they are declared in this project."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from assets.credit.data import APPLICATIONS
from lifecycle.artifacts.store import ArtifactStore
from lifecycle.data.columnar import read_dataset
from lifecycle.data.ingestion import Ingested, ingest


@pytest.fixture(scope="module")
def credit_store(tmp_path_factory: pytest.TempPathFactory) -> ArtifactStore:
    """A store for the real dataset."""
    folder = tmp_path_factory.mktemp("credit")
    return ArtifactStore(str(folder / "artifacts"), cache=folder / "cache")


@pytest.fixture(scope="module")
def ingested(credit_store: ArtifactStore) -> Ingested:
    """The real dataset, ingested."""
    return ingest(APPLICATIONS, credit_store)


@pytest.fixture(scope="module")
def dataset(credit_store: ArtifactStore, ingested: Ingested) -> pd.DataFrame:
    """Its rows."""
    return read_dataset(credit_store, ingested.dataset_digest)


def test_the_applications_keep_their_contract(ingested: Ingested) -> None:
    """All 4,454 rows pass, with the missing values that the provenance names."""
    assert ingested.body.rows == 4_454
    missing = {profile.column: profile.missing for profile in ingested.body.columns if profile.missing}
    assert missing == {"income": 381, "assets": 47, "debt": 18, "home": 6, "job": 2}


def test_the_splits_are_about_60_15_25(ingested: Ingested) -> None:
    """By hash, so about: each within two points of its share."""
    shares = {name: count / ingested.body.rows for name, count in ingested.body.splits.items()}
    assert shares == pytest.approx({"train": 0.60, "validation": 0.15, "test": 0.25}, abs=0.02)


def test_nothing_in_it_knows_the_answer(ingested: Ingested) -> None:
    """No feature alone comes near the limit; the strongest is seniority."""
    assert ingested.body.leaking_columns == ()
    strongest = max(ingested.body.single_feature_auc, key=ingested.body.single_feature_auc.__getitem__)
    assert strongest == "seniority"
    assert ingested.body.single_feature_auc[strongest] < 0.75


def test_age_and_marital_status_are_groups_and_not_features(dataset: pd.DataFrame) -> None:
    """A model can't see them: the dataset has the groups, and neither raw column."""
    assert not {"age", "marital"} & set(dataset.columns)
    assert not {"age", "marital"} & set(APPLICATIONS.features)
    assert set(dataset["protected_age_band"]) == {"<30", "30+"}
    assert set(dataset["protected_marital"]) == {"married", "single", "separated", "widow", "divorced", "unknown"}


def test_each_split_has_both_outcomes_at_about_the_base_rate(dataset: pd.DataFrame) -> None:
    """No split is easier than another by its base rate."""
    base_rates = (dataset["status"] == "good").groupby(dataset["split"]).mean()
    assert base_rates.to_dict() == pytest.approx(dict.fromkeys(("train", "validation", "test"), 0.718), abs=0.03)


def test_the_file_is_the_one_whose_provenance_is_written_beside_it(repository: Path) -> None:
    """The README beside the file names its SHA-256, so the file cannot change without it."""
    folder = repository / "assets" / "credit"
    digest = hashlib.sha256((folder / "credit_applications.csv").read_bytes()).hexdigest()
    assert digest in (folder / "README.md").read_text(encoding="utf-8")
