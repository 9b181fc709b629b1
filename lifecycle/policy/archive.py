"""The bundle as a file: what an OPA server loads and what the embedded engine loads, after the same verification.

A gzipped tar as OPA defines it (openpolicyagent.org/docs/management-bundles): `.manifest` with the digest as its revision,
`data.json`, the Rego modules, and in `.signatures.json` one JSON Web Signature (ES256) over the SHA-256 of each file.
Beside them lies our own document of the bundle, from which everything else follows. Same bundle, same bytes; only the
signature differs from one signing to the next.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import os
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from lifecycle.errors import InvalidDeclaration, MalformedRecord, Refused, Tampered, Unavailable
from lifecycle.policy.bundle import ROOTS, Bundle
from lifecycle.records.record import JsonObject, digest_of, parse_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

SIGNATURES = ".signatures.json"
#: Our document in the archive. Not named `.json`: OPA would look for data in it.
DOCUMENT = "lifecycle/bundle.document"
#: What a signature is made for, so that one over something else never counts here.
SCOPE = "lifecycle-policy"
_LARGEST = 16 << 20
_LARGEST_WHOLE = 64 << 20
_HALF = 32


def packed(bundle: Bundle, key: EllipticCurvePrivateKey | None = None) -> bytes:
    """The archive of a bundle, signed where there is a key (ECDSA P-256)."""
    members = _members(bundle)
    if key is not None:
        members[SIGNATURES] = _json({"signatures": [_signed(members, key)]})
    written = io.BytesIO()
    with gzip.GzipFile(fileobj=written, mode="wb", mtime=0) as compressed, tarfile.open(fileobj=compressed, mode="w") as tar:
        for name, content in sorted(members.items()):
            entry = tarfile.TarInfo(f"/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return written.getvalue()


def unpacked(archive: bytes, key: EllipticCurvePublicKey | None) -> Bundle:
    """The bundle of an archive whose every file its signature covers; without a key, whose every file its document makes.

    Raises Tampered where a signature or a file does not hold, MalformedRecord or InvalidDeclaration for what is no bundle.
    """
    members = _read(archive)
    signatures = members.pop(SIGNATURES, None)
    if key is not None:
        _require_signed(members, signatures, key)
    if DOCUMENT not in members:
        raise MalformedRecord("This bundle has no document of ours in it.", "Build it with `lifecycle policy build`.")
    bundle = Bundle.parse(members[DOCUMENT])
    expected = _members(bundle)
    wrong = sorted(name for name in expected.keys() | members.keys() if expected.get(name) != members.get(name))
    if wrong:
        raise Tampered(
            f"In the bundle {bundle.digest} these files are not what its document makes: {', '.join(wrong)}.", "Build the bundle again."
        )
    return bundle


def read_archive(file: Path, public_key: Path | None) -> Bundle:
    """`unpacked` from files. Raises Unavailable where one can't be read."""
    return unpacked(archive_in(file), None if public_key is None else read_public_key(public_key))


def archive_in(file: Path) -> bytes:
    """The bytes of a built bundle: who judges them and passes them on reads them once. Raises Unavailable."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise Unavailable(
            f"The bundle {file} can't be read: {error.strerror}.", "Name the file that `lifecycle policy build` wrote."
        ) from error


def read_private_key(file: Path) -> EllipticCurvePrivateKey:
    """A signing key in PEM. Raises InvalidDeclaration for anything but an ECDSA key on P-256, Unavailable where it can't be read."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_content(file), password=None)
    except (ValueError, TypeError) as error:
        raise _no_key(file) from error
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise _no_key(file)
    return key


def read_public_key(file: Path) -> EllipticCurvePublicKey:
    """A verification key in PEM; raises like `read_private_key`."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_content(file))
    except ValueError as error:
        raise _no_key(file) from error
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise _no_key(file)
    return key


def create_key(file: Path) -> EllipticCurvePublicKey:
    """A new key that signs bundles, in PEM (0600), and its public half beside it as `.pub`. Raises Refused where one stands."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = ec.generate_private_key(ec.SECP256R1())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    try:
        for path, content, mode in ((file, secret, 0o600), (file.with_suffix(".pub"), public, 0o644)):
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as written:
                written.write(content)
    except FileExistsError as error:
        raise Refused(f"{error.filename} stands already, and a key is never overwritten.", "Name another file.") from error
    except OSError as error:
        raise Unavailable(f"The key {file} can't be written: {error.strerror}.", "Name a file in a folder that you can write.") from error
    return key.public_key()


