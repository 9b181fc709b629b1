"""Settings: where things are and which ones are used, from the LIFECYCLE_* variables of the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lifecycle.errors import InvalidDeclaration


@dataclass(frozen=True)
class Settings:
    """Where things are and which ones are used. Read once from the environment, then passed on."""

    project: Path
    home: Path
    environment: str
    ledger_url: str
    #: The name of the ledger in its checkpoints (C2SP: a schema-less URL). One ledger holds every environment.
    origin: str
    artifacts_url: str
    opa_url: str | None
    opa_token: str | None
    #: The file of the authority that signed the OPA server's certificate, where that is not one of the system's.
    opa_ca: str | None
    #: A bundle that was built, in place of the files of governance/, and the public key that must have signed it.
    policy_bundle: Path | None
    policy_key: Path | None
    gateway_host: str
    gateway_port: int
    gateway_workers: int
    #: How long a segment of the prediction log takes rows before it is sealed.
    gateway_seal_seconds: int
    #: How long the gateway goes on answering while the ledger does not answer.
    gateway_offline_seconds: int
    #: How much memory a canary's process may take; 0: half of the machine's.
    gateway_canary_memory_mb: int
    #: The gateway's certificate and its key (TLS), and the authority whose certificates callers may show in place of a key.
    gateway_certificate: Path | None
    gateway_certificate_key: Path | None
    gateway_client_ca: Path | None
    #: Whether the gateway writes a line of every answered request, and where it sends spans of predictions to.
    gateway_access_log: bool
    gateway_traces_url: str | None
    desk_host: str
    desk_port: int
    #: Under which address people open the approval desk; passkeys speak there and nowhere else.
    desk_origin: str | None
    desk_certificate: Path | None
    desk_certificate_key: Path | None
    #: Whether a proxy with TLS stands before the desk, and says where requests come from.
    desk_behind_proxy: bool
    #: Who says who somebody is, in place of a passkey, where it is a provider of OpenID Connect; approvals take the passkey all the same.
    desk_oidc_issuer: str | None
    desk_oidc_client_id: str | None
    desk_oidc_secret_file: Path | None
    #: Which claim of theirs is the id of a person in governance/people.yaml, and which one lists the roles that a session may use.
    desk_oidc_person_claim: str
    desk_oidc_role_claim: str | None
    desk_oidc_scopes: str
    #: The file of the authority that signed the provider's certificate, where that is not one of the system's.
    desk_oidc_ca: Path | None
    #: Where lineage is sent to, and the key that the receiver knows us by.
    openlineage_url: str | None
    openlineage_api_key: str | None
    #: Which anchors see the ledger; there need be no such file.
    anchors_file: Path

    @property
    def desk_address(self) -> str:
        """Under which address people open the approval desk."""
        scheme = "http" if self.desk_certificate is None else "https"
        return self.desk_origin or f"{scheme}://localhost:{self.desk_port}"

    def desk_page(self, version: str) -> str:
        """The page of a version (`credit:7`) at the desk."""
        model, _, number = version.partition(":")
        return f"{self.desk_address}/versions/{model}/{number}"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ, start: Path | None = None) -> Settings:
        """Settings from LIFECYCLE_* variables; the project is the nearest folder upwards that has a workspace.yaml."""
        project = Path(environ["LIFECYCLE_PROJECT"]).resolve() if environ.get("LIFECYCLE_PROJECT") else _project_above(start or Path.cwd())
        home = (project / environ.get("LIFECYCLE_HOME", ".lifecycle")).resolve()
        return cls(
            project=project,
            home=home,
            environment=_environment(environ),
            ledger_url=environ.get("LIFECYCLE_LEDGER_URL", f"sqlite:///{home / 'ledger' / 'ledger.db'}"),
            origin=environ.get("LIFECYCLE_LEDGER_ORIGIN", "lifecycle.local/ledger"),
            artifacts_url=environ.get("LIFECYCLE_ARTIFACTS_URL", (home / "artifacts").as_uri()),
            opa_url=environ.get("LIFECYCLE_OPA_URL") or None,
            opa_token=environ.get("LIFECYCLE_OPA_TOKEN") or None,
            opa_ca=environ.get("LIFECYCLE_OPA_CA") or None,
            policy_bundle=_path(environ, "LIFECYCLE_POLICY_BUNDLE"),
            policy_key=_path(environ, "LIFECYCLE_POLICY_KEY"),
            gateway_host=environ.get("LIFECYCLE_GATEWAY_HOST", "127.0.0.1"),
            gateway_port=_number(environ, "LIFECYCLE_GATEWAY_PORT", 0),
            gateway_workers=_number(environ, "LIFECYCLE_GATEWAY_WORKERS", 1),
            gateway_seal_seconds=_number(environ, "LIFECYCLE_GATEWAY_SEAL_SECONDS", 60),
            gateway_offline_seconds=_number(environ, "LIFECYCLE_GATEWAY_OFFLINE_SECONDS", 86_400),
            gateway_canary_memory_mb=_number(environ, "LIFECYCLE_GATEWAY_CANARY_MEMORY_MB", 0),
            gateway_certificate=_path(environ, "LIFECYCLE_GATEWAY_CERTIFICATE"),
            gateway_certificate_key=_path(environ, "LIFECYCLE_GATEWAY_CERTIFICATE_KEY"),
            gateway_client_ca=_path(environ, "LIFECYCLE_GATEWAY_CLIENT_CA"),
            gateway_access_log=_truth(environ, "LIFECYCLE_GATEWAY_ACCESS_LOG"),
            gateway_traces_url=environ.get("LIFECYCLE_GATEWAY_TRACES_URL") or None,
            desk_host=environ.get("LIFECYCLE_DESK_HOST", "127.0.0.1"),
            desk_port=_number(environ, "LIFECYCLE_DESK_PORT", 3001),
            desk_origin=environ.get("LIFECYCLE_DESK_ORIGIN") or None,
            desk_certificate=_path(environ, "LIFECYCLE_DESK_CERTIFICATE"),
            desk_certificate_key=_path(environ, "LIFECYCLE_DESK_CERTIFICATE_KEY"),
            desk_behind_proxy=_truth(environ, "LIFECYCLE_DESK_BEHIND_PROXY"),
            desk_oidc_issuer=environ.get("LIFECYCLE_DESK_OIDC_ISSUER") or None,
            desk_oidc_client_id=environ.get("LIFECYCLE_DESK_OIDC_CLIENT_ID") or None,
            desk_oidc_secret_file=_path(environ, "LIFECYCLE_DESK_OIDC_SECRET_FILE"),
            desk_oidc_person_claim=environ.get("LIFECYCLE_DESK_OIDC_PERSON_CLAIM") or "sub",
            desk_oidc_role_claim=environ.get("LIFECYCLE_DESK_OIDC_ROLE_CLAIM") or None,
            desk_oidc_scopes=environ.get("LIFECYCLE_DESK_OIDC_SCOPES") or "openid profile",
            desk_oidc_ca=_path(environ, "LIFECYCLE_DESK_OIDC_CA"),
            openlineage_url=environ.get("LIFECYCLE_OPENLINEAGE_URL") or None,
            openlineage_api_key=environ.get("LIFECYCLE_OPENLINEAGE_API_KEY") or None,
            anchors_file=project / environ.get("LIFECYCLE_ANCHORS", "governance/anchors.yaml"),
        )


def _project_above(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / "workspace.yaml").is_file():
            return folder
    raise InvalidDeclaration(
        f"There is no Lifecycle project at {start} or above it.",
        "Go to a folder with workspace.yaml, assets/ and governance/, or set LIFECYCLE_PROJECT to one.",
    )


def _environment(environ: Mapping[str, str]) -> str:
    name = environ.get("LIFECYCLE_ENVIRONMENT", "local")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
        raise InvalidDeclaration(
            f"LIFECYCLE_ENVIRONMENT is {name!r}.", "Name it in small letters, digits and underscores, such as production."
        )
    return name


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]).resolve() if environ.get(name) else None


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidDeclaration(f"{name} is {text!r}.", f"Set it to a whole number, such as {default}.")
    return int(text)


def _truth(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name, "no")
    if text not in ("yes", "no"):
        raise InvalidDeclaration(f"{name} is {text!r}.", "Set it to yes or no.")
    return text == "yes"
