"""Packages: the manifest's digest is the model's."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lifecycle.artifacts import packages
from lifecycle.artifacts.packages import MANIFEST_NAME, PACKAGE_NAMES, check_folder, pack, read_manifest, read_parts, unpack
from lifecycle.artifacts.store import ArtifactStore
from lifecycle.errors import MalformedRecord, Refused, Tampered, UnknownName
from lifecycle.records.manifest import FILE_NAMES, Part
from lifecycle.records.record import Digest, digest_of
from tests.artifacts.parts import DATASET


def test_the_models_digest_is_that_of_its_manifest(store: ArtifactStore, parts: dict[Part, bytes]) -> None:
    """The store gives the manifest's canonical bytes for the model's digest."""
    manifest, digest = pack(store, model="credit", dataset_digest=DATASET, parts=parts)
    assert store.read(digest) == manifest.canonical()
    assert read_manifest(store, digest) == manifest
    assert {file.part: file.digest for file in manifest.files} == {part: digest_of(content) for part, content in parts.items()}


def test_the_same_parts_make_the_same_model(store: ArtifactStore, parts: dict[Part, bytes]) -> None:
    """A digest depends on the content alone, not on the order in which the parts were given."""
    backwards = dict(reversed(list(parts.items())))
    first, again = (pack(store, model="credit", dataset_digest=DATASET, parts=given)[1] for given in (parts, backwards))
    assert first == again


@pytest.mark.parametrize("changed", ["model", "dataset_digest", "parts"])
def test_anything_else_makes_another_model(store: ArtifactStore, parts: dict[Part, bytes], model_digest: Digest, changed: str) -> None:
    """The model's name, its data and every part are in its digest."""
    fields: dict[str, Any] = {"model": "credit", "dataset_digest": DATASET, "parts": parts}
    other = {
        "model": "loans",
        "dataset_digest": "sha256:" + "e" * 64,
        "parts": {**parts, "training": _with_another_seed(parts["training"])},
    }
    fields[changed] = other[changed]
    assert pack(store, **fields)[1] != model_digest


def _with_another_seed(recipe: bytes) -> bytes:
    return recipe.replace(b'"seed":7', b'"seed":8')


def test_a_package_needs_every_part_and_no_other(store: ArtifactStore, parts: dict[Part, bytes]) -> None:
    """A missing and an unknown part are both named, and nothing is stored."""
    wrong = {part: content for part, content in parts.items() if part != "weights"} | {"pickle": b""}
    with pytest.raises(Refused, match=r"unknown parts \['pickle'\], missing parts \['weights'\]"):
        pack(store, model="credit", dataset_digest=DATASET, parts=wrong)  # type: ignore[arg-type]  # on purpose
    assert not any(store.has(digest_of(content)) for content in parts.values())


def test_unpacked_is_what_was_packed(store: ArtifactStore, parts: dict[Part, bytes], model_digest: Digest, tmp_path: Path) -> None:
    """A folder gets the manifest and the five files, byte for byte, and nothing else."""
    manifest = unpack(store, model_digest, tmp_path / "package")
    assert {path.name for path in (tmp_path / "package").iterdir()} == PACKAGE_NAMES
    assert (
        {part: (tmp_path / "package" / name).read_bytes() for part, name in FILE_NAMES.items()} == parts == read_parts(store, model_digest)
    )
    assert check_folder(tmp_path / "package") == (manifest, model_digest)


def test_unpacking_again_repairs_and_rewrites_nothing_else(store: ArtifactStore, model_digest: Digest, tmp_path: Path) -> None:
    """A restarted gateway gets a damaged file back, and the right ones stay as they are."""
    unpack(store, model_digest, tmp_path / "package")
    graph, weights = tmp_path / "package" / "model.onnx", tmp_path / "package" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    graph.chmod(0o644)
    graph.write_bytes(b"torn")
    unpack(store, model_digest, tmp_path / "package")
    assert check_folder(tmp_path / "package")[1] == model_digest
    assert weights.stat().st_mtime_ns == before


def test_a_crash_while_unpacking_leaves_nothing_that_is_loaded(
    store: ArtifactStore, model_digest: Digest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after some of the files, there is no folder at all; what was left over beside it disturbs nobody."""
    written: list[Path] = []

    def stops_half_way(path: Path, *content: object) -> None:
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path)

    with monkeypatch.context() as patch:
        patch.setattr(packages, "write_atomically", stops_half_way)
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)  # kill -9 cleans nothing up
        with pytest.raises(KeyboardInterrupt):
            unpack(store, model_digest, tmp_path / "package")
    assert not (tmp_path / "package").exists()
    unpack(store, model_digest, tmp_path / "package")
    assert check_folder(tmp_path / "package")[1] == model_digest


def test_two_that_unpack_at_once_agree(store: ArtifactStore, model_digest: Digest, tmp_path: Path) -> None:
    """Workers that start together unpack the same model into the same folder, and it is right for each."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: unpack(store, model_digest, tmp_path / "package"), range(16)))
    assert check_folder(tmp_path / "package")[1] == model_digest


def test_a_digest_of_something_else_is_no_model(store: ArtifactStore, parts: dict[Part, bytes], tmp_path: Path) -> None:
    """A part's own digest does not unpack as a model, and leaves no folder."""
    for content in (parts["training"], parts["graph"]):
        with pytest.raises(MalformedRecord):
            unpack(store, store.put(content), tmp_path / "package")
    assert not (tmp_path / "package").exists()


def test_a_manifest_in_other_bytes_is_no_manifest(store: ArtifactStore, model_digest: Digest) -> None:
    """One model has one digest: the same manifest with spaces in it is not accepted as a second one."""
    spaced = store.put(b" " + store.read(model_digest))
    with pytest.raises(MalformedRecord, match="canonical"):
        read_manifest(store, spaced)


def test_a_missing_part_is_named(store: ArtifactStore, model_digest: Digest, tmp_path: Path) -> None:
    """A part that the store lost stops the unpacking, and the folder is not made."""
    lost = read_manifest(store, model_digest).files[1].digest
    store.fetch(lost).unlink()
    with pytest.raises(UnknownName, match=lost):
        unpack(store, model_digest, tmp_path / "package")
    assert not (tmp_path / "package").exists()


def test_a_folder_without_its_manifest_is_no_package(store: ArtifactStore, model_digest: Digest, tmp_path: Path) -> None:
    """The error names the file that is missing."""
    unpack(store, model_digest, tmp_path / "package")
    (tmp_path / "package" / MANIFEST_NAME).unlink()
    with pytest.raises(Tampered, match=MANIFEST_NAME):
        check_folder(tmp_path / "package")
