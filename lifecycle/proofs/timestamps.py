"""Time stamps (RFC 3161): that bytes existed at a time, signed by an authority whose certificates the verifier trusts.

The home of rfc3161-client, which checks the signature over the token, the chain of its certificates at that time, and that the
signer may stamp times at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecycle.errors import MalformedRecord, Tampered

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

REQUEST_TYPE = "application/timestamp-query"

_GRANTED = 0
_SEQUENCE, _SET, _CONTEXT_0 = 0x30, 0x31, 0xA0


@dataclass(frozen=True)
class TimestampRequest:
    """What is sent to an authority: a SHA-256 of the bytes and a number used once; the bytes themselves stay here."""

    der: bytes
    nonce: int | None

    @classmethod
    def over(cls, content: bytes) -> TimestampRequest:
        """A request for a stamp over these bytes, with the authority's certificate in the answer."""
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

        built = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).build()
        return cls(built.as_bytes(), built.nonce)


@dataclass(frozen=True)
class Timestamp:
    """A stamp that holds: the authority's time in microseconds since 1970."""

    at_us: int


def open_timestamp(response: bytes, stamped: bytes, certificates: Sequence[str], *, nonce: int | None = None) -> Timestamp:
    """The stamp of an authority's answer (DER) over exactly these bytes, under one of these certificates (PEM).

    Raises MalformedRecord for what is no answer or no certificate, Tampered where it is about other bytes, is not signed by an authority
    that is trusted, or does not answer the request with this nonce.
    """
    from cryptography import x509
    from rfc3161_client import VerificationError, VerifierBuilder

    answer = _decoded(response)
    try:
        trusted = list(dict.fromkeys(x509.load_pem_x509_certificate(pem.encode()) for pem in certificates))
    except ValueError as error:
        raise MalformedRecord(f"A trusted certificate can't be read: {error}.", "Pass the authority's certificates as PEM.") from error
    if not trusted:
        raise Tampered("No certificate of a time-stamp authority is trusted.", "Pass the authority's certificates with --trust.")
    try:
        verifier = VerifierBuilder(roots=trusted, nonce=nonce, tsa_certificate=_signer(answer, trusted)).build()
        verifier.verify_message(answer, stamped)
    except (VerificationError, ValueError) as error:
        raise Tampered(
            f"The time stamp does not hold: {error}.",
            "Do not trust its time; ask the authority for another, and keep this one as evidence.",
        ) from error
    at = answer.tst_info.gen_time
    return Timestamp(int(at.timestamp() * 1_000_000))


def readable(response: bytes) -> bytes:
    """The same answer with its certificates in the order that DER asks for.

    openssl writes a set of certificates in the order that it was given, which strict readers refuse. No signature covers that order, and no
    length changes with it.
    """
    begin, end = _certificates_within(response)
    if begin == end:
        return response
    elements, at = [], begin
    try:
        while at < end:
            _, _, after = _element(response, at)
            elements.append(response[at:after])
            at = after
    except (IndexError, ValueError):
        return response
    return response[:begin] + b"".join(sorted(elements)) + response[end:]


def _decoded(response: bytes) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response

    try:
        answer = decode_timestamp_response(readable(response))
        status, said = int(answer.status), "; ".join(answer.status_string)
    except (ValueError, TypeError) as error:
        raise MalformedRecord(f"This is no answer of a time-stamp authority: {error}.", "Ask the authority again.") from error
    if status != _GRANTED:
        raise MalformedRecord(f"The time-stamp authority refused (status {status}): {said or 'it does not say why'}.", "Ask its operator.")
    return answer


def _signer(answer: TimeStampResponse, trusted: Sequence[Certificate]) -> Certificate | None:
    """The signer's certificate, where the answer does not bring it along but it is one of the trusted."""
    if answer.signed_data.certificates:
        return None
    return next((found for found in trusted for info in answer.signed_data.signer_infos if _is_of(found, info)), None)


def _is_of(certificate: Certificate, info: object) -> bool:
    issued = (getattr(info, "issuer", None), getattr(info, "serial_number", None))
    return (certificate.issuer, certificate.serial_number) == issued


def _certificates_within(response: bytes) -> tuple[int, int]:
    """Where the elements of SignedData.certificates begin and end (RFC 5652 §5.1); an empty range where there are none."""
    try:
        _, at, _ = _element(response, 0, _SEQUENCE)
        _, _, at = _element(response, at, _SEQUENCE)
        _, at, _ = _element(response, at, _SEQUENCE)
        _, _, at = _element(response, at)
        _, at, _ = _element(response, at, _CONTEXT_0)
        _, at, _ = _element(response, at, _SEQUENCE)
        for expected in (None, _SET, _SEQUENCE):
            _, _, at = _element(response, at, expected)
        tag, begin, end = _element(response, at)
    except (IndexError, ValueError):
        return 0, 0
    return (begin, end) if tag == _CONTEXT_0 else (0, 0)


def _element(content: bytes, at: int, expected: int | None = None) -> tuple[int, int, int]:
    """The tag of a DER element, where its content begins and where it ends. Raises ValueError or IndexError."""
    tag, length, begin = content[at], content[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(content[begin : begin + count], "big")
        begin += count
    if (expected is not None and tag != expected) or begin + length > len(content):
        raise ValueError("this is not what was expected here")
    return tag, begin, begin + length
