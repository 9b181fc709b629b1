"""Attack: somebody who can write to the artifact store, or to an unpacked package, puts other bytes in place of a model's
(MITRE ATLAS AML.T0018, Manipulate AI Model; OWASP ML10, model poisoning).
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.artifacts.packages import MANIFEST_NAME, PACKAGE_NAMES, check_folder, pack, read_parts, unpack
from lifecycle.artifacts.signing import ensure_signing_key, sign_package, verify_folder, verify_package
from lifecycle.artifacts.store import ArtifactStore
from lifecycle.errors import LifecycleError, MalformedRecord, Refused, Tampered
from lifecycle.records.manifest import FILE_NAMES
from lifecycle.records.record import Digest
from tests.artifacts.parts import DATASET, small_parts, stored_file


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """An empty store."""
    return ArtifactStore(str(tmp_path / "artifacts"), cache=tmp_path / "cache")


@pytest.fixture
def signing_key(tmp_path: Path) -> Path:
    """The key of whoever trains here."""
    return ensure_signing_key(tmp_path / "keys")


@pytest.fixture
def model(store: ArtifactStore) -> Digest:
    """A packed model."""
    return pack(store, model="credit", dataset_digest=DATASET, parts=small_parts())[1]


@pytest.fixture
def folder(store: ArtifactStore, model: Digest, tmp_path: Path) -> Path:
    """The model's package as the gateway has it, writable for the attacker."""
    unpack(store, model, tmp_path / "package")
    for path in (tmp_path / "package").iterdir():
        path.chmod(0o644)
    return tmp_path / "package"


@pytest.fixture
def signed(store: ArtifactStore, model: Digest, folder: Path, signing_key: Path) -> tuple[Path, bytes, Path]:
    """A package in a folder, its signature, and the public key."""
    return folder, store.read(sign_package(store, model, signing_key)), signing_key.with_suffix(".pub")


