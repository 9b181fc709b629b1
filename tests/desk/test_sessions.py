"""Sessions, rate limits and challenges: each ends when it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.desk import challenges as challenges_module
from lifecycle.desk import sessions as sessions_module
from lifecycle.desk.challenges import MOST_OPEN, Challenges
from lifecycle.desk.limiting import MOST_NAMES, RateLimit, TooOften
from lifecycle.desk.sessions import Sessions, csrf_token, is_csrf_token
from lifecycle.desk.settings import DeskSettings
from lifecycle.desk.store import DeskStore
from lifecycle.errors import Refused, Unavailable
from lifecycle.records.record import SECOND_US


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000_000 * SECOND_US

    def __call__(self) -> int:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += int(seconds * SECOND_US)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(sessions_module, "now_us", made)
    monkeypatch.setattr(challenges_module, "now_us", made)
    return made


@pytest.fixture
def settings(tmp_path: Path) -> DeskSettings:
    return DeskSettings(folder=tmp_path, host="127.0.0.1", port=3001, origin="http://localhost:3001")


@pytest.fixture
def sessions(settings: DeskSettings) -> Sessions:
    return Sessions(DeskStore(settings.folder), settings)


def test_a_session_that_nobody_uses_ends(sessions: Sessions, settings: DeskSettings, clock: Clock) -> None:
    """Used now and then it goes on; left alone for the idle time it is over."""
    session_id = sessions.begin("officer", "passkey-1")
    for _ in range(4):
        clock.pass_seconds(settings.idle_seconds - 1)
        assert sessions.find(session_id) is not None
    clock.pass_seconds(settings.idle_seconds)
    assert sessions.find(session_id) is None


def test_a_session_ends_however_much_it_is_used(sessions: Sessions, settings: DeskSettings, clock: Clock) -> None:
    """After the longest time that one may last somebody has to sign in again."""
    session_id = sessions.begin("officer", "passkey-1")
    used = 0
    while sessions.find(session_id) is not None:
        clock.pass_seconds(600)
        used += 600
    assert used == settings.session_seconds


def test_every_session_has_an_id_and_a_token_of_its_own(sessions: Sessions) -> None:
    """One is not told from another, and a token is no id."""
    first, second = sessions.begin("officer", None), sessions.begin("officer", None)
    assert len({first, second, csrf_token(first), csrf_token(second)}) == 4
    assert is_csrf_token(first, csrf_token(first))
    assert not is_csrf_token(first, csrf_token(second))
    assert not is_csrf_token(first, "é")


def test_a_made_up_id_is_no_session(sessions: Sessions) -> None:
    """Nor is the hash under which one is kept."""
    sessions.begin("officer", None)
    assert sessions.find("") is None
    assert sessions.find("x" * 43) is None


def test_a_challenge_is_answered_once_in_time_and_for_what_it_is(settings: DeskSettings, clock: Clock) -> None:
    """Neither twice, nor late, nor as something else."""
    challenges = Challenges(DeskStore(settings.folder), settings)
    good, late, other = (challenges.ask("sign_in") for _ in range(3))
    assert challenges.take(good.id, "sign_in") == good
    for challenge_id, purpose in ((good.id, "sign_in"), (other.id, "register:x"), ("none", "sign_in")):
        with pytest.raises(Refused):
            challenges.take(challenge_id, purpose)
    clock.pass_seconds(settings.ceremony_seconds)
    with pytest.raises(Refused):
        challenges.take(late.id, "sign_in")


def test_what_is_signed_to_sign_in_can_never_be_an_approval(settings: DeskSettings) -> None:
    """The challenge of an approval is the digest of bytes that begin with `DSSEv1 `; this one is of others."""
    challenge = Challenges(DeskStore(settings.folder), settings).ask("sign_in")
    assert challenge.signed.startswith(b"lifecycle desk challenge v1\n")


def test_so_many_challenges_are_open_and_no_more(settings: DeskSettings, clock: Clock) -> None:
    """Whoever asks for them without end pushes out the oldest and fills no disk."""
    store = DeskStore(settings.folder)
    challenges = Challenges(store, settings)
    with store.writing() as tables:
        tables.executemany(
            "INSERT INTO challenges VALUES (?, 'sign_in', x'', ?)",
            [(str(number).encode(), clock.now + 1 + number) for number in range(MOST_OPEN + 5)],
        )
    challenges.ask("sign_in")
    with store.reading() as tables:
        assert tables.execute("SELECT count(*) FROM challenges").fetchone() == (MOST_OPEN,)


def test_a_limit_counts_each_name_by_itself_and_forgives_with_time() -> None:
    """So many in a window that moves."""
    time = [0.0]
    limit = RateLimit(3, 60, clock=lambda: time[0])
    assert [limit.allows("a") for _ in range(4)] == [True, True, True, False]
    assert limit.allows("b")
    time[0] = 59.9
    with pytest.raises(TooOften):
        limit.require("a")
    time[0] = 60.0
    limit.require("a")


def test_a_limit_remembers_so_many_names_and_no_more() -> None:
    """Whoever comes from ever new addresses fills no memory."""
    limit = RateLimit(1, 60)
    for number in range(MOST_NAMES + 10):
        limit.allows(str(number))
    assert len(limit._tries) == MOST_NAMES
    assert not limit.allows(str(MOST_NAMES + 9))


def test_a_file_that_is_none_of_ours_is_told_in_words(tmp_path: Path) -> None:
    """Garbage where the desk's file should be, and a folder that is not there."""
    (tmp_path / "desk.db").write_bytes(b"garbage" * 1_000)
    with pytest.raises(Unavailable, match="does not answer"):
        DeskStore(tmp_path)
    with pytest.raises(Unavailable, match="can't be written"):
        DeskStore(tmp_path / "absent")


def test_nobody_else_reads_the_desk_s_file(tmp_path: Path) -> None:
    """Whatever the umask says."""
    DeskStore(tmp_path)
    assert {file.stat().st_mode & 0o077 for file in tmp_path.iterdir()} == {0}
