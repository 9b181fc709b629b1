"""A gateway that serves one version and nothing else: what runs in a version's pod, whose share the cluster's route decides."""

from __future__ import annotations

import os
from pathlib import Path

from lifecycle.errors import Refused, Unavailable
from lifecycle.proofs.notes import VerifierKey
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.allowed.log_keys import LogKeys
from lifecycle.serving.allowed.packages import ORDER_FILE, PackageCache
from lifecycle.serving.allowed.withdrawals import Withdrawals
from lifecycle.serving.answering.counters import REFERRAL_CELL
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.ports import PackageVerifier
from lifecycle.serving.rollouts.journal import Journal
from lifecycle.serving.rollouts.state import ModelState, ServedVersion
from lifecycle.serving.settings import GatewaySettings


def bring_in(settings: GatewaySettings, verifier: PackageVerifier, package: Path) -> None:
    """Has the gateway on this folder begin with the version in `package` as its champion. Done again, it does nothing more.

    `package` has `manifest.json`, the files that it lists, `model.sig` and `order.json`: everything about it is checked as with
    every order. Raises like `PackageCache.admit`, and Refused for a folder whose gateway serves something else.
    """
    folder = GatewayFolder(settings.folder)
    folder.make()
    try:
        order = RolloutOrder.parse((package / ORDER_FILE).read_bytes())
    except OSError as error:
        raise Unavailable(f"{package} holds no order that can be read: {error.strerror}.", "Name the folder of a package.") from error
    lock = folder.take_lock()
    try:
        keys = LogKeys(VerifierKey.parse(settings.log_key), settings.log_key_changes)
        PackageCache(folder, settings.environment, keys, verifier, Withdrawals(folder.withdrawals)).admit(order, package)
        journal = Journal.open(folder.journal)
        try:
            _begin_with(journal, order)
        finally:
            journal.close()
    finally:
        os.close(lock)


def bring_in_nobody(settings: GatewaySettings, model: str, *, refers: bool) -> None:
    """Has the gateway on this folder know a model, and no version of it: it refers every request to a person, or refuses it."""
    folder = GatewayFolder(settings.folder)
    folder.make()
    lock = folder.take_lock()
    try:
        journal = Journal.open(folder.journal)
        try:
            known = ModelState(model=model, slot=0, refers=refers)
            if journal.state.models not in ((), (known,)):
                raise _serves_something_else()
            journal.commit(journal.state.with_model(known))
        finally:
            journal.close()
    finally:
        os.close(lock)


def _serves_something_else() -> Refused:
    return Refused(
        "The gateway of this folder serves something else than what it is to serve.",
        "Give each such gateway a folder of its own (LIFECYCLE_HOME).",
        ("STATE",),
    )


def _begin_with(journal: Journal, order: RolloutOrder) -> None:
    alone = ServedVersion(version=order.version, digest=order.digest, cell=REFERRAL_CELL + 1)
    model = ModelState(model=order.model, slot=0, champion=alone)
    if not journal.state.models:
        journal.commit(journal.state.with_model(model))
    elif journal.state.models != (model,):
        raise _serves_something_else()
