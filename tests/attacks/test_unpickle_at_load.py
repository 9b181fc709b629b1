"""Attack: a model file that runs code when it is loaded (MITRE ATLAS AML.T0011.000, Unsafe AI Artifacts).

Every payload here would leave a file behind if anything unpickled it.
"""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from lifecycle.artifacts.packages import pack, read_parts, unpack
from lifecycle.artifacts.store import ArtifactStore
from lifecycle.errors import LifecycleError, Refused
from lifecycle.records.manifest import FILE_NAMES, PARTS, ManifestFile, ModelManifest, Part
from lifecycle.records.record import digest_of
from tests.artifacts.parts import DATASET, small_parts


class Payload:
    """Runs a command where it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.system, (f"touch {self.proof}",)


def as_pickle(protocol: int) -> Callable[[Path], bytes]:
    return lambda proof: pickle.dumps(Payload(proof), protocol=protocol)


def as_torch_archive(proof: Path) -> bytes:
    """What torch.save writes: a ZIP with a pickle in it."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Payload(proof)))
    return written.getvalue()


def as_numpy_object_array(proof: Path) -> bytes:
    import numpy as np

    written = io.BytesIO()
    np.save(written, np.array([Payload(proof)], dtype=object), allow_pickle=True)
    return written.getvalue()


PAYLOADS: dict[str, Callable[[Path], bytes]] = {
    **{f"pickle protocol {protocol}": as_pickle(protocol) for protocol in range(6)},
    "torch archive": as_torch_archive,
    "numpy object array": as_numpy_object_array,
}
#: Text pickles have no mark of their own: they fail as what they claim to be.
NAMED = [name for name in PAYLOADS if name not in ("pickle protocol 0", "pickle protocol 1")]


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """An empty store."""
    return ArtifactStore(str(tmp_path / "artifacts"), cache=tmp_path / "cache")


@pytest.fixture
def proof(tmp_path: Path) -> Path:
    """The file that appears where a payload ran."""
    return tmp_path / "it-ran"


def forged_package(store: ArtifactStore, part: Part, content: bytes) -> str:
    """A package that never went through `pack`: an attacker with write access makes manifest and files agree."""
    parts = {**small_parts(), part: content}
    files = tuple(
        ManifestFile(part=name, path=FILE_NAMES[name], digest=store.put(parts[name]), size=len(parts[name])) for name in get_args(Part)
    )
    return store.put(ModelManifest(model="credit", dataset_digest=DATASET, files=files).canonical())


def test_the_payloads_are_real(proof: Path) -> None:
    """The attack works on who unpickles: else the tests below would prove nothing."""
    pickle.loads(PAYLOADS["pickle protocol 4"](proof))  # noqa: S301  # the attack itself
    assert proof.exists()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", PAYLOADS)
def test_no_part_can_be_a_pickle(store: ArtifactStore, proof: Path, part: Part, name: str) -> None:
    """It is refused when it is packed, in whatever part it hides; nothing ran and nothing was stored."""
    content = PAYLOADS[name](proof)
    with pytest.raises(LifecycleError):
        pack(store, model="credit", dataset_digest=DATASET, parts={**small_parts(), part: content})
    assert not proof.exists()
    assert not store.has(digest_of(content))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", NAMED)
def test_a_forged_package_with_a_pickle_is_refused_by_name(
    store: ArtifactStore, proof: Path, tmp_path: Path, part: Part, name: str
) -> None:
    """Whoever wrote it to the store past us gets no further: it is refused by name when it is read, and no file is unpacked."""
    forged = forged_package(store, part, PAYLOADS[name](proof))
    for load in (lambda: unpack(store, forged, tmp_path / "package"), lambda: read_parts(store, forged)):
        with pytest.raises(Refused, match=rf"{FILE_NAMES[part]} is a .*(pickle|ZIP)"):
            load()
    assert not proof.exists()
    assert not (tmp_path / "package").exists()
