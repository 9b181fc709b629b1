"""Trust: a file or any part of one, told apart by its content."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import InvalidDeclaration, LifecycleError, MalformedRecord
from lifecycle.proofs.cosignatures import WitnessSigner
from lifecycle.proofs.merkle import EMPTY_ROOT
from lifecycle.proofs.notes import Checkpoint, SigningKey, sign
from lifecycle.proofs.trust import Trust, TrustedKey, TrustFile

LOG = SigningKey("example.org/ledger", bytes(range(32)))
NEXT = SigningKey("example.org/ledger", bytes(range(1, 33)))
OTHER = SigningKey("example.org/other", bytes(range(2, 34)))
WITNESS = WitnessSigner("witness.example", bytes(range(3, 35))).verifier
NOTE = sign(Checkpoint(LOG.name, 0, EMPTY_ROOT), LOG)
POLICY = f"witness w {WITNESS}\nquorum w\n"


@pytest.fixture(scope="module")
def certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    built = built.not_valid_before(now).not_valid_after(now + dt.timedelta(days=9))
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def test_a_trust_file_is_read_back_as_it_is_written(certificate: str) -> None:
    """Keys with their sizes, the policy, certificates and checkpoints."""
    keys = (TrustedKey(key=str(LOG.verifier), until_size=9), TrustedKey(key=str(NEXT.verifier), from_size=5))
    file = TrustFile(origin=LOG.name, log_keys=keys, policy=POLICY, tsa_certificates=(certificate,), checkpoints=(NOTE,))
    trust = Trust.read(file.canonical().decode())
    assert trust.origin == LOG.name
    assert trust.log_keys == (LOG.verifier.bound_to(0, 9), NEXT.verifier.bound_to(5, None))
    assert (trust.witnesses, trust.tsa_certificates, trust.checkpoints) == ((WITNESS,), (certificate,), (NOTE,))


def test_each_part_is_told_by_its_content(certificate: str) -> None:
    """A key of the log or of a witness, a note, a policy, certificates with anything around them."""
    assert Trust.read(f"{LOG.verifier}\n") == Trust(origin=LOG.name, log_keys=(LOG.verifier,))
    assert Trust.read(str(WITNESS)).policies[0].satisfied_by([WITNESS])
    assert Trust.read(NOTE) == Trust(origin=LOG.name, checkpoints=(NOTE,))
    assert Trust.read(f"log {LOG.verifier}\n{POLICY}").log_keys == (LOG.verifier,)
    assert Trust.read("subject=CN = authority\r\n" + certificate.replace("\n", "\r\n") * 2).tsa_certificates == (certificate, certificate)


def test_parts_add_up(certificate: str) -> None:
    """Each `--trust` brings something; what two of them bring counts once."""
    joined = Trust.joined([Trust.read(part) for part in (str(LOG.verifier), NOTE, POLICY, certificate, NOTE, str(LOG.verifier))])
    assert (joined.origin, joined.log_keys, joined.checkpoints) == (LOG.name, (LOG.verifier,), (NOTE,))
    assert (joined.witnesses, joined.tsa_certificates) == ((WITNESS,), (certificate,))


def test_parts_of_two_logs_do_not_add_up() -> None:
    """Nobody is verified against somebody else's key by mistake."""
    with pytest.raises(InvalidDeclaration, match="different logs"):
        Trust.joined([Trust.read(str(LOG.verifier)), Trust.read(str(OTHER.verifier))])


def test_a_key_of_another_log_in_a_trust_file_is_refused() -> None:
    """A trust file is about one log."""
    file = TrustFile(origin=LOG.name, log_keys=(TrustedKey(key=str(OTHER.verifier)),))
    with pytest.raises(MalformedRecord, match=r"about the log 'example\.org/ledger'"):
        Trust.read(file.canonical().decode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "{}",
        '{"schema_version":"lifecycle.trust/2"}',
        "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
        "-----BEGIN PUBLIC KEY-----",
    ],
)
def test_what_is_nothing_of_that_is_refused(text: str) -> None:
    """It is never silently passed over."""
    with pytest.raises(MalformedRecord):
        Trust.read(text)


def test_a_key_without_utf8_is_refused() -> None:
    """A lone surrogate, which JSON can bring, does not crash what hashes names."""
    with pytest.raises(MalformedRecord):
        Trust.read('{"schema_version":"lifecycle.trust/1","origin":"x","log_keys":[{"key":"\\ud800+00000000+AAAA"}]}')


@given(text=st.text(max_size=300))
def test_anything_is_trust_or_an_error_of_ours(text: str) -> None:
    """Whatever is passed, nothing crashes."""
    try:
        Trust.read(text)
    except LifecycleError:
        pass
