"""Roles on a Postgres server: who appends can change nothing, and who erases can't append past the functions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lifecycle.errors import InvalidDeclaration, MalformedRecord, Unavailable
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.ledger.storage.roles import Roles, apply, rights
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.merkle import Frontier, leaf_hash
from lifecycle.records.events import Event
from lifecycle.records.identity import commit
from tests.ledger.happenings import ORIGIN, evaluated, happening, trained
from tests.ledger.places import POSTGRES_ONLY, PostgresPlace

pytestmark = POSTGRES_ONLY

#: Roles are the server's, not the database's: what one test makes, the next one finds and makes its own.
NAMED = Roles(app="ledger_app", signer="ledger_signer", keeper="ledger_keeper", reader="ledger_reader")


@pytest.fixture
def parted(place: PostgresPlace) -> PostgresPlace:
    """A ledger of three records whose roles were taken apart."""
    with Ledger.open(place.url, origin=ORIGIN) as ledger, ledger.writing() as writer:
        writer.append_all([trained(1), happening(0), happening(1)])
        writer.keep(commit("a personal value")[1], "applicant-1")
    apply(place.url, NAMED, origin=ORIGIN)
    return place


def as_role(place: PostgresPlace, role: str) -> str:
    return place.url.replace("//ledger@", f"//{role}@")


@contextmanager
def connected(place: PostgresPlace, role: str) -> Iterator[Any]:
    import psycopg

    with psycopg.connect(as_role(place, role), autocommit=True) as connection:
        yield connection


def numbered(number: int, place_in_stream: int) -> bytes:
    return happening(number).with_sequence(place_in_stream).canonical()


def refused(place: PostgresPlace, role: str, statement: str, *values: object) -> str:
    """The code with which the server refuses a statement to a role."""
    import psycopg

    with connected(place, role) as connection, pytest.raises(psycopg.Error) as error:
        connection.execute(statement, values)
    assert error.value.sqlstate is not None
    return error.value.sqlstate


FORBIDDEN, REFUSED = "42501", "LE001"


def test_the_app_lives_a_whole_life(parted: PostgresPlace) -> None:
    """Append, retry, keep a value, read, number: all that a run does, it does as a role that may change nothing."""
    once = happening(2)
    with Ledger.open(as_role(parted, NAMED.app), origin=ORIGIN) as ledger:
        with ledger.writing() as writer:
            assert writer.next_version("credit") == 2
            writer.append_all([once, evaluated(1)])
            writer.keep(commit("another value")[1], "applicant-2")
        assert ledger.append(once).index == 3
        assert ledger.states("local") == {("credit", 1): "evaluated"}
    result = verify_ledger(parted.url, None)
    assert (result.ok, result.size) == (True, 5), result.findings


@pytest.mark.parametrize("role", [NAMED.app, NAMED.signer, NAMED.keeper, NAMED.reader])
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO events SELECT leaf_index + 10, event_id || 'x', type, environment, occurred_at_us, actor_id, subject_kind, "
        "subject_name, subject_version, subject_digest, run_id, leaf_hash, stored FROM events",
        "UPDATE events SET type = 'x'",
        "UPDATE events SET leaf_hash = ''",
        "DELETE FROM events",
        "TRUNCATE events",
        "UPDATE head SET origin = 'other'",
        "DELETE FROM head",
        "UPDATE checkpoints SET note = 'x'",
        "DELETE FROM checkpoints",
        "DELETE FROM anchors",
        "UPDATE openings SET value = 'x'",
        "TRUNCATE openings",
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "DROP TRIGGER events_refuse_update ON events",
        "CREATE OR REPLACE FUNCTION ledger_take_turn() RETURNS bytea LANGUAGE sql AS $$ SELECT ''::bytea $$",
        "CREATE TABLE public.other (content text)",
        "SET ROLE ledger_owner",
    ],
)
def test_nobody_who_logs_in_can_change_the_past(parted: PostgresPlace, role: str, statement: str) -> None:
    """Neither by changing rows nor by changing what guards them: the server refuses for want of the right."""
    assert refused(parted, role, statement) == FORBIDDEN
    assert verify_ledger(parted.url, None).ok


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        (NAMED.app, "UPDATE events SET stored = NULL"),
        (NAMED.app, "UPDATE head SET size = 0"),
        (NAMED.app, "DELETE FROM openings"),
        (NAMED.app, "INSERT INTO openings VALUES ('a', 'b', 'c', 'd')"),
        (NAMED.app, "UPDATE states SET state = 'serving'"),
        (NAMED.app, "UPDATE streams SET position = 0"),
        (NAMED.app, "INSERT INTO checkpoints VALUES (1, '', '')"),
        (NAMED.app, "SELECT frontier FROM head FOR UPDATE"),
        (NAMED.signer, "SELECT ledger_take_turn()"),
        (NAMED.signer, "SELECT ledger_append(ARRAY['{}'::bytea])"),
        (NAMED.reader, "SELECT ledger_append(ARRAY['{}'::bytea])"),
        (NAMED.reader, "INSERT INTO checkpoints VALUES (1, '', '')"),
    ],
)
def test_each_role_does_its_own_part_only(parted: PostgresPlace, role: str, statement: str) -> None:
    """The app does not erase, the signer does not append, the reader does nothing."""
    assert refused(parted, role, statement) == FORBIDDEN


def test_the_keeper_takes_away_and_the_signer_signs(parted: PostgresPlace, key_file: Any) -> None:
    """What is their part, they can do."""
    with connected(parted, NAMED.keeper or "") as connection:
        connection.execute("DELETE FROM openings")
        connection.execute("UPDATE events SET stored = NULL WHERE leaf_index = 1")
        connection.execute("UPDATE states SET state = 'trained'")
    with connected(parted, NAMED.signer or "") as connection:
        connection.execute("INSERT INTO checkpoints VALUES (1, '', 'note')")


def test_the_signer_signs_as_its_own_role(parted: PostgresPlace, key_file: Any, log_key: Any) -> None:
    """The signer's process needs no right to append."""
    sign_ledger(as_role(parted, NAMED.signer or ""), key_file, ORIGIN)
    assert verify_ledger(as_role(parted, NAMED.reader or ""), log_key).level == "L1"


