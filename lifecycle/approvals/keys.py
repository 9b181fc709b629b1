"""The keys that people sign with: Ed25519, the private half in a file that only its owner reads.

`alice.key` is PKCS #8 in PEM with mode 0600; `alice.pub` beside it holds the public half as one line of base64, which
is what stands in people.yaml.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from lifecycle import durable
from lifecycle.errors import InvalidDeclaration, Unavailable, UnknownName

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PUBLIC_KEY_BYTES = 32


def create_key(path: Path) -> str:
    """A fresh key pair in `path` and `path` with the suffix .pub; returns the public half in base64.

    Raises InvalidDeclaration where either file stands already (a key is never overwritten), Unavailable where the folder
    can't be written.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    public_path = path.with_suffix(".pub")
    if public_path == path:
        raise InvalidDeclaration(f"{path} would be the private and the public half at once.", "Name the private key FILE.key.")
    key = Ed25519PrivateKey.generate()
    public = encode_public(key.public_key())
    _write_new(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    try:
        _write_new(public_path, f"{public}\n".encode(), 0o644)
    except (InvalidDeclaration, Unavailable):
        path.unlink()
        raise
    return public


def load_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a file.

    Raises UnknownName where there is none, InvalidDeclaration where others can read it or where it is no Ed25519 key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read()
    except FileNotFoundError as error:
        raise UnknownName(f"There is no key {path}.", "Make one with `lifecycle keys new FILE`.") from error
    except OSError as error:
        raise Unavailable(f"The key {path} can't be read: {error.strerror}.", "Sign as the user who owns it.") from error
    if b"PRIVATE KEY" not in content:
        raise InvalidDeclaration(
            f"{path} is not a private key.", "Sign with the key file itself; the .pub beside it is the half that others may have."
        )
    if mode & 0o077:
        raise InvalidDeclaration(
            f"Others can read the key {path} (mode {mode:04o}).", f"chmod 600 {path}; if others did read it, make a new one."
        )
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidDeclaration(f"{path} is not a private key that can be used.", "Make one with `lifecycle keys new FILE`.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidDeclaration(f"{path} is not an Ed25519 key.", "Make one with `lifecycle keys new FILE`.")
    return key


def read_public(path: Path) -> str:
    """The public half in a .pub file, in base64. Raises UnknownName or InvalidDeclaration."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        raise UnknownName(f"There is no public key {path}.", "Make a pair with `lifecycle keys new FILE`.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidDeclaration(f"The public key {path} can't be read.", "Pass the .pub file that `lifecycle keys new` wrote.") from error
    decode_public(text)
    return text


def encode_public(key: Ed25519PublicKey) -> str:
    """The 32 raw bytes of a public key in base64."""
    return base64.b64encode(key.public_bytes_raw()).decode("ascii")


def decode_public(text: str) -> Ed25519PublicKey:
    """The public key that this base64 is. Raises InvalidDeclaration for anything but 32 bytes, written in the one way."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    # Written otherwise, one key could stand under two texts, and so under two people.
    if len(raw) != PUBLIC_KEY_BYTES or base64.b64encode(raw).decode("ascii") != text:
        raise InvalidDeclaration("This is not an Ed25519 public key in base64.", "Pass what `lifecycle keys new` wrote into the .pub file.")
    return Ed25519PublicKey.from_public_bytes(raw)


def key_id_of(public: str) -> str:
    """The id that a key goes by unless told otherwise: its kind and 16 hex digits of the SHA-256 of its raw bytes.

    `ed25519-…`, or `passkey-…` where the bytes are a COSE key.
    """
    raw = base64.b64decode(public)
    return f"{'ed25519' if len(raw) == PUBLIC_KEY_BYTES else 'passkey'}-{hashlib.sha256(raw).hexdigest()[:16]}"


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        durable.create_once(path, content, mode=mode)
    except FileExistsError as error:
        raise InvalidDeclaration(f"{path} stands already.", "A key is never overwritten; choose another name.") from error
    except OSError as error:
        raise Unavailable(f"{path} can't be written: {error.strerror}.", "Choose a folder that you can write.") from error
