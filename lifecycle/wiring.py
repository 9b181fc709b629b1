"""The composition root: settings and environment → departments. The only place that joins them.

Every department is made when it is first asked for, so that `lifecycle status` opens a ledger and nothing else.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal, cast

from lifecycle.errors import InvalidDeclaration, LifecycleError, Unavailable
from lifecycle.settings import Settings

if TYPE_CHECKING:
    from lifecycle.anchors.declaration import DeclaredAnchors
    from lifecycle.approvals.people import Registry
    from lifecycle.artifacts.store import ArtifactStore
    from lifecycle.cost.prices import PriceTable
    from lifecycle.declaration import GovernedModel
    from lifecycle.ledger.ledger import Ledger
    from lifecycle.policy.gatekeeper import GateKeeper
    from lifecycle.policy.limits import LimitSet
    from lifecycle.proofs.notes import VerifierKey
    from lifecycle.serving.client import GatewayClient
    from lifecycle.serving.folder import GatewayFolder
    from lifecycle.serving.prediction_log.kept_values import KeptValues
    from lifecycle.serving.prediction_log.reading import PredictionLog
    from lifecycle.serving.settings import GatewaySettings


def _loaded(folder: str) -> ModuleType:
    """The module assets/<folder>/model.py. Raises InvalidDeclaration, with that name, for whatever keeps it from loading."""
    file = f"assets/{folder}/model.py"
    try:
        return importlib.import_module(f"assets.{folder}.model")
    except LifecycleError as error:
        raise InvalidDeclaration(f"{file}: {error.what}", error.next_step) from error
    # A module of somebody else's: whatever it raises while it loads is a mistake in it.
    except Exception as error:
        raise InvalidDeclaration(f"{file} can't be loaded: {type(error).__name__}: {error}.", "Correct what it says there.") from error


class Departments:
    """The departments of one project in one environment, each made on first use.

    `make=False` is for whoever only looks: no folder, ledger or key comes into being, and a ledger that is not there
    raises Unavailable.
    """

    def __init__(self, settings: Settings, *, make: bool = True) -> None:
        self.settings = settings
        self._make = make

    @classmethod
    def here(cls, *, make: bool = True) -> Departments:
        """The departments for the current folder and environment variables."""
        return cls(Settings.from_environment(), make=make)

    @property
    def environment(self) -> str:
        return self.settings.environment

    def folder(self, name: str, mode: int = 0o755) -> Path:
        """A folder of the home, each level below the home made with this mode if need be.

        Raises Unavailable where the home can't be written.
        """
        path = self.settings.home / name
        if not self._make:
            return path
        try:
            self.settings.home.mkdir(parents=True, exist_ok=True)
            level = self.settings.home
            for part in Path(name).parts:
                level /= part
                level.mkdir(mode=mode, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                f"The home {self.settings.home} can't be written: {error.strerror}.",
                "Give yourself write access to it, or set LIFECYCLE_HOME to a folder that you can write.",
            ) from error
        return path

    @cached_property
    def models(self) -> tuple[GovernedModel, ...]:
        """Every GovernedModel declared in assets/<name>/model.py, by name, its limits checked against governance/limits.

        Raises InvalidDeclaration that names the file of what can't be loaded.
        """
        from lifecycle.declaration import GovernedModel

        if str(self.settings.project) not in sys.path:
            sys.path.insert(0, str(self.settings.project))
        try:
            package = importlib.import_module("assets")
        except ModuleNotFoundError as error:
            raise InvalidDeclaration(
                f"The project {self.settings.project} has no package `assets`.",
                "Make assets/__init__.py and assets/<model>/model.py with one GovernedModel.",
            ) from error
        found: list[GovernedModel] = []
        for folder in [entry.name for entry in pkgutil.iter_modules(package.__path__) if entry.ispkg]:
            if importlib.util.find_spec(f"assets.{folder}.model") is not None:
                declared = [value for value in vars(_loaded(folder)).values() if isinstance(value, GovernedModel)]
                for model in declared:
                    self._require_limits(model, folder)
                found += declared
        names = [model.name for model in found]
        if len(set(names)) != len(names):
            raise InvalidDeclaration(
                f"Two models go by one name: {', '.join(sorted(names))}.", "Give every GovernedModel a name of its own."
            )
        for model in found:
            strangers = [tier.model for tier in model.rollout.tiers or () if tier.model is not None and tier.model not in names]
            if strangers:
                raise InvalidDeclaration(
                    f"The model {model.name!r} is not declared well: rollout: tiers: there is no model {strangers[0]!r} here.",
                    f"The declared models are {', '.join(sorted(names))}.",
                )
        return tuple(sorted(found, key=lambda model: model.name))

    def _require_limits(self, model: GovernedModel, folder: str) -> None:
        """Raises InvalidDeclaration for limits that governance does not have or does not let a declaration override so."""
        from lifecycle.policy.limits import set_named

        try:
            set_named(self.limit_sets, model.limits).with_overrides(
                model.limit_overrides, risk_tier=model.risk_tier, jurisdiction=model.jurisdiction
            )
        except InvalidDeclaration as error:
            field = "limit_overrides" if model.limits in self.limit_sets else "limits"
            raise InvalidDeclaration(
                f"assets/{folder}/model.py: The model {model.name!r} is not declared well: {field}: {error.what}", error.next_step
            ) from error

    @cached_property
    def limit_sets(self) -> dict[str, LimitSet]:
        """The sets of limits in governance/limits by name, read without the policies."""
        from lifecycle.policy.limits import LimitSet

        files = sorted((self.settings.project / "governance" / "limits").glob("*.yaml"))
        return {file.stem: LimitSet.read(file.stem, file.read_text(encoding="utf-8")) for file in files}

    def model(self, name: str) -> GovernedModel:
        from lifecycle.declaration import named

        return named(self.models, name)

    @property
    def ledger_key_file(self) -> Path:
        """Where the private half of the ledger's key lies, which the signer's process alone reads."""
        from lifecycle.ledger.log_key.keys import PRIVATE_FILE

        return self.folder("keys", 0o700) / PRIVATE_FILE

    @cached_property
    def ledger_key(self) -> VerifierKey:
        """The public half of the ledger's key; made for a ledger that was never signed.

        Raises UnknownName where there is none for one that was: whatever a fresh key signed would be another log's.
        """
        from lifecycle.ledger.log_key.keys import ensure_log_key, has_log_key, read_log_key

        folder = self.folder("keys", 0o700)
        if self._make and (has_log_key(folder) or self.ledger.checkpoint() is None):
            return ensure_log_key(folder, self.settings.origin)
        return read_log_key(folder)

    @property
    def ledger_keys(self) -> tuple[VerifierKey, ...]:
        """Every key that the ledger was signed with, from the one in this home on, each bound to the sizes that it may sign.

        Where the ledger does not answer, by the changes that were laid down beside the key.
        """
        from lifecycle.ledger.log_key.key_ring import rotations_in
        from lifecycle.ledger.storage.rows import LedgerRows
        from lifecycle.proofs.rotation import changes_in, follow

        try:
            with LedgerRows(self.settings.ledger_url) as rows:
                changes = rotations_in(rows)
        except LifecycleError:
            file = self.key_changes_file
            changes = changes_in(file.read_text(encoding="utf-8")) if file.exists() else []
        return follow((self.ledger_key,), changes).keys

    @property
    def key_changes_file(self) -> Path:
        """Where the changes of the ledger's key are laid down, as both keys signed them, for who has no ledger."""
        return self.folder("keys", 0o700) / "ledger.changes"

    @cached_property
    def anchors(self) -> DeclaredAnchors:
        """The anchors that this project declares, in governance/anchors.yaml unless LIFECYCLE_ANCHORS names another file."""
        from lifecycle.anchors.declaration import declared_anchors

        return declared_anchors(self.settings.anchors_file, self.settings.home)

    @cached_property
    def ledger(self) -> Ledger:
        if not self._make:
            from lifecycle.ledger.looking import LookingLedger

            # It answers every question of a ledger; what it lacks is what changes one.
            return cast("Ledger", LookingLedger(self.settings.ledger_url, origin=self.settings.origin))
        from lifecycle.ledger.ledger import Ledger

        self.folder("ledger")
        return Ledger.open(self.settings.ledger_url, origin=self.settings.origin)

    def forget(self, *names: Literal["gate_keeper", "ledger", "ledger_key", "people"]) -> None:
        """Has these made anew when they are asked for next, because what they were made of has changed; a ledger is closed."""
        for name in names:
            made = vars(self).pop(name, None)
            if name == "ledger" and made is not None:
                made.close()

    def require_ledger(self) -> None:
        """Raises Unavailable where there is no ledger; makes none."""
        from lifecycle.ledger.storage.rows import LedgerRows

        with LedgerRows(self.settings.ledger_url) as rows:
            rows.head()

    @cached_property
    def artifacts(self) -> ArtifactStore:
        from lifecycle.artifacts.store import ArtifactStore

        return ArtifactStore(self.settings.artifacts_url, cache=self.folder("cache"))

    @cached_property
    def signing_key(self) -> Path:
        """The private key that signs models (ECDSA P-256), made if need be; the public half lies beside it as signing.pub."""
        from lifecycle.artifacts.signing import ensure_signing_key

        return ensure_signing_key(self.folder("keys", 0o700))

    @cached_property
    def signing_public_key(self) -> Path:
        """The public half of it: all that a place needs, and may have, where versions serve and none is signed."""
        from lifecycle.artifacts.signing import PUBLIC_NAME

        public = self.folder("keys", 0o700) / PUBLIC_NAME
        return public if public.exists() else self.signing_key.with_suffix(".pub")

    @cached_property
    def people(self) -> Registry:
        """The project's people, and in the environment `local` those of the home as well."""
        from lifecycle.approvals.people import Registry

        home = self.settings.home / "people.yaml"
        return Registry.load(self.settings.project / "governance" / "people.yaml", home if self.environment == "local" else None)

    @cached_property
    def prices(self) -> PriceTable:
        from lifecycle.cost.prices import PriceTable

        return PriceTable.load(self.settings.project / "governance" / "prices.yaml")

    @cached_property
    def gate_keeper(self) -> GateKeeper:
        from lifecycle.policy.gatekeeper import GateKeeper

        return GateKeeper.open(
            self.settings.project / "governance",
            bundle_file=self.settings.policy_bundle,
            bundle_key=self.settings.policy_key,
            environment=self.environment,
            people_digest=self.people.digest,
            opa_url=self.settings.opa_url,
            opa_token=self.settings.opa_token,
            opa_ca=self.settings.opa_ca,
        )

    @cached_property
    def gateway_settings(self) -> GatewaySettings:
        from lifecycle.serving.settings import GatewaySettings

        return GatewaySettings(
            folder=self.folder("gateway", 0o700),
            host=self.settings.gateway.host,
            port=self.settings.gateway.port,
            workers=self.settings.gateway.workers,
            seal_seconds=float(self.settings.gateway.seal_seconds),
            offline_seconds=float(self.settings.gateway.offline_seconds),
            canary_memory_mb=self.settings.gateway.canary_memory_mb,
            environment=self.environment,
            certificate=self.settings.gateway.certificate,
            certificate_key=self.settings.gateway.certificate_key,
            client_ca=self.settings.gateway.client_ca,
            access_log=self.settings.gateway.access_log,
            traces_url=self.settings.gateway.traces_url,
            log_key=str(self.ledger_key),
            log_key_changes=self.key_changes_file,
            signing_public_key=self.signing_public_key,
        )

    @property
    def gateway_folder(self) -> GatewayFolder:
        """What the gateway of this home keeps, whether there is one or not: nothing is made."""
        from lifecycle.serving.folder import GatewayFolder

        return GatewayFolder(self.settings.home / "gateway")

    @property
    def gateway_folders(self) -> tuple[GatewayFolder, ...]:
        """The same, and what the gateways of a cluster's pods keep in this home, those that are gone included.

        Raises Tampered where a pod has laid a link there.
        """
        from lifecycle.serving.homes import gateway_folders

        return gateway_folders(self.settings.home)

    @property
    def predictions(self) -> PredictionLog:
        """The prediction log of this home's gateways, to read."""
        from lifecycle.serving.prediction_log.reading import PredictionLog

        return PredictionLog(*(folder.predictions for folder in self.gateway_folders))

    @property
    def kept_values(self) -> KeptValues:
        """What was asked of the gateways, as far as it is kept: to be found and erased."""
        from lifecycle.serving.prediction_log.kept_values import KeptValues

        return KeptValues(*(folder.predictions for folder in self.gateway_folders))

    def verify_package(self, folder: Path, signature: bytes, /) -> object:
        """Whether a model's folder was signed by the key that this environment trusts: what a gateway asks at every load."""
        from lifecycle.artifacts.signing import verify_folder

        return verify_folder(folder, signature, self.signing_public_key)

    @cached_property
    def gateway(self) -> GatewayClient:
        from lifecycle.serving.client import GatewayClient

        return GatewayClient(self.folder("gateway", 0o700))
