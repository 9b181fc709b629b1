"""The packages of versions where their pods find them: on the volume that all of them share, each in a folder of its own."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

from lifecycle import durable
from lifecycle.errors import Unavailable
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.allowed.packages import MODEL_FOLDER, ORDER_FILE, SIGNATURE_FILE, Package
from lifecycle.serving.targets.contract import TargetVersion
from lifecycle.serving.targets.workloads import object_name


class PublishedPackages:
    """The folder of them. What a pod loads is checked by that pod, from its proof to its last byte."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def publish(self, package: Package) -> None:
        """Lays an admitted package down. Done again, only its proof is replaced. Raises Unavailable where it can't be written."""
        order = package.order
        place = self._folder / object_name(order.model, TargetVersion(version=order.version, digest=order.digest))
        arriving = self._folder / f".arriving-{uuid.uuid4().hex}"
        try:
            arriving.mkdir(parents=True)
            files = [*(package.folder / MODEL_FOLDER).iterdir(), package.folder / SIGNATURE_FILE, package.folder / ORDER_FILE]
            for file in files:
                shutil.copyfile(file, arriving / file.name)
                durable.sync_file(arriving / file.name)
            if place.exists():
                # A pod may be reading the others, whose digests are those in the folder's name.
                for file in files:
                    (arriving / file.name).replace(place / file.name)
            else:
                arriving.replace(place)
            durable.sync_folder(self._folder)
        except OSError as error:
            raise Unavailable(
                f"The package of {order.model}:{order.version} can't be laid down for its pods: {error.strerror}.",
                f"Free space on the volume of {self._folder}, or give write access to it.",
            ) from error
        finally:
            shutil.rmtree(arriving, ignore_errors=True)

    def order_of(self, model: str, version: TargetVersion) -> RolloutOrder:
        """The order that lies beside a package, whatever it is worth. Raises Unavailable where it can't be read."""
        file = self._folder / object_name(model, version) / ORDER_FILE
        try:
            return RolloutOrder.parse(file.read_bytes())
        except OSError as error:
            raise Unavailable(f"{file} can't be read: {error.strerror}.", "Deploy that version again.") from error

    def keep_only(self, versions: Iterable[tuple[str, TargetVersion]]) -> None:
        """Removes every other package, and what a controller that died left half laid down."""
        kept = {object_name(model, version) for model, version in versions}
        for folder in self._folder.iterdir() if self._folder.exists() else ():
            if folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)