APPEND = "SELECT ledger_append(%s::bytea[])"


def test_the_function_makes_place_hash_columns_and_head_from_the_bytes_alone(parted: PostgresPlace) -> None:
    """Whatever calls it, what it writes is what `Frontier` and `columns_of` say, over sizes that carry far."""
    entries = [numbered(number, number + 1) for number in range(2, 40)]
    with connected(parted, NAMED.app) as connection:
        for start in range(0, len(entries), 7):
            head = connection.execute(APPEND, (entries[start : start + 7],)).fetchone()[0]
    leaves = [bytes(row[0]) for row in parted.fetch("SELECT stored FROM events ORDER BY leaf_index")]
    frontier = Frontier()
    for stored in leaves:
        frontier.append(leaf_hash(stored))
    assert (bytes(head), leaves[3:]) == (frontier.to_bytes(), entries)
    result = verify_ledger(parted.url, None)
    assert (result.ok, result.size) == (True, 41), result.findings


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"{}",
        b"not JSON",
        b"\xff\xfe",
        b"[]",
        numbered(9, 5),
        numbered(9, 3),
        happening(9).canonical(),
        b'{"id":"a\\u0000b"}',
        numbered(9, 4)[:-1] + b" " * 65_536 + b"}",
    ],
    ids=["empty", "no fields", "text", "no text", "a list", "skips a place", "takes a place", "no place", "a zero", "too long"],
)
def test_the_function_takes_only_an_event_at_the_next_place_of_its_stream(parted: PostgresPlace, entry: bytes) -> None:
    """What is no event, or would leave a gap in its subject's stream, is refused, and with it the whole batch."""
    import psycopg

    with connected(parted, NAMED.app) as connection, pytest.raises(psycopg.Error) as error:
        connection.execute(APPEND, ([numbered(8, 3), entry],))
    assert error.value.sqlstate in {REFUSED, "23502"}
    assert parted.fetch("SELECT size FROM head") == [(3,)]
    assert parted.fetch("SELECT count(*) FROM events") == [(3,)]


def test_a_value_that_opens_something_else_is_not_kept(parted: PostgresPlace) -> None:
    """What is kept under a commitment opens it."""
    code = refused(parted, NAMED.app, "SELECT ledger_keep(%s, 'someone', %s, '\"x\"')", commit("value")[0].digest, "00" * 32)
    assert code == REFUSED


def test_a_state_needs_a_record_that_leads_to_it(parted: PostgresPlace) -> None:
    """The projection of states can't speak of a record that is about something else, or that is not there."""
    for leaf in (1, 99):
        assert refused(parted, NAMED.app, "SELECT ledger_move_state('credit', 1, 'local', 'serving', %s)", leaf) == REFUSED


