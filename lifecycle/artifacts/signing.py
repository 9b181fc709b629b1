"""Signatures over packages: OpenSSF Model Signing with an ECDSA P-256 key, as a Sigstore bundle (v0.3).

Signed are the manifest and the five files that it lists, so the signature covers the model's digest. Anybody can
check one with the public key and no software of ours: `model_signing verify key FOLDER --signature … --public_key …`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lifecycle.artifacts.backends import answering, write_atomically
from lifecycle.artifacts.packages import MANIFEST_NAME, PackageStore, check_folder, unpack
from lifecycle.errors import InvalidDeclaration, Refused, Tampered, Unavailable, UnknownName
from lifecycle.records.manifest import ModelManifest
from lifecycle.records.record import Digest

PRIVATE_NAME, PUBLIC_NAME = "signing.key", "signing.pub"


def create_signing_key(folder: Path) -> Path:
    """A new key: `signing.key` (PKCS#8 PEM, readable by its owner only) and `signing.pub` beside it; returns the former.

    Raises Refused where there is a key already: overwriting it would leave every signature without its key.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    private = folder / PRIVATE_NAME
    with answering(str(folder)):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            write_atomically(private, (pem,), mode=0o600, overwrite=False)
        except FileExistsError as error:
            raise Refused(f"There is a signing key in {folder} already.", "Use it, or name another folder.") from error
    _write_public(private, folder / PUBLIC_NAME)
    return private


def ensure_signing_key(folder: Path) -> Path:
    """The private key in the folder, made where there is none. Safe for several processes at once."""
    private = folder / PRIVATE_NAME
    if not private.exists():
        try:
            return create_signing_key(folder)
        except Refused:
            pass  # Another process made it since.
    if not (folder / PUBLIC_NAME).exists():
        _write_public(private, folder / PUBLIC_NAME)
    return private


def key_id(public_key: Path) -> str:
    """What signatures call this key: the SHA-256 (hex) of its public PEM, as Model Signing's `hint` has it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    try:
        key = load_pem_public_key(public_key.read_bytes())
    except FileNotFoundError as error:
        raise UnknownName(f"There is no public key {public_key.name}.", "Take it from whoever signed the model.") from error
    except ValueError as error:
        raise InvalidDeclaration(
            f"{public_key.name} is not a public key in PEM.", "Give the signing.pub that lies beside signing.key."
        ) from error
    return hashlib.sha256(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def sign_package(store: PackageStore, model_digest: Digest, private_key: Path) -> Digest:
    """Signs the package and stores the signature; returns the signature's digest.

    Every byte is read back from the store and checked before it is signed. Signing twice gives two different
    signatures, as ECDSA does. Raises InvalidDeclaration where the file is not a private key.
    """
    from model_signing import hashing, signing

    # The library leaves out .git and its like unless told otherwise.
    everything = hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)
    try:
        signer = signing.Config().set_hashing_config(everything).use_elliptic_key_signer(private_key=private_key)
    except (ValueError, TypeError, OSError) as error:
        raise InvalidDeclaration(
            f"{private_key.name} is not a signing key that can be read.",
            "Give an unencrypted PEM key on P-256, or make one with `create_signing_key`.",
        ) from error
    with _scratch() as scratch:
        # The folder's name becomes that of the signed subject, so it says which model and not where.
        folder, bundle = scratch / model_digest.replace(":", "-"), scratch / "signature.json"
        unpack(store, model_digest, folder)
        signer.sign(folder, bundle)
        return store.put(bundle.read_bytes())


def verify_package(store: PackageStore, model_digest: Digest, signature_digest: Digest, public_key: Path) -> ModelManifest:
    """The manifest of a package whose signature holds. Raises as `verify_folder` does."""
    with _scratch() as scratch:
        folder = scratch / "package"
        unpack(store, model_digest, folder)
        return verify_folder(folder, store.read(signature_digest), public_key)


def verify_folder(folder: Path, signature: bytes, public_key: Path) -> ModelManifest:
    """The manifest in an unpacked folder, after its files and the signature over all of them were found to hold.

    Raises Tampered where a file, the signature or its key is another one, Refused where the folder holds something
    that is no part of a package, UnknownName or InvalidDeclaration where the public key is none.
    """
    manifest, model_digest = check_folder(folder)
    wanted_key = key_id(public_key)
    key, signed_files = _claims(signature)
    if key != wanted_key:
        raise Tampered(
            f"{manifest.model} is signed by the key {key[:16]!r} and not by {wanted_key[:16]!r}.",
            "Take the signature that the ledger names, or the public key of whoever made it.",
        )
    _check_bundle(folder, signature, public_key)
    # The library lets the signed payload say which files count. Here all of them do, under the digests just found.
    if signed_files != {MANIFEST_NAME: model_digest} | {file.path: file.digest for file in manifest.files}:
        raise Tampered(f"The signature of {manifest.model} is not over exactly the files of its package.", "Sign the model again.")
    return manifest


def _check_bundle(folder: Path, signature: bytes, public_key: Path) -> None:
    from model_signing import verifying

    with _scratch() as scratch:
        bundle = scratch / "signature.json"
        bundle.write_bytes(signature)
        try:
            verifying.Config().use_elliptic_key_verifier(public_key=public_key).verify(folder, bundle)
        except Exception as error:  # The library lets out whatever a malformed bundle trips in it, under many types.
            raise Tampered(
                f"The signature of the package in {folder.name} does not hold ({type(error).__name__}).",
                "Take the signature and the public key that the ledger names; if they are these, the package was altered.",
            ) from error


def _claims(signature: bytes) -> tuple[str, dict[str, Digest]]:
    """The key that a bundle names, and the digest of every file that its payload lists. Claims: nothing is verified here."""
    try:
        bundle = json.loads(signature)
        statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
        files = {resource["name"]: f"{resource['algorithm']}:{resource['digest']}" for resource in statement["predicate"]["resources"]}
        return str(bundle["verificationMaterial"]["publicKey"].get("hint")), files
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Tampered("The signature is no Sigstore bundle over a package.", "Take the signature that the ledger names.") from error


def _write_public(private: Path, public: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    with answering(str(public.parent)):
        key = load_pem_private_key(private.read_bytes(), password=None).public_key()
        write_atomically(public, (key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),))


@contextmanager
def _scratch() -> Iterator[Path]:
    try:
        folder = tempfile.TemporaryDirectory(prefix="lifecycle-")
    except OSError as error:
        raise Unavailable(
            f"No temporary folder can be made: {error.strerror}.", "Make room in it, or set TMPDIR to one that you can write."
        ) from error
    with folder as path:
        yield Path(path)
