"""Signatures over packages."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lifecycle.artifacts.packages import unpack
from lifecycle.artifacts.signing import create_signing_key, ensure_signing_key, key_id, sign_package, verify_folder, verify_package
from lifecycle.artifacts.store import ArtifactStore
from lifecycle.errors import InvalidDeclaration, Refused, UnknownName
from lifecycle.records.record import Digest


def test_a_signature_holds_for_what_was_signed(store: ArtifactStore, model_digest: Digest, signing_key: Path, tmp_path: Path) -> None:
    """It verifies from the store, and on an unpacked folder without one."""
    signature = sign_package(store, model_digest, signing_key)
    public = signing_key.with_suffix(".pub")
    assert verify_package(store, model_digest, signature, public).content_digest() == model_digest
    unpack(store, model_digest, tmp_path / "package")
    assert verify_folder(tmp_path / "package", store.read(signature), public).content_digest() == model_digest


def test_the_openssf_tool_verifies_it_too(store: ArtifactStore, model_digest: Digest, signing_key: Path, tmp_path: Path) -> None:
    """Nobody needs our software to check a signature: the tool of the standard says the same."""
    (tmp_path / "signature.json").write_bytes(store.read(sign_package(store, model_digest, signing_key)))
    unpack(store, model_digest, tmp_path / "package")
    tool = [sys.executable, "-m", "model_signing", "verify", "key", str(tmp_path / "package")]
    keys = ["--signature", str(tmp_path / "signature.json"), "--public_key", str(signing_key.with_suffix(".pub"))]
    assert subprocess.run([*tool, *keys], check=False, capture_output=True).returncode == 0
    (tmp_path / "package" / "model.onnx").chmod(0o644)
    (tmp_path / "package" / "model.onnx").write_bytes(b"another")
    assert subprocess.run([*tool, *keys], check=False, capture_output=True).returncode != 0


def test_a_private_key_is_its_owners_only(tmp_path: Path) -> None:
    """Nobody but its owner may read it."""
    assert create_signing_key(tmp_path / "keys").stat().st_mode & 0o777 == 0o600


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    """Making one where there is one is refused, and the key stays."""
    key = create_signing_key(tmp_path)
    before = key.read_bytes()
    with pytest.raises(Refused, match="already"):
        create_signing_key(tmp_path)
    assert key.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"signing.key", "signing.pub"}


def test_processes_that_need_a_key_at_once_share_one(tmp_path: Path) -> None:
    """Whoever comes first makes it; everybody gets the same."""
    with ThreadPoolExecutor(8) as pool:
        keys = {path.read_bytes() for path in pool.map(ensure_signing_key, [tmp_path] * 8)}
    assert len(keys) == 1
    assert key_id(tmp_path / "signing.pub")


def test_a_lost_public_half_is_made_again(tmp_path: Path) -> None:
    """The private key is enough to have both."""
    ensure_signing_key(tmp_path)
    before = key_id(tmp_path / "signing.pub")
    (tmp_path / "signing.pub").unlink()
    ensure_signing_key(tmp_path)
    assert key_id(tmp_path / "signing.pub") == before


def test_what_is_no_key_is_named(store: ArtifactStore, model_digest: Digest, signing_key: Path, tmp_path: Path) -> None:
    """A file that is no key, and one that is not there, are errors that name it."""
    (tmp_path / "nonsense.pub").write_text("nonsense")
    with pytest.raises(InvalidDeclaration, match=r"nonsense\.pub"):
        key_id(tmp_path / "nonsense.pub")
    with pytest.raises(UnknownName, match=r"absent\.pub"):
        key_id(tmp_path / "absent.pub")
    for unusable in (tmp_path / "nonsense.pub", tmp_path / "absent.key", signing_key.with_suffix(".pub")):
        with pytest.raises(InvalidDeclaration, match=unusable.name):
            sign_package(store, model_digest, unusable)
