"""What a gateway is told when it starts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lifecycle.errors import InvalidDeclaration

#: Workers for each core of the machine, at most. More answer no more, and each takes memory: by a typing error, all that there is.
MOST_WORKERS_A_CORE = 8


@dataclass(frozen=True)
class GatewaySettings:
    """Where a gateway keeps its files, where it listens, and whose proofs it believes."""

    folder: Path
    host: str
    #: 0 lets the system choose; the gateway's status says which port that was.
    port: int
    workers: int
    environment: str
    #: The ledger's verifier key, as C2SP text (`name+hexid+base64`).
    log_key: str
    #: The public half of the key that signs models.
    signing_public_key: Path
    #: The file in which the changes of the ledger's key lie, where there were any.
    log_key_changes: Path | None = None
    #: How long a canary may take over one answer before the champion answers in its place.
    canary_timeout_ms: int = 1_000
    #: How much memory a canary's process may take for itself before it is refused more; 0: half of the machine's.
    canary_memory_mb: int = 0
    #: How often the controller looks at a rollout when nothing has gone wrong.
    tick_ms: int = 20
    #: Limits of one request and of one worker; past them a request is refused, never queued without end.
    most_body_bytes: int = 1 << 20
    most_rows: int = 1_024
    most_in_flight: int = 1_024
    #: How long a caller may take to send a request's head, and then its body.
    request_seconds: float = 10.0
    #: How often a worker is asked whether it still answers. One that takes twice as long, and counts nothing meanwhile, is killed.
    watch_seconds: float = 5.0
    #: How long a segment of the prediction log takes rows before it is closed and sealed.
    seal_seconds: float = 60.0
    #: How often the ledger is asked what was taken back.
    look_seconds: float = 1.0
    #: How long the gateway goes on answering while the ledger does not; then it stops, until the ledger answers.
    offline_seconds: float = 86_400.0
    #: How often the ledger is asked who may call.
    access_seconds: float = 2.0
    #: The gateway's certificate and its key; with them it speaks TLS and nothing else.
    certificate: Path | None = None
    certificate_key: Path | None = None
    #: The authority whose certificates callers may show in place of a key.
    client_ca: Path | None = None
    #: Whether a line is written of every answered request, and where spans of predictions are sent to (OTLP over HTTP).
    access_log: bool = False
    traces_url: str | None = None
    #: How long a process may take to load its models before its start counts as failed.
    start_seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InvalidDeclaration(
                f"A gateway with {self.workers} workers answers nobody.", "Give --workers or LIFECYCLE_GATEWAY_WORKERS a number from 1."
            )
        most = MOST_WORKERS_A_CORE * (os.cpu_count() or 1)
        if self.workers > most:
            raise InvalidDeclaration(
                f"{self.workers} workers are more than this machine can run.",
                f"Give --workers or LIFECYCLE_GATEWAY_WORKERS a number from 1 to {most}, {MOST_WORKERS_A_CORE} for each of its cores.",
            )
        if (self.certificate is None) != (self.certificate_key is None) or (self.client_ca is not None and self.certificate is None):
            raise InvalidDeclaration(
                "The gateway speaks TLS with a certificate and its key, and asks callers for certificates only then.",
                "Set LIFECYCLE_GATEWAY_CERTIFICATE and LIFECYCLE_GATEWAY_CERTIFICATE_KEY, or none of the three.",
            )
        if self.traces_url is not None and find_spec("opentelemetry") is None:
            raise InvalidDeclaration(
                "LIFECYCLE_GATEWAY_TRACES_URL asks for traces, and OpenTelemetry is not installed.",
                "Install Lifecycle with the extra `traces`, or take the setting away.",
            )
        if self.seal_seconds <= 0:
            raise InvalidDeclaration(
                "Segments of the prediction log that are sealed after 0 seconds hold nothing.",
                "Give LIFECYCLE_GATEWAY_SEAL_SECONDS a number from 1.",
            )
