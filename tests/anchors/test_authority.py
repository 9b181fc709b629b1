"""Time stamps by a real authority (openssl's): what holds is read with its time, what does not is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.anchors.anchor import Submission
from lifecycle.anchors.authority import AuthorityAnchor
from lifecycle.errors import LifecycleError, MalformedRecord, Tampered, Unavailable
from lifecycle.proofs.timestamps import TimestampRequest, open_timestamp, readable
from tests.anchors.authority import LocalAuthority, serving
from tests.witness.logs import GrowingLog

CONTENT = b"what is stamped"


@pytest.fixture(scope="session")
def stamp(authority: LocalAuthority) -> bytes:
    return authority.answer(TimestampRequest.over(CONTENT).der)


def submission(size: int = 5) -> Submission:
    log = GrowingLog(size)
    return Submission(log.note(size), lambda old: log.tree.consistency_path(old, size))


def test_a_stamp_opens_to_its_time(authority: LocalAuthority, stamp: bytes) -> None:
    """The time is the authority's, in microseconds; openssl verifies the same bytes."""
    found = open_timestamp(stamp, CONTENT, [authority.root])
    assert abs(found.at_us - time.time_ns() // 1_000) < 600 * 1_000_000
    assert authority.verifies(CONTENT, stamp)


def test_a_stamp_over_other_bytes_is_refused(authority: LocalAuthority, stamp: bytes) -> None:
    """It is about exactly what was stamped."""
    with pytest.raises(Tampered, match="does not hold"):
        open_timestamp(stamp, CONTENT + b".", [authority.root])


def test_a_stamp_by_an_authority_that_nobody_trusts_is_refused(
    authority: LocalAuthority, stamp: bytes, tmp_path: Path, tool: Callable[[str], str]
) -> None:
    """Another root of the same name does not do, and neither does none."""
    other = LocalAuthority(tmp_path / "other", tool("openssl"))
    with pytest.raises(Tampered, match="does not hold"):
        open_timestamp(stamp, CONTENT, [other.root])
    with pytest.raises(Tampered, match="No certificate"):
        open_timestamp(stamp, CONTENT, [])
    assert open_timestamp(stamp, CONTENT, [other.root, authority.root, authority.root]).at_us


def test_an_answer_to_another_request_is_refused(authority: LocalAuthority, stamp: bytes) -> None:
    """The number used once ties an answer to its request."""
    with pytest.raises(Tampered, match="Nonce"):
        open_timestamp(stamp, CONTENT, [authority.root], nonce=1)


def test_certificates_in_an_order_that_der_forbids_are_put_in_order(tool: Callable[[str], str], tmp_path: Path) -> None:
    """openssl writes its set of certificates as it was told; the stamp holds nevertheless, for us and for openssl."""
    authority = LocalAuthority(tmp_path, tool("openssl"), with_root=True)
    written = authority.answer(TimestampRequest.over(CONTENT).der)
    assert open_timestamp(written, CONTENT, [authority.root]).at_us > 0
    assert sorted(readable(written)) == sorted(written)
    assert authority.verifies(CONTENT, readable(written))
    assert readable(readable(written)) == readable(written)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_changed_byte_gives_another_time(authority: LocalAuthority, stamp: bytes, data: st.DataObject) -> None:
    """Whatever is changed, the stamp is refused or says what it said."""
    at = data.draw(st.integers(0, len(stamp) - 1))
    forged = stamp[:at] + bytes([stamp[at] ^ data.draw(st.integers(1, 255))]) + stamp[at + 1 :]
    try:
        found = open_timestamp(forged, CONTENT, [authority.root])
    except LifecycleError:
        return
    assert found.at_us == open_timestamp(stamp, CONTENT, [authority.root]).at_us


@given(content=st.binary(max_size=200))
def test_bytes_that_are_no_answer_are_refused_and_never_crash(content: bytes) -> None:
    """Anything at all ends in an error of ours."""
    with pytest.raises(LifecycleError):
        open_timestamp(content, CONTENT, ["-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"])


def test_an_anchor_keeps_what_the_authority_answered(authority: LocalAuthority) -> None:
    """The receipt opens later, over the note, without asking anybody."""
    with authority.listening() as url:
        seen = AuthorityAnchor("clock", url, (authority.root,)).take(submission())
    assert open_timestamp(seen.receipt, submission().note.encode(), [authority.root]).at_us == seen.at_us


def test_a_stamp_that_would_not_hold_later_is_not_kept_now(authority: LocalAuthority, tool: Callable[[str], str], tmp_path: Path) -> None:
    """An authority that signs with another certificate than the declared one is found at once."""
    other = LocalAuthority(tmp_path, tool("openssl"))
    with authority.listening() as url, pytest.raises(Tampered):
        AuthorityAnchor("clock", url, (other.root,)).take(submission())


@pytest.mark.parametrize(("status", "content"), [(500, b""), (200, b"<html>"), (200, b"\0" * 2_000_000)])
def test_an_authority_that_answers_nonsense_is_no_authority(authority: LocalAuthority, status: int, content: bytes) -> None:
    """An error page, or more than any stamp needs."""

    class Nonsense(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()
            try:
                self.wfile.write(content)
            except OSError:
                pass

        def log_message(self, *said: object) -> None:
            pass

    with serving(Nonsense) as url, pytest.raises((Unavailable, MalformedRecord)):
        AuthorityAnchor("clock", url, (authority.root,)).take(submission())


def test_an_authority_that_is_down_is_said_to_be(authority: LocalAuthority) -> None:
    """Nobody listens there."""
    with pytest.raises(Unavailable, match="does not answer"):
        AuthorityAnchor("clock", "http://127.0.0.1:9/", (authority.root,)).take(submission())
