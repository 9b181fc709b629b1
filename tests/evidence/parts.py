"""What a house in tests is made of: data that was read, and a model of five files."""

from __future__ import annotations

from lifecycle.artifacts.store import ArtifactStore
from lifecycle.records import bodies
from lifecycle.records.manifest import FILE_NAMES, ManifestFile, ModelManifest, ModelSchemas, TrainingRecipe
from lifecycle.records.record import digest_of


def ingested() -> bodies.DatasetIngested:
    """A hundred rows."""
    return bodies.DatasetIngested(
        source="applications.csv",
        source_digest=digest_of(b"source"),
        contract="credit/1",
        contract_digest=digest_of(b"contract"),
        rows=100,
        splits={"train": 60, "validation": 20, "test": 20},
        columns=(),
        licence="CC0-1.0",
        classification="personal",
        regions=("EU",),
        single_feature_auc={},
        leaking_columns=(),
        duplicate_rows=0,
        suspected_label_flips=0,
    )


def package(artifacts: ArtifactStore, version: int) -> ModelManifest:
    """The files of a version, in the store, and the manifest that names them."""
    files = []
    schemas = ModelSchemas(inputs=(), positive="good", negative="bad", threshold=0.5)
    recipe = TrainingRecipe(
        function="network",
        options={},
        seed=version,
        deterministic=True,
        device="cpu",
        precision="float32",
        epochs=1,
        dataset_digest=digest_of(b"dataset"),
        code_commit="c0ffee",
        packages={},
    )
    told = {"schemas": schemas.canonical(), "training": recipe.canonical()}
    for part, path in FILE_NAMES.items():
        content = told.get(part, f"{part} of version {version}".encode())
        files.append(ManifestFile(part=part, path=path, digest=artifacts.put(content), size=len(content)))
    return ModelManifest(model="credit", dataset_digest=digest_of(b"dataset"), files=tuple(files))
