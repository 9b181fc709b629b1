"""What a verifier trusts, and holds from before: the trust file, and everything else that `--trust` takes.

Trust must not be circular: what a ledger or an evidence pack brings along says nothing for itself. A trust file is
carried off by the auditor beforehand and held against what they are shown later. It is JSON, `lifecycle.trust/1`:

    origin            the log's name in its ledger checkpoints
    log_keys          [{key, from_size, until_size}]: C2SP verifier keys, and the checkpoints that each may sign
    policy            a C2SP tlog-policy: which witnesses are believed, and how many it takes
    tsa_certificates  PEM certificates of the time-stamp authorities that are believed
    checkpoints       signed notes that were seen: the log must go on from each

A single one of these is taken as well, told apart by its content: a verifier key of the log or of a witness, a signed note, a
tlog-policy, or PEM certificates.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import StringConstraints

from lifecycle.errors import InvalidDeclaration, MalformedRecord
from lifecycle.proofs.cosignatures import ED25519, ML_DSA_44, WitnessKey
from lifecycle.proofs.notes import Checkpoint, VerifierKey
from lifecycle.proofs.signature_lines import verifier_key_parts
from lifecycle.proofs.witness_policy import Witness, WitnessPolicy
from lifecycle.records.record import Count, Record, parse_json

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n?")
_KEY = re.compile(r"[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}")
_POLICY = re.compile(r"^[ \t]*(?:log|witness|group|quorum)[ \t]", re.MULTILINE)
_NO_WITNESSES = "quorum none\n"

_Line = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class TrustedKey(Record):
    """A key of the log, and the sizes of the ledger checkpoints that it may sign; no `until_size` sets no end."""

    key: str
    from_size: Count = 0
    until_size: Count | None = None


class TrustFile(Record):
    """The JSON form; its canonical bytes are what `lifecycle ledger trust` writes."""

    schema_version: Literal["lifecycle.trust/1"] = "lifecycle.trust/1"
    origin: _Line
    log_keys: tuple[TrustedKey, ...]
    policy: str = _NO_WITNESSES
    tsa_certificates: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trust:
    """Everything that one verification may rest on."""

    #: The log that this is about; None where nothing says so.
    origin: str | None = None
    log_keys: tuple[VerifierKey, ...] = ()
    #: Every one of them must be satisfied.
    policies: tuple[WitnessPolicy, ...] = ()
    #: PEM, one certificate each.
    tsa_certificates: tuple[str, ...] = ()
    #: Signed notes that the verifier held before; not opened yet.
    checkpoints: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: str) -> Self:
        """What one file says, whichever form it has. Raises MalformedRecord where it has none of them."""
        stripped = text.strip()
        if stripped.startswith("{"):
            return cls._of_file(TrustFile.of(parse_json(stripped)))
        if "-----BEGIN" in stripped:
            return cls(tsa_certificates=_certificates(text.replace("\r\n", "\n")))
        if "\n\n\u2014 " in text:
            return cls(origin=Checkpoint.parse(text).origin, checkpoints=(text,))
        if _KEY.fullmatch(stripped):
            return cls._of_key(stripped)
        if not _POLICY.search(text):
            raise MalformedRecord(
                "This is nothing that a ledger can be verified against.",
                "Pass a trust file, a verifier key, a signed ledger checkpoint, a witness policy or PEM certificates.",
            )
        return cls._of_policy(text)

    @classmethod
    def joined(cls, parts: Sequence[Trust]) -> Self:
        """All of them together. Raises InvalidDeclaration where they are about different logs."""
        origins = sorted({part.origin for part in parts if part.origin is not None})
        if len(origins) > 1:
            raise InvalidDeclaration(
                f"What is to be trusted is about different logs: {', '.join(origins)}.", "Pass what belongs to the log that is verified."
            )
        return cls(
            origin=origins[0] if origins else None,
            log_keys=tuple(dict.fromkeys(key for part in parts for key in part.log_keys)),
            policies=tuple(dict.fromkeys(policy for part in parts for policy in part.policies if policy.asks_for_witnesses)),
            tsa_certificates=tuple(dict.fromkeys(certificate for part in parts for certificate in part.tsa_certificates)),
            checkpoints=tuple(dict.fromkeys(note for part in parts for note in part.checkpoints)),
        )

    @property
    def witnesses(self) -> tuple[WitnessKey, ...]:
        """The keys of every witness that some policy knows."""
        return tuple(dict.fromkeys(key for policy in self.policies for key in policy.keys))

    @classmethod
    def _of_file(cls, file: TrustFile) -> Self:
        keys = tuple(VerifierKey.parse(trusted.key).bound_to(trusted.from_size, trusted.until_size) for trusted in file.log_keys)
        policy = cls._of_policy(file.policy)
        strangers = [key.name for key in (*keys, *policy.log_keys) if key.name != file.origin]
        if strangers:
            raise MalformedRecord(
                f"The trust file is about the log {file.origin!r}, but has a key of {strangers[0]!r}.", "Write it again from its source."
            )
        certificates = tuple(found for pem in file.tsa_certificates for found in _certificates(pem))
        return cls(file.origin, keys or policy.log_keys, policy.policies, certificates, file.checkpoints)

    @classmethod
    def _of_key(cls, text: str) -> Self:
        name, typed_key = verifier_key_parts(text)
        if typed_key[:1] in {ED25519, ML_DSA_44}:
            return cls(policies=(WitnessPolicy(witnesses=(Witness(name, WitnessKey.parse(text)),), quorum=name),))
        return cls(origin=name, log_keys=(VerifierKey.parse(text),))

    @classmethod
    def _of_policy(cls, text: str) -> Self:
        policy = WitnessPolicy.parse(text)
        origins = {key.name for key in policy.logs}
        return cls(origins.pop() if len(origins) == 1 else None, policy.logs, (policy,) if policy.asks_for_witnesses else ())


def _certificates(text: str) -> tuple[str, ...]:
    from cryptography import x509

    found = _CERTIFICATE.findall(text)
    try:
        for pem in found:
            x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise _no_certificates() from error
    if not found:
        raise _no_certificates()
    return tuple(pem.rstrip("\n") + "\n" for pem in found)


def _no_certificates() -> MalformedRecord:
    return MalformedRecord("This holds no certificate that can be read.", "Pass the authority's certificates as PEM.")
