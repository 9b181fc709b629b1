"""The cache of what may serve: a model's files, its signature, and the order whose proof allows it.

With it a gateway starts, and rolls back, when neither the ledger nor the artifact store answers.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lifecycle import durable
from lifecycle.errors import LifecycleError, Tampered, Unavailable
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.events import Event
from lifecycle.records.manifest import FILE_NAMES, ManifestFile, ModelManifest, ModelSchemas
from lifecycle.records.record import Digest, digest_of
from lifecycle.records.rollout import LogGrade, RolloutOrder, Tier
from lifecycle.serving.allowed.admission import proven_decision
from lifecycle.serving.allowed.log_keys import LogKeys
from lifecycle.serving.allowed.withdrawals import Withdrawal, Withdrawals
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.ports import PackageVerifier

MANIFEST_FILE = "manifest.json"
SIGNATURE_FILE = "model.sig"
ORDER_FILE = "order.json"
#: The folder within a package that holds the manifest and its files and nothing else: what the signature covers.
MODEL_FOLDER = "model"


@dataclass(frozen=True)
class Package:
    """One admitted model in the cache."""

    folder: Path
    order: RolloutOrder


@dataclass(frozen=True, slots=True)
class Allowance:
    """What let a version serve: the deployment decision, and the bundle of policies that took it.

    Of the plan that was allowed with it: what answers in its place, how many rows per second it answers itself (None: all), and how
    surely its rows are kept (None: written before the answer leaves).
    """

    decision_id: str
    bundle_digest: Digest
    tiers: tuple[Tier, ...] = ()
    rows_per_second: float | None = None
    log_grade: LogGrade | None = None


class PackageCache:
    """Admits orders, and keeps what it admitted."""

    def __init__(
        self, folder: GatewayFolder, environment: str, log_keys: LogKeys, verifier: PackageVerifier, withdrawals: Withdrawals
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._log_keys = log_keys
        self._verifier = verifier
        self._withdrawals = withdrawals

    def admit(self, order: RolloutOrder, source: Path) -> Package:
        """Copies a model into the cache if everything about it holds; otherwise nothing stays behind.

        `source` has `manifest.json`, the files that it lists, and `model.sig`. Raises Tampered, MalformedRecord or
        Refused, each with what does not hold, and Unavailable where the cache can't be written.
        """
        proven_decision(order, self._environment, self._log_keys.now())
        self._withdrawals.require_none(order.model, order.version, order.decision_id)
        arriving = self._folder.packages / f".arriving-{uuid.uuid4().hex}"
        try:
            _copy(source, arriving, order)
            self._verify(Package(arriving, order))
            self._place(arriving, order)
        except OSError as error:
            raise Unavailable(
                f"The model {order.model}:{order.version} can't be brought into the gateway: {error}.",
                "Free space there, or give read access.",
            ) from error
        finally:
            shutil.rmtree(arriving, ignore_errors=True)
        return Package(self._place_of(order), order)

    def readmit(self, model: str, version: int, digest: Digest) -> Package:
        """A version that was admitted before, checked again from its proof to its last byte; raises like `admit`.

        Bytes that another version was allowed with are not enough: the order must be for this model and this version.
        """
        folder = self._folder.package(model, version, digest)
        try:
            order = RolloutOrder.parse((folder / ORDER_FILE).read_bytes())
        except OSError as error:
            raise Unavailable(
                f"The gateway's cache has no {model}:{version} of {digest}: {error.strerror}.", "Deploy that version again."
            ) from error
        if (order.model, order.version, order.digest) != (model, version, digest):
            raise Tampered(
                f"The order beside {model}:{version} is for {order.model}:{order.version} of {order.digest}, not of {digest}.",
                "Deploy that version again, and find out who changed the cache.",
            )
        proven_decision(order, self._environment, self._log_keys.now())
        self._withdrawals.require_none(model, version, order.decision_id)
        package = Package(folder, order)
        self._verify(package)
        return package

    def withdrawn(self, model: str, version: int, digest: Digest) -> Withdrawal | None:
        """What keeps a version from serving that was admitted before, if it was taken back since."""
        try:
            decision_id: str | None = RolloutOrder.parse(
                (self._folder.package(model, version, digest) / ORDER_FILE).read_bytes()
            ).decision_id
        except (OSError, LifecycleError):
            # Whatever let it serve, it can't be loaded again.
            decision_id = None
        return self._withdrawals.against(model, version, decision_id)

    def keep_only(self, versions: Iterable[tuple[str, int, Digest]]) -> None:
        """Removes every other version, and what a gateway that died left half copied. Call it before anything is admitted."""
        kept = {self._folder.package(model, version, digest) for model, version, digest in versions}
        for folder in self._folder.packages.iterdir():
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _verify(self, package: Package) -> None:
        manifest = read_manifest(package.folder, package.order.digest)
        if manifest.model != package.order.model:
            raise Tampered(f"The manifest is of the model {manifest.model}, not of {package.order.model}.", "Deploy the version again.")
        for file in manifest.files:
            check_file(package.folder, file)
        signature = _read(package.folder / SIGNATURE_FILE)
        if digest_of(signature) != package.order.signature_digest:
            raise Tampered(f"The signature beside {package.order.digest} is not the recorded one.", "Deploy the version again.")
        self._verifier(package.folder / MODEL_FOLDER, signature)

    def _holds(self, place: Path) -> bool:
        """Whether a package lies there, whole."""
        try:
            self._verify(Package(place, RolloutOrder.parse((place / ORDER_FILE).read_bytes())))
        except (LifecycleError, OSError):
            return False
        return True

    def _place_of(self, order: RolloutOrder) -> Path:
        return self._folder.package(order.model, order.version, order.digest)

    def _place(self, arriving: Path, order: RolloutOrder) -> None:
        """Puts the arrived package in its place.

        Where the same bytes lie there already, only their proof is replaced, because a process may be reading them. What
        lies there and does not hold gives way.
        """
        for file in (*(arriving / MODEL_FOLDER).iterdir(), *(path for path in arriving.iterdir() if path.is_file())):
            durable.sync_file(file)
        place = self._place_of(order)
        if self._holds(place):
            for name in (SIGNATURE_FILE, ORDER_FILE):
                (arriving / name).replace(place / name)
        else:
            shutil.rmtree(place, ignore_errors=True)
            arriving.replace(place)
        durable.sync_folder(self._folder.packages)


def read_manifest(folder: Path, digest: Digest) -> ModelManifest:
    """The manifest of a package. Raises Tampered unless its bytes have the model's digest."""
    content = _read(folder / MODEL_FOLDER / MANIFEST_FILE)
    if digest_of(content) != digest:
        raise Tampered(f"The manifest in the package is not that of {digest}.", "Deploy the version again; these bytes must not serve.")
    return ModelManifest.parse(content)


