"""Settings: where things are and which ones are used, from the LIFECYCLE_* variables of the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lifecycle.errors import InvalidDeclaration

#: Names that others read: the definitions, and those who run the tests.
ELSEWHERE = ("LIFECYCLE_RESOURCES", "LIFECYCLE_REQUIRE_TOOLS", "LIFECYCLE_TOOLS")
#: How the address of a Service begins that Kubernetes puts into the environment of a pod.
SERVICE_LINK = "tcp://"
MOST_PORT = 65_535


@dataclass(frozen=True)
class GatewayPart:
    """What the variables of the gateway say."""

    host: str
    port: int
    workers: int
    #: How long a segment of the prediction log takes rows before it is sealed.
    seal_seconds: int
    #: How long the gateway goes on answering while the ledger does not answer.
    offline_seconds: int
    #: How much memory a canary's process may take; 0: half of the machine's.
    canary_memory_mb: int
    #: The gateway's certificate and its key (TLS), and the authority whose certificates callers may show in place of a key.
    certificate: Path | None
    certificate_key: Path | None
    client_ca: Path | None
    #: Whether the gateway writes a line of every answered request, and where it sends spans of predictions to.
    access_log: bool
    traces_url: str | None

    @classmethod
    def read(cls, read: Variables) -> GatewayPart:
        """Raises InvalidDeclaration for a value that is none."""
        return cls(
            host=read.text("LIFECYCLE_GATEWAY_HOST", "127.0.0.1"),
            port=read.port("LIFECYCLE_GATEWAY_PORT", 0),
            workers=read.number("LIFECYCLE_GATEWAY_WORKERS", 1),
            seal_seconds=read.number("LIFECYCLE_GATEWAY_SEAL_SECONDS", 60),
            offline_seconds=read.number("LIFECYCLE_GATEWAY_OFFLINE_SECONDS", 86_400),
            canary_memory_mb=read.number("LIFECYCLE_GATEWAY_CANARY_MEMORY_MB", 0),
            certificate=read.path("LIFECYCLE_GATEWAY_CERTIFICATE"),
            certificate_key=read.path("LIFECYCLE_GATEWAY_CERTIFICATE_KEY"),
            client_ca=read.path("LIFECYCLE_GATEWAY_CLIENT_CA"),
            access_log=read.truth("LIFECYCLE_GATEWAY_ACCESS_LOG"),
            traces_url=read.maybe("LIFECYCLE_GATEWAY_TRACES_URL"),
        )


@dataclass(frozen=True)
class ProviderPart:
    """What the variables of the desk say of a provider of OpenID Connect, who says who somebody is in place of a passkey.

    Approvals take the passkey all the same.
    """

    issuer: str | None
    client_id: str | None
    secret_file: Path | None
    #: Which claim of theirs is the id of a person in governance/people.yaml, and which one lists the roles that a session may use.
    person_claim: str
    role_claim: str | None
    scopes: str
    #: The file of the authority that signed the provider's certificate, where that is not one of the system's.
    ca: Path | None

    @classmethod
    def read(cls, read: Variables) -> ProviderPart:
        """Raises InvalidDeclaration for a value that is none."""
        return cls(
            issuer=read.maybe("LIFECYCLE_DESK_OIDC_ISSUER"),
            client_id=read.maybe("LIFECYCLE_DESK_OIDC_CLIENT_ID"),
            secret_file=read.path("LIFECYCLE_DESK_OIDC_SECRET_FILE"),
            person_claim=read.maybe("LIFECYCLE_DESK_OIDC_PERSON_CLAIM") or "sub",
            role_claim=read.maybe("LIFECYCLE_DESK_OIDC_ROLE_CLAIM"),
            scopes=read.maybe("LIFECYCLE_DESK_OIDC_SCOPES") or "openid profile",
            ca=read.path("LIFECYCLE_DESK_OIDC_CA"),
        )


@dataclass(frozen=True)
class DeskPart:
    """What the variables of the desk say."""

    host: str
    port: int
    #: Under which address people open the approval desk; passkeys speak there and nowhere else.
    origin: str | None
    certificate: Path | None
    certificate_key: Path | None
    #: Whether a proxy with TLS stands before the desk, and says where requests come from.
    behind_proxy: bool
    provider: ProviderPart

    @property
    def address(self) -> str:
        """Under which address people open the approval desk."""
        scheme = "http" if self.certificate is None else "https"
        return self.origin or f"{scheme}://localhost:{self.port}"

    def page(self, version: str) -> str:
        """The page of a version (`credit:7`) at the desk."""
        model, _, number = version.partition(":")
        return f"{self.address}/versions/{model}/{number}"

    @classmethod
    def read(cls, read: Variables) -> DeskPart:
        """Raises InvalidDeclaration for a value that is none."""
        return cls(
            host=read.text("LIFECYCLE_DESK_HOST", "127.0.0.1"),
            port=read.port("LIFECYCLE_DESK_PORT", 3001),
            origin=read.maybe("LIFECYCLE_DESK_ORIGIN"),
            certificate=read.path("LIFECYCLE_DESK_CERTIFICATE"),
            certificate_key=read.path("LIFECYCLE_DESK_CERTIFICATE_KEY"),
            behind_proxy=read.truth("LIFECYCLE_DESK_BEHIND_PROXY"),
            provider=ProviderPart.read(read),
        )


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
    gateway: GatewayPart
    desk: DeskPart
    #: Where lineage is sent to, and the key that the receiver knows us by.
    openlineage_url: str | None
    openlineage_api_key: str | None
    #: Which anchors see the ledger; there need be no such file.
    anchors_file: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ, start: Path | None = None) -> Settings:
        """Settings from LIFECYCLE_* variables; the project is the nearest folder upwards that has a workspace.yaml.

        Raises InvalidDeclaration for a value that is none, for a name that there is not, and where there is no project.
        """
        read = Variables(environ)
        project = read.path("LIFECYCLE_PROJECT") or _project_above(start or Path.cwd())
        home = (project / read.text("LIFECYCLE_HOME", ".lifecycle")).resolve()
        settings = cls(
            project=project,
            home=home,
            environment=read.name("LIFECYCLE_ENVIRONMENT", "local"),
            ledger_url=read.text("LIFECYCLE_LEDGER_URL", f"sqlite:///{home / 'ledger' / 'ledger.db'}"),
            origin=read.text("LIFECYCLE_LEDGER_ORIGIN", "lifecycle.local/ledger"),
            artifacts_url=read.text("LIFECYCLE_ARTIFACTS_URL", (home / "artifacts").as_uri()),
            opa_url=read.maybe("LIFECYCLE_OPA_URL"),
            opa_token=read.maybe("LIFECYCLE_OPA_TOKEN"),
            opa_ca=read.maybe("LIFECYCLE_OPA_CA"),
            policy_bundle=read.path("LIFECYCLE_POLICY_BUNDLE"),
            policy_key=read.path("LIFECYCLE_POLICY_KEY"),
            gateway=GatewayPart.read(read),
            desk=DeskPart.read(read),
            openlineage_url=read.maybe("LIFECYCLE_OPENLINEAGE_URL"),
            openlineage_api_key=read.maybe("LIFECYCLE_OPENLINEAGE_API_KEY"),
            anchors_file=project / read.text("LIFECYCLE_ANCHORS", "governance/anchors.yaml"),
        )
        read.require_all_read()
        return settings


def _project_above(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / "workspace.yaml").is_file():
            return folder
    raise InvalidDeclaration(
        f"There is no Lifecycle project at {start} or above it.",
        "Go to a folder with workspace.yaml, assets/ and governance/, or set LIFECYCLE_PROJECT to one.",
    )


class Variables:
    """The LIFECYCLE_* variables, and which of them were read: a name that nobody reads is a typing error.

    One in LIFECYCLE_ENVIRONMENT would leave a machine in `local`, where nobody has to sign.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._read = set(ELSEWHERE)

    def text(self, name: str, default: str) -> str:
        self._read.add(name)
        return self._environ.get(name, default)

    def maybe(self, name: str) -> str | None:
        return self.text(name, "") or None

    def path(self, name: str) -> Path | None:
        text = self.maybe(name)
        return None if text is None else Path(text).resolve()

    def name(self, name: str, default: str) -> str:
        text = self.text(name, default)
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", text):
            raise InvalidDeclaration(f"{name} is {text!r}.", "Name it in small letters, digits and underscores, such as production.")
        return text

    def number(self, name: str, default: int) -> int:
        text = self.text(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise InvalidDeclaration(f"{name} is {text!r}.", f"Set it to a whole number, such as {default}.{_of_a_service(text)}")
        return int(text)

    def port(self, name: str, default: int) -> int:
        number = self.number(name, default)
        if number > MOST_PORT:
            raise InvalidDeclaration(f"{name} is {number}.", f"Set it to a port, from 0 to {MOST_PORT}.")
        return number

    def truth(self, name: str) -> bool:
        text = self.text(name, "no")
        if text not in ("yes", "no"):
            raise InvalidDeclaration(f"{name} is {text!r}.", "Set it to yes or no.")
        return text == "yes"

    def require_all_read(self) -> None:
        """Raises InvalidDeclaration for a name that is none of a setting."""
        for name in sorted(self._environ):
            if name.startswith("LIFECYCLE_") and name not in self._read:
                import difflib

                near = difflib.get_close_matches(name, self._read, n=1, cutoff=0.85)
                meant = f" Was {near[0]} meant?" if near else ""
                link = _of_a_service(self._environ[name] if "_SERVICE_" not in name else SERVICE_LINK)
                raise InvalidDeclaration(
                    f"There is no setting {name}.{meant}", f"Correct its name or unset it; docs/reference/settings.md lists them all.{link}"
                )


def _of_a_service(text: str) -> str:
    """What to do about a variable that Kubernetes sets in each pod beside a Service of such a name; "" for any other value."""
    if not text.startswith(SERVICE_LINK):
        return ""
    return " It was set by Kubernetes for a Service of that name: give the pod `enableServiceLinks: false`."
