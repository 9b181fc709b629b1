"""Private keys of logs and witnesses, as text and in their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.errors import InvalidDeclaration, MalformedRecord, Unavailable
from lifecycle.proofs.cosignatures import WitnessSigner
from lifecycle.proofs.notes import SigningKey
from lifecycle.proofs.secret_keys import SecretKey, create_key_file, read_key_file

KINDS: tuple[type[SecretKey], ...] = (SigningKey, WitnessSigner)
NAME = "example.org/log"


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_comes_back_from_its_file(tmp_path: Path, kind: type[SecretKey]) -> None:
    """The same key, in a file that its owner alone can read; and no text of it shows the seed."""
    key, file = kind.generate(NAME), tmp_path / "key"
    create_key_file(file, key)
    assert read_key_file(file, kind) == key
    assert file.stat().st_mode & 0o777 == 0o600
    assert repr(key.seed) not in repr(key)
    with pytest.raises(InvalidDeclaration, match="stands already"):
        create_key_file(file, kind.generate(NAME))
    assert read_key_file(file, kind) == key


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_leaves_no_half_of_a_key(tmp_path: Path, kind: type[SecretKey], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor what a maker that was killed before left: it is a key as well."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / ".key.0123.part").write_text("half of a key")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Unavailable, match="No space"):
        create_key_file(tmp_path / "key", kind.generate(NAME))
    assert list(tmp_path.iterdir()) == []


def test_a_log_s_key_is_no_witness_s(tmp_path: Path) -> None:
    """What one signs, the other never does."""
    for made, asked in ((SigningKey, WitnessSigner), (WitnessSigner, SigningKey)):
        file = tmp_path / made.__name__
        create_key_file(file, made.generate(NAME))
        with pytest.raises(MalformedRecord, match=f"not the private key of a {asked.owner}"):
            read_key_file(file, asked)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"PRIVATE+KEY+", b"PRIVATE+KEY+a+b", b"PRIVATE+KEY+a+00000000+AAAA"])
def test_what_is_no_key_is_never_quoted(tmp_path: Path, kind: type[SecretKey], content: bytes) -> None:
    """A damaged key may still be a secret."""
    file = tmp_path / "key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(MalformedRecord) as caught:
        read_key_file(file, kind)
    assert not content or content.decode(errors="replace") not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_the_id_must_be_that_of_the_key(kind: type[SecretKey]) -> None:
    """A seed that was mistyped signs nothing."""
    key = kind.generate(NAME)
    with pytest.raises(MalformedRecord, match="is not that of the key"):
        kind.parse(key.secret_text().replace(key.key_id.hex(), "00000000"))


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    """Nor one that is not there."""
    file = tmp_path / "key"
    create_key_file(file, SigningKey.generate(NAME))
    file.chmod(0o640)
    with pytest.raises(InvalidDeclaration, match="read by others"):
        read_key_file(file, SigningKey)
    with pytest.raises(Unavailable, match="can't be read"):
        read_key_file(tmp_path / "nothing", SigningKey)