def test_any_flipped_bit_is_seen(store: ArtifactStore) -> None:
    """No bit of an artifact can be turned without every way of reading it saying so."""
    content = b"the weights of a model, as they were trained"
    digest = store.put(content)
    path = stored_file(store, digest)
    for position in range(len(content) * 8):
        flipped = bytearray(content)
        flipped[position // 8] ^= 1 << position % 8
        path.write_bytes(flipped)
        for read in (store.read, store.fetch):
            with pytest.raises(Tampered, match=digest):
                read(digest)


@pytest.mark.parametrize("forgery", [b"", b"the weight", b"the weights and more"], ids=["emptied", "cut off", "lengthened"])
def test_an_artifact_of_another_length_is_seen(store: ArtifactStore, forgery: bytes) -> None:
    """Cutting off and appending are seen, and storing the right bytes again does not hide that it happened."""
    digest = store.put(b"the weights")
    path = stored_file(store, digest)
    path.write_bytes(forgery)
    with pytest.raises(Tampered):
        store.put(b"the weights")
    assert path.read_bytes() == forgery


def test_two_artifacts_cannot_change_places(store: ArtifactStore) -> None:
    """A file with valid bytes of another artifact is not taken for this one."""
    first, second = store.put(b"the model that was approved"), store.put(b"the model that was not")
    stored_file(store, first).write_bytes(store.read(second))
    with pytest.raises(Tampered):
        store.read(first)


@pytest.mark.parametrize("name", sorted(FILE_NAMES.values()))
def test_a_swapped_part_stops_the_model(store: ArtifactStore, model: Digest, signing_key: Path, tmp_path: Path, name: str) -> None:
    """One part with other bytes in the store: the model does not unpack, does not verify and is not signed."""
    signature = sign_package(store, model, signing_key)
    part = next(part for part, file in FILE_NAMES.items() if file == name)
    stored_file(store, store.put(small_parts()[part])).write_bytes(b"another")
    with pytest.raises(Tampered):
        unpack(store, model, tmp_path / "package")
    with pytest.raises(Tampered):
        verify_package(store, model, signature, signing_key.with_suffix(".pub"))
    with pytest.raises(Tampered):
        sign_package(store, model, signing_key)
    assert not (tmp_path / "package").exists()


@pytest.mark.parametrize("name", sorted(PACKAGE_NAMES))
def test_a_changed_file_in_the_folder_is_named(store: ArtifactStore, model: Digest, folder: Path, signing_key: Path, name: str) -> None:
    """After the gateway unpacked a model, any file of it that is changed, by one byte, fails the model's verification."""
    signature = store.read(sign_package(store, model, signing_key))
    content = bytearray((folder / name).read_bytes())
    content[random.Random(name).randrange(len(content))] ^= 0x01
    (folder / name).write_bytes(content)
    with pytest.raises(LifecycleError):
        verify_folder(folder, signature, signing_key.with_suffix(".pub"))


def test_a_whole_other_model_does_not_pass_for_the_signed_one(store: ArtifactStore, folder: Path, model: Digest, signing_key: Path) -> None:
    """Manifest and files that agree with each other, but are not what was signed, fail the signature."""
    signature = store.read(sign_package(store, model, signing_key))
    recipe = small_parts()["training"].replace(b'"seed":7', b'"seed":8')
    _, other = pack(store, model="credit", dataset_digest=DATASET, parts={**small_parts(), "training": recipe})
    unpack(store, other, folder)
    assert check_folder(folder)[1] == other
    with pytest.raises(Tampered, match="does not hold"):
        verify_folder(folder, signature, signing_key.with_suffix(".pub"))


def test_a_signature_by_another_key_is_worth_nothing(store: ArtifactStore, model: Digest, signing_key: Path, tmp_path: Path) -> None:
    """An attacker who signs with a key of their own is not believed."""
    forged = sign_package(store, model, ensure_signing_key(tmp_path / "attacker"))
    with pytest.raises(Tampered):
        verify_package(store, model, forged, signing_key.with_suffix(".pub"))


@pytest.mark.parametrize("damage", ["empty", "not JSON", "no envelope", "changed payload", "changed signature", "no key hint"])
def test_a_damaged_signature_does_not_hold(store: ArtifactStore, model: Digest, folder: Path, signing_key: Path, damage: str) -> None:
    """However a bundle is damaged, the answer is that it does not hold, and no vendor's error."""
    bundle = json.loads(store.read(sign_package(store, model, signing_key)))
    envelope = bundle["dsseEnvelope"]
    match damage:
        case "no envelope":
            del bundle["dsseEnvelope"]
        case "changed payload":
            payload = base64.b64decode(envelope["payload"]).replace(b"model.onnx", b"model.ONNX")
            envelope["payload"] = base64.b64encode(payload).decode()
        case "changed signature":
            envelope["signatures"][0]["sig"] = base64.b64encode(b"\x30\x06\x02\x01\x01\x02\x01\x01").decode()
        case "no key hint":
            bundle["verificationMaterial"]["publicKey"] = {}
    content = {"empty": b"", "not JSON": b"signed, honestly"}.get(damage, json.dumps(bundle).encode())
    with pytest.raises(Tampered):
        verify_folder(folder, content, signing_key.with_suffix(".pub"))


@given(position=st.integers(0, 10_000), byte=st.integers(0, 255))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_byte_of_a_signature_gets_a_vendors_error_out(signed: tuple[Path, bytes, Path], position: int, byte: int) -> None:
    """Whatever a byte of the bundle is changed to, it holds (where the byte means nothing) or is found not to."""
    folder, signature, public_key = signed
    changed = bytearray(signature)
    changed[position % len(changed)] = byte
    try:
        verify_folder(folder, bytes(changed), public_key)
    except Tampered:
        pass


def test_a_signature_of_another_model_by_the_same_key_is_worth_nothing(
    store: ArtifactStore, model: Digest, folder: Path, signing_key: Path
) -> None:
    """A valid signature is valid for its own model only."""
    other = pack(store, model="loans", dataset_digest=DATASET, parts=small_parts())[1]
    assert other != model
    with pytest.raises(Tampered):
        verify_folder(folder, store.read(sign_package(store, other, signing_key)), signing_key.with_suffix(".pub"))


def test_a_signature_that_leaves_a_file_out_is_worth_nothing(folder: Path, signing_key: Path, tmp_path: Path) -> None:
    """The payload may say which files are to be ignored; a bundle by the right key that ignores one is still refused."""
    from model_signing import hashing, signing

    all_but_the_graph = hashing.Config().set_ignored_paths(paths=["model.onnx"])
    signer = signing.Config().set_hashing_config(all_but_the_graph)
    signer.use_elliptic_key_signer(private_key=signing_key).sign(folder, tmp_path / "signature.json")
    with pytest.raises(Tampered, match="exactly the files"):
        verify_folder(folder, (tmp_path / "signature.json").read_bytes(), signing_key.with_suffix(".pub"))


@pytest.mark.parametrize("name", ["model.pkl", "model.onnx.data", ".gitattributes", ".git", "nested"])
def test_nothing_can_be_slipped_into_a_package(store: ArtifactStore, model: Digest, folder: Path, signing_key: Path, name: str) -> None:
    """A file that nobody signed is refused by its name, also one that signing tools ignore, and so is a folder."""
    signature = store.read(sign_package(store, model, signing_key))
    if name in (".git", "nested"):
        (folder / name).mkdir()
        (folder / name / "model.onnx").write_bytes(b"another")
    else:
        (folder / name).write_bytes(b"unsigned")
    uses: list[Callable[[], object]] = [
        lambda: verify_folder(folder, signature, signing_key.with_suffix(".pub")),
        lambda: unpack(store, model, folder),
    ]
    for use in uses:
        with pytest.raises(Refused, match=name):
            use()


def test_a_link_is_not_a_part(store: ArtifactStore, model: Digest, folder: Path, tmp_path: Path) -> None:
    """A part that is a link to the right bytes elsewhere is refused: what it leads to can change at any time."""
    (folder / "model.onnx").rename(tmp_path / "elsewhere")
    (folder / "model.onnx").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match=r"model\.onnx"):
        check_folder(folder)
    with pytest.raises(Refused, match=r"model\.onnx"):
        unpack(store, model, folder)


def test_a_manifest_cannot_name_files_elsewhere(store: ArtifactStore, model: Digest, tmp_path: Path) -> None:
    """A forged manifest whose paths lead out of the folder is no manifest."""
    forged = json.loads(store.read(model))
    forged["files"][0]["path"] = "../../outside"
    digest = store.put(json.dumps(forged, sort_keys=True, separators=(",", ":")).encode())
    with pytest.raises(MalformedRecord, match="must be named"):
        unpack(store, digest, tmp_path / "package")
    assert not (tmp_path / "outside").exists()
    assert MANIFEST_NAME not in [path.name for path in tmp_path.rglob("*")]


def test_a_lie_about_a_size_is_seen(store: ArtifactStore, model: Digest) -> None:
    """A manifest with a wrong size is not believed, although every digest in it is right."""
    forged = json.loads(store.read(model))
    forged["files"][0]["size"] += 1
    digest = store.put(json.dumps(forged, sort_keys=True, separators=(",", ":")).encode())
    with pytest.raises(Tampered, match=r"model\.safetensors"):
        read_parts(store, digest)
