"""The OPA server as an engine: the authority wherever more than one person depends on a decision.

Undefined is no answer (the client would say `{}`), errors of builtins are errors, and an answer counts only where its
provenance names the bundle that we expect. Never a push: a server gets its policies from bundles alone.
"""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import orjson

from lifecycle.errors import InvalidDeclaration, Unavailable
from lifecycle.policy.bounded import BoundedSession
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.engine import Answer, EngineFailure, question_text
from lifecycle.records.gates import LOGGED_ID
from lifecycle.records.record import JsonObject

#: Past this a gate's question is not worth waiting for; the pipeline may ask again.
TIMEOUT_SECONDS = 2.0
_ASKED_FOR = {"strict-builtin-errors": "true", "provenance": "true"}


class ServerEngine:
    """Answers from an OPA server that runs exactly this bundle.

    Raises InvalidDeclaration for an address that is none, or plain HTTP to elsewhere than this machine, and Unavailable
    where the server is not ready: its bundles must be activated, being alive is not enough.
    """

    def __init__(
        self, url: str, token: str | None, bundle: Bundle, *, ca_file: str | None = None, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        from opa_client.opa import OpaClient

        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise InvalidDeclaration(f"{url!r} is not the address of an OPA server.", "Write https://host:port.")
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise InvalidDeclaration(
                "An OPA server on another machine is asked over HTTPS only.", "Write https:// and give the server a certificate."
            )
        if ca_file is not None and not Path(ca_file).is_file():
            raise InvalidDeclaration(
                f"There is no file {ca_file} with the authority of the OPA server.",
                "Set LIFECYCLE_OPA_CA to a PEM file, or leave it unset.",
            )
        self._url = url
        self._revision = bundle.revision
        self._gates = frozenset(bundle.rules)
        self._version = "unknown"
        self._client: Any = OpaClient(
            host=parts.hostname,
            port=parts.port or (443 if parts.scheme == "https" else 8181),
            ssl=parts.scheme == "https",
            token=token,
        )
        self._client._session = _session(parts, token, ca_file, timeout_seconds)
        if not self._ready():
            raise Unavailable(
                f"The OPA server at {url} is not ready.", "Start it, and see that its bundle is activated: GET /health?bundles=true."
            )

    def _ready(self) -> bool:
        try:
            return bool(self._client.check_health(query={"bundles": "true"}))
        except OSError:
            return False

    @property
    def name(self) -> str:
        return "opa"

    @property
    def version(self) -> str:
        """As the server stated it with its last answer."""
        return self._version

    def answer(self, gate: str, question: JsonObject) -> Answer:
        if gate not in self._gates:
            raise EngineFailure(f"No policy answers for the gate {gate}.", "Write one in governance/policies/gates.", "SYS-005")
        # What was measured is what is sent.
        posed = orjson.Fragment(question_text(question))
        try:
            response = self._client.query_rule(posed, f"gov.{gate}", "decision", _ASKED_FOR)
        # The client leaks the errors of three libraries, which share no root.
        except Exception as error:
            raise EngineFailure(f"The OPA server at {self._url} did not answer: {_reason(error)}.", "See its log.") from error
        provenance = response.get("provenance") if isinstance(response, dict) else None
        if not isinstance(provenance, dict) or self._revision not in _revisions(provenance):
            raise EngineFailure(
                f"The OPA server at {self._url} does not decide by the policies that are asked for.",
                f"Have it load the bundle {self._revision}; `lifecycle policy build` makes it.",
                "SYS-008",
            )
        self._version = _version(provenance)
        if "result" not in response:
            raise EngineFailure(f"The policy of the gate {gate} decided nothing.", "Make `decision` defined for every input.", "SYS-002")
        return Answer(response["result"], _logged_as(response))


def _session(parts: SplitResult, token: str | None, ca_file: str | None, seconds: float) -> BoundedSession:
    """What the client asks through. Raises InvalidDeclaration for a file that holds no authority and a token that no header holds."""
    https = parts.scheme == "https"
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        # With an authority named, no other one counts; without, those of this system.
        trusted = ssl.create_default_context(cafile=ca_file) if https else None
        return BoundedSession((parts.hostname or "", parts.port or (443 if https else 8181)), headers, seconds, trusted)
    except OSError as error:
        raise InvalidDeclaration(
            f"{ca_file} holds no authority that could vouch for the OPA server.", "Set LIFECYCLE_OPA_CA to a PEM file, or leave it unset."
        ) from error
    except ValueError as error:
        raise InvalidDeclaration(
            "The token for the OPA server has characters that no header holds.", "Set LIFECYCLE_OPA_TOKEN to printable ASCII."
        ) from error


def _revisions(provenance: dict[str, Any]) -> set[str]:
    bundles = provenance.get("bundles")
    if not isinstance(bundles, dict):
        return set()
    return {str(bundle["revision"]) for bundle in bundles.values() if isinstance(bundle, dict) and "revision" in bundle}


def _version(provenance: dict[str, Any]) -> str:
    """What the server says that it is. Raises EngineFailure (SYS-002) for what no record can hold: nothing is decided by nobody."""
    said = provenance.get("version", "unknown")
    if not isinstance(said, str) or re.fullmatch(LOGGED_ID, said) is None:
        raise EngineFailure("The OPA server names a version of itself that is none.", "See what answers at its address.", "SYS-002")
    return said


def _logged_as(response: dict[str, Any]) -> str | None:
    """What the server calls this decision; None where it keeps no decision log. Raises EngineFailure (SYS-002) for what is no name."""
    said = response.get("decision_id")
    if said is None:
        return None
    if not isinstance(said, str) or re.fullmatch(LOGGED_ID, said) is None:
        raise EngineFailure("The OPA server names its decision by something that is no id.", "See its log.", "SYS-002")
    return said


def _reason(error: Exception) -> str:
    """The server's own words, where it sent any, without its address or our token."""
    response = getattr(error, "response", None)
    text = getattr(response, "text", "")
    return f"{type(error).__name__}: {' '.join(str(text).split())[:200]}" if text else type(error).__name__
