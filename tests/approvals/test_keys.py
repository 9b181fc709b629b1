"""Keys: made once, read by their owner alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from lifecycle.approvals.keys import create_key, decode_public, encode_public, key_id_of, load_key, read_public
from lifecycle.errors import InvalidDeclaration, Unavailable, UnknownName


def test_the_private_half_is_for_its_owner_only(tmp_path: Path) -> None:
    """0600, and the public half beside it."""
    public = create_key(tmp_path / "alice.key")
    assert stat.S_IMODE((tmp_path / "alice.key").stat().st_mode) == 0o600
    assert read_public(tmp_path / "alice.pub") == public
    assert encode_public(load_key(tmp_path / "alice.key").public_key()) == public


@pytest.mark.parametrize("standing", ["alice.key", "alice.pub"])
def test_a_key_is_never_overwritten(tmp_path: Path, standing: str) -> None:
    """Whichever half stands, it stays, and no other half is left behind."""
    (tmp_path / standing).write_text("precious")
    with pytest.raises(InvalidDeclaration, match="stands already"):
        create_key(tmp_path / "alice.key")
    assert [path.name for path in tmp_path.iterdir()] == [standing]
    assert (tmp_path / standing).read_text() == "precious"


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    """A key that is not private proves nothing."""
    create_key(tmp_path / "alice.key")
    (tmp_path / "alice.key").chmod(0o640)
    with pytest.raises(InvalidDeclaration, match="Others can read"):
        load_key(tmp_path / "alice.key")


def test_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Clear words, and how to make one."""
    with pytest.raises(UnknownName, match="lifecycle keys new"):
        load_key(tmp_path / "nobody.key")
    with pytest.raises(UnknownName):
        read_public(tmp_path / "nobody.pub")


def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    """A key is not lost silently."""
    with pytest.raises(Unavailable):
        create_key(tmp_path / "nowhere" / "alice.key")


def test_the_halves_need_two_names(tmp_path: Path) -> None:
    """A private key named .pub would take the place of the public one."""
    with pytest.raises(InvalidDeclaration):
        create_key(tmp_path / "alice.pub")


@pytest.mark.parametrize("content", ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "hello"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: str) -> None:
    """A damaged key file is an error of ours, not one of the library."""
    path = tmp_path / "alice.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(InvalidDeclaration, match="not a private key"):
        load_key(path)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    """People sign with Ed25519."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    path = tmp_path / "alice.key"
    path.write_bytes(generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    with pytest.raises(InvalidDeclaration, match="not an Ed25519 key"):
        load_key(path)


@pytest.mark.parametrize("text", ["", "AAAA", "A" * 43, "A" * 44, "not base64!", "A" * 42 + "B="])
def test_a_public_key_is_written_in_one_way(text: str) -> None:
    """Another length, no base64, or another text of the same bytes is refused."""
    with pytest.raises(InvalidDeclaration):
        decode_public(text)


def test_a_key_goes_by_what_it_is(tmp_path: Path) -> None:
    """The id is derived from the public half."""
    public = create_key(tmp_path / "alice.key")
    assert key_id_of(public) == key_id_of(read_public(tmp_path / "alice.pub"))
    assert key_id_of(public) != key_id_of(create_key(tmp_path / "bob.key"))