def test_a_head_that_was_tampered_with_takes_no_append(parted: PostgresPlace) -> None:
    """The function goes on from no head whose size is not that of its frontier."""
    parted.tamper("UPDATE head SET size = 7")
    assert refused(parted, NAMED.app, APPEND, [numbered(2, 3)]) == "LE002"


def test_words_put_in_the_way_of_the_functions_are_not_run(parted: PostgresPlace) -> None:
    """A role that shadows tables, functions and operators in a schema of its own changes nothing that the functions do."""
    with connected(parted, NAMED.app) as connection:
        connection.execute("CREATE TEMP TABLE head (id int, origin text, size bigint, frontier bytea)")
        connection.execute("INSERT INTO pg_temp.head VALUES (1, 'example.org/ledger', 0, decode(repeat('00', 8), 'hex'))")
        connection.execute("CREATE TEMP TABLE events (LIKE public.events)")
        connection.execute("CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT ''::bytea $$")
        connection.execute("SET search_path = pg_temp, public")
        connection.execute("SELECT public.ledger_append(%s::bytea[])", ([numbered(2, 3)],))
        assert connection.execute("SELECT count(*) FROM pg_temp.events").fetchone() == (0,)
    result = verify_ledger(parted.url, None)
    assert (result.ok, result.size) == (True, 4), result.findings


def test_what_a_role_had_beyond_its_part_is_taken_back(parted: PostgresPlace) -> None:
    """Taking the roles apart again leaves each with its part and no more."""
    parted.change("GRANT ALL ON events TO ledger_app")
    parted.change("GRANT ledger_owner TO ledger_reader")
    before = {one.role: one for one in rights(parted.url)}
    assert (before["ledger_app"].rewrites, before["ledger_reader"].owns) == (True, True)
    apply(parted.url, NAMED, origin=ORIGIN)
    after = {one.role: one for one in rights(parted.url)}
    assert (after["ledger_app"].rewrites, after["ledger_reader"].owns) == (False, False)
    assert (after["ledger_app"].appends, after["ledger_app"].signs, after["ledger_app"].prunes) == (True, False, False)
    assert (after["ledger_signer"].appends, after["ledger_signer"].signs) == (False, True)
    assert (after["ledger_keeper"].appends, after["ledger_keeper"].prunes, after["ledger_keeper"].rewrites) == (True, True, False)
    assert (after["ledger_reader"].reads, after["ledger_reader"].appends) == (True, False)
    assert after["ledger"].administers


def test_an_app_without_a_signer_keeps_the_checkpoints_itself(parted: PostgresPlace, key_file: Any) -> None:
    """On one machine one role may do both; it still changes nothing."""
    apply(parted.url, Roles(app="ledger_app"), origin=ORIGIN)
    sign_ledger(as_role(parted, NAMED.app), key_file, ORIGIN)
    assert refused(parted, NAMED.app, "DELETE FROM checkpoints") == FORBIDDEN


def test_what_a_role_may_not_do_is_said_in_our_words(parted: PostgresPlace) -> None:
    """The error of a role that is not the one for it says which role is."""
    with Ledger.open(as_role(parted, NAMED.reader or ""), origin=ORIGIN) as ledger:
        with pytest.raises(Unavailable, match="may not do this") as error:
            ledger.append(happening(9))
        assert "lifecycle ledger roles" in error.value.next_step


def test_a_record_that_the_server_refuses_is_said_to_be_none(parted: PostgresPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that gives a wrong place is told so, and nothing is written."""
    monkeypatch.setattr(Event, "canonical_at", lambda self, place: self.canonical())
    with Ledger.open(as_role(parted, NAMED.app), origin=ORIGIN) as ledger, pytest.raises(MalformedRecord, match="takes no such record"):
        ledger.append(happening(9))


@pytest.mark.parametrize("roles", [{"app": "a; DROP"}, {"app": "one", "reader": "one"}, {"app": ""}, {"app": "Upper"}])
def test_a_name_that_is_no_role_is_refused(place: PostgresPlace, roles: dict[str, str]) -> None:
    """Nothing but a name gets into the SQL, and no role has two parts."""
    with pytest.raises(InvalidDeclaration):
        Roles(**roles)


def test_a_file_has_no_roles(place: PostgresPlace, tmp_path: Any) -> None:
    """A SQLite ledger is guarded by the user that its file belongs to."""
    with pytest.raises(InvalidDeclaration, match="is a file"):
        rights(f"sqlite:///{tmp_path}/ledger.db")