def read_file(folder: Path, file: ManifestFile) -> bytes:
    """The bytes of one of a package's files, hashed as they are read. Raises Tampered where they are not the recorded ones."""
    content = _read(part_of(folder, file))
    require_recorded(file, len(content), digest_of(content))
    return content


def check_file(folder: Path, file: ManifestFile) -> None:
    """Hashes one of a package's files, in pieces: what is let go of as a whole stops all of Python. Raises Tampered like `read_file`."""
    try:
        with part_of(folder, file).open("rb", buffering=0) as opened:
            size = os.fstat(opened.fileno()).st_size
            digest = f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"
    except OSError as error:
        raise missing(file.path, error) from error
    require_recorded(file, size, digest)


def part_of(folder: Path, file: ManifestFile) -> Path:
    """Where one of a package's files lies. Whoever reads it holds what was read against `file`: see `require_recorded`."""
    return folder / MODEL_FOLDER / FILE_NAMES[file.part]


def require_recorded(file: ManifestFile, size: int, digest: Digest) -> None:
    """Raises Tampered where what was read of a file is not what was recorded."""
    if (size, digest) != (file.size, file.digest):
        raise Tampered(
            f"{file.path} is not the file that was allowed: its bytes have another digest.",
            "Deploy the version again; these bytes must not serve.",
        )


def read_allowance(folder: Path) -> Allowance:
    """The decision in the order beside a package. Whether its proof holds was checked when the package was admitted.

    Raises Tampered where there is none.
    """
    order = RolloutOrder.parse(_read(folder / ORDER_FILE))
    body = Event.parse(base64.b64decode(order.proof.leaf)).body
    if not isinstance(body, DecisionMade) or body.decision.id != order.decision_id:
        raise Tampered(f"The order beside {order.digest} proves no decision {order.decision_id}.", "Deploy that version again.")
    plan, decision = order.plan, body.decision
    return Allowance(decision.id, decision.policy.bundle_digest, plan.tiers or (), plan.rows_per_second, plan.log_grade)


def read_schemas(folder: Path, digest: Digest) -> ModelSchemas:
    """What the model of a package takes and answers."""
    manifest = read_manifest(folder, digest)
    return ModelSchemas.parse(next(read_file(folder, file) for file in manifest.files if file.part == "schemas"))


def _copy(source: Path, arriving: Path, order: RolloutOrder) -> None:
    (arriving / MODEL_FOLDER).mkdir(parents=True, mode=0o700)
    for name in (MANIFEST_FILE, *FILE_NAMES.values()):
        shutil.copyfile(source / name, arriving / MODEL_FOLDER / name)
    shutil.copyfile(source / SIGNATURE_FILE, arriving / SIGNATURE_FILE)
    (arriving / ORDER_FILE).write_bytes(order.canonical())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise missing(path.name, error) from error


def missing(name: str, error: OSError) -> Tampered:
    """What there is to say of a package's file that can't be read."""
    return Tampered(f"{name} is missing from the package: {error.strerror}.", "Deploy the version again.")