def key_name(key: EllipticCurvePublicKey) -> str:
    """What signatures call a key: the SHA-256 of its PEM, in hex."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return digest_of(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)).removeprefix("sha256:")


def _members(bundle: Bundle) -> dict[str, bytes]:
    """Every file of the archive but the signature."""
    manifest: JsonObject = {"revision": bundle.revision, "roots": list(ROOTS), "rego_version": 1}
    modules = {name: text.encode() for name, text in bundle.modules.items()}
    return {".manifest": _json(manifest), "data.json": _json(bundle.data), DOCUMENT: bundle.document, **modules}


def _json(value: JsonObject) -> bytes:
    """The form over which OPA hashes what it knows as JSON: keys in order, no spaces. So a file's hash is that of its bytes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _signed(members: Mapping[str, bytes], key: EllipticCurvePrivateKey) -> str:
    """A JSON Web Signature in its compact form (RFC 7515), with the claims that OPA asks for."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    name = key_name(key.public_key())
    claims: JsonObject = {"files": _hashes(members), "keyid": name, "scope": SCOPE}
    text = _base64url(_json({"alg": "ES256", "kid": name, "typ": "JWT"})) + b"." + _base64url(_json(claims))
    # RFC 7518 §3.4: the two numbers side by side, not the DER that the library makes.
    r, s = decode_dss_signature(key.sign(text, ECDSA(SHA256())))
    return (text + b"." + _base64url(r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big"))).decode()


def _require_signed(members: Mapping[str, bytes], signatures: bytes | None, key: EllipticCurvePublicKey) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    again = "Have it signed by the key that is trusted here: `lifecycle policy sign`."
    if signatures is None:
        raise Tampered("The bundle is not signed.", again)
    try:
        said = parse_json(signatures)
        tokens = said["signatures"] if isinstance(said, dict) else None
        if not isinstance(tokens, list) or len(tokens) != 1 or not isinstance(tokens[0], str):
            raise MalformedRecord("It has not exactly one signature.", again)
        header, payload, signature = tokens[0].split(".")
        numbers = _from_base64url(signature)
        der = encode_dss_signature(int.from_bytes(numbers[:_HALF], "big"), int.from_bytes(numbers[_HALF:], "big"))
        # The algorithm is ours to choose, never the token's: whatever its header says, it is verified as ES256.
        key.verify(der, f"{header}.{payload}".encode(), ECDSA(SHA256()))
        claims = parse_json(_from_base64url(payload))
    except (InvalidSignature, MalformedRecord, ValueError, KeyError, binascii.Error) as error:
        raise Tampered("The signature of the bundle is not one by the trusted key.", again) from error
    if not isinstance(claims, dict) or claims.get("scope") != SCOPE or claims.get("files") != _hashes(members):
        raise Tampered("The files of the bundle are not those that were signed.", again)


def _hashes(members: Mapping[str, bytes]) -> list[JsonValue]:
    hashed = {name: digest_of(content).removeprefix("sha256:") for name, content in sorted(members.items())}
    return [{"algorithm": "SHA-256", "hash": value, "name": name} for name, value in hashed.items()]


def _read(archive: bytes) -> dict[str, bytes]:
    """The files of an archive by name. Raises MalformedRecord for what is no archive, or holds one name twice, a link, or too much."""
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(_inflated(archive))) as tar:
            for entry in tar:
                name = entry.name.removeprefix("/")
                content = tar.extractfile(entry)
                if content is None or name in members or entry.size > _LARGEST:
                    raise MalformedRecord(f"{name!r} has no place in a bundle.", "Build it with `lifecycle policy build`.")
                members[name] = content.read()
    except (OSError, EOFError, ValueError, zlib.error, tarfile.TarError) as error:
        raise MalformedRecord("This is not a bundle: no gzipped tar.", "Name the file that `lifecycle policy build` wrote.") from error
    return members


def _inflated(archive: bytes) -> bytes:
    """What is gzipped. Nobody's signature was looked at yet: a small file may not fill the memory."""
    with gzip.GzipFile(fileobj=io.BytesIO(archive)) as compressed:
        whole = compressed.read(_LARGEST_WHOLE + 1)
    if len(whole) > _LARGEST_WHOLE:
        raise MalformedRecord(f"This holds more than the {_LARGEST_WHOLE} bytes of any bundle.", "Build it with `lifecycle policy build`.")
    return whole


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Unavailable(f"The key {file} can't be read: {error.strerror}.", "Name a key file that you can read.") from error


def _no_key(file: Path) -> InvalidDeclaration:
    return InvalidDeclaration(f"{file} is not an ECDSA key on P-256 in PEM.", "`lifecycle keys new FILE --policy` makes one.")


def _base64url(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _from_base64url(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
