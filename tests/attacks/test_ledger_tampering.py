"""Attacks on the ledger's database by somebody who owns it: each is found, named, and breaks the level that it must."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.errors import LifecycleError
from lifecycle.ledger.findings import Verification
from lifecycle.ledger.keys import create_log_key
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.signing import sign_ledger
from lifecycle.ledger.verification import verify_ledger
from lifecycle.proofs.merkle import Frontier, leaf_hash
from lifecycle.proofs.notes import Checkpoint, SigningKey, VerifierKey, sign
from lifecycle.records.identity import commit
from tests.ledger.happenings import ORIGIN, evaluated, happening, revoked, tamper, trained


class Victim:
    """A ledger of twelve records, signed at four, at eight and at ten; the auditor holds the note of eight."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "ledger.db"
        self.keys = folder / "keys"
        self.log_key: VerifierKey = create_log_key(self.keys, ORIGIN)
        with Ledger.open(self.url, origin=ORIGIN) as ledger:
            with ledger.writing() as writer:
                writer.append_all([trained(1), evaluated(1), revoked(1), trained(2)])
                _, opening = commit("a personal value")
                writer.keep(opening, "applicant-1")
            self.sign()
            self._fill(ledger, 4)
            self.held = self.sign()
            self._fill(ledger, 2)
            self.sign()
            self._fill(ledger, 2)
            self.events = [recorded.event for recorded in ledger.events()]

    @property
    def url(self) -> str:
        return f"sqlite:///{self.file}"

    def sign(self) -> str:
        return sign_ledger(self.url, self.keys / "ledger.key", ORIGIN)

    def verify(self) -> Verification:
        """As an auditor does who held a checkpoint of eight records."""
        return verify_ledger(self.url, self.log_key, self.held)

    def rehash(self) -> None:
        """What a careful attacker does next: makes leaf hashes and head fit the altered bytes."""
        with closing(sqlite3.connect(self.file)) as connection:
            frontier = Frontier()
            for index, stored in connection.execute("SELECT leaf_index, stored FROM events ORDER BY leaf_index").fetchall():
                leaf = leaf_hash(stored)
                connection.execute("UPDATE events SET leaf_hash = ? WHERE leaf_index = ?", (leaf, index))
                frontier.append(leaf)
            connection.execute("UPDATE head SET size = ?, frontier = ?", (frontier.size, frontier.to_bytes()))
            connection.commit()

    def rebuild_checkpoints(self, key: SigningKey) -> None:
        """What a thief of the log's key does: signs the altered tree anew, at every size that was signed."""
        with closing(sqlite3.connect(self.file)) as connection:
            leaves = [row[0] for row in connection.execute("SELECT leaf_hash FROM events ORDER BY leaf_index")]
            sizes = [row[0] for row in connection.execute("SELECT tree_size FROM checkpoints")]
            connection.execute("DELETE FROM checkpoints")
            frontier = Frontier()
            for size, leaf in enumerate(leaves, start=1):
                frontier.append(leaf)
                if size in sizes:
                    note = sign(Checkpoint(ORIGIN, size, frontier.root()), key)
                    connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?)", (size, frontier.root(), note))
            connection.commit()

    def _fill(self, ledger: Ledger, count: int) -> None:
        with ledger.writing() as writer:
            writer.append_all([happening(number) for number in range(count)])


@pytest.fixture
def victim(tmp_path: Path) -> Victim:
    return Victim(tmp_path)


def said(result: Verification) -> str:
    return "\n".join(f"{finding.breaks} {finding.index}: {finding.what}" for finding in result.findings)


ALTER_FIVE = "UPDATE events SET stored = CAST(replace(CAST(stored AS TEXT), 'lost', 'fine') AS BLOB) WHERE leaf_index = 5"


def test_an_untouched_ledger_holds(victim: Victim) -> None:
    """The attacks below start from a ledger in which everything holds."""
    result = victim.verify()
    assert (result.ok, result.level, result.size, result.signed_size) == (True, "L2", 12, 10)


def test_an_edited_record_is_named_and_nothing_else_is(victim: Victim) -> None:
    """One record altered is one finding: its index, its type and its id. Not even L0 is reached."""
    tamper(victim.file, ALTER_FIVE)
    result = victim.verify()
    assert result.level == "none"
    assert [finding.index for finding in result.findings] == [5]
    assert f"record 5 (KeyRevoked, id {victim.events[5].id}) was altered" in result.findings[0].what


@pytest.mark.parametrize("index", range(12))
def test_a_changed_leaf_hash_is_named(victim: Victim, index: int) -> None:
    """The hash in the column is no authority over the bytes."""
    tamper(victim.file, f"UPDATE events SET leaf_hash = zeroblob(32) WHERE leaf_index = {index}")
    result = victim.verify()
    assert result.level == "none"
    assert [finding.index for finding in result.findings] == [index]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("event_id", "'another'"),
        ("type", "'ModelEvaluated'"),
        ("environment", "'production'"),
        ("occurred_at_us", "occurred_at_us - 1000000"),
        ("actor_id", "'mallory'"),
        ("subject_kind", "'model'"),
        ("subject_name", "'other'"),
        ("subject_version", "7"),
        ("subject_digest", "'sha256:0'"),
        ("run_id", "'run'"),
    ],
)
def test_a_changed_column_is_named(victim: Victim, column: str, value: str) -> None:
    """A record that is hidden from a search by its columns is found by its bytes."""
    tamper(victim.file, f"UPDATE events SET {column} = {value} WHERE leaf_index = 6")
    result = victim.verify()
    assert result.level == "none"
    assert [finding.index for finding in result.findings] == [6]
    assert f"its column {column} says" in result.findings[0].what


def test_a_record_edited_with_its_hash_is_narrowed_down_by_the_checkpoints(victim: Victim) -> None:
    """Bytes, hash and head were made to fit: the signatures do not, and say between which records to look."""
    tamper(victim.file, ALTER_FIVE)
    victim.rehash()
    result = victim.verify()
    assert result.level == "L0"
    assert "records 4 to 7 are not what the ledger checkpoint of 8 records covers" in said(result)


def test_a_log_rebuilt_without_the_key_is_found(victim: Victim) -> None:
    """Checkpoints signed by a key of the attacker's own do not count."""
    tamper(victim.file, ALTER_FIVE)
    victim.rehash()
    victim.rebuild_checkpoints(SigningKey.generate(ORIGIN))
    result = victim.verify()
    assert result.level == "L0"
    assert "not signed by a known key" in said(result)


def test_a_log_rebuilt_with_the_stolen_key_passes_l1_and_fails_l2(victim: Victim) -> None:
    """Whoever has the key can rewrite everything that nobody else holds; what the auditor held shows it."""
    key = SigningKey.parse((victim.keys / "ledger.key").read_text(encoding="utf-8"))
    tamper(victim.file, ALTER_FIVE)
    victim.rehash()
    victim.rebuild_checkpoints(key)
    assert verify_ledger(victim.url, victim.log_key).level == "L1"
    result = victim.verify()
    assert (result.ok, result.level) == (False, "L1")
    assert "not what the ledger checkpoint that you hold covers" in said(result)


def test_a_deleted_record_leaves_a_gap_that_is_named(victim: Victim) -> None:
    """Deleting from the middle shows at L0."""
    tamper(victim.file, "DELETE FROM events WHERE leaf_index IN (5, 6)")
    result = victim.verify()
    assert result.level == "none"
    assert "records 5 to 6 are missing" in said(result)


def test_a_record_deleted_with_its_gap_closed_is_found(victim: Victim) -> None:
    """Renumbering the rest and fitting the head hides the gap, not the signatures."""
    tamper(
        victim.file,
        "DELETE FROM events WHERE leaf_index = 5;"
        "UPDATE events SET leaf_index = leaf_index + 1000 WHERE leaf_index > 5;"
        "UPDATE events SET leaf_index = leaf_index - 1001 WHERE leaf_index > 5",
    )
    victim.rehash()
    result = victim.verify()
    assert result.level == "L0"
    assert "records 4 to 7 are not what" in said(result)


def test_reordered_records_are_found(victim: Victim) -> None:
    """Two records that changed places: each is whole, the tree is not."""
    tamper(
        victim.file,
        "UPDATE events SET leaf_index = -1 WHERE leaf_index = 4; UPDATE events SET leaf_index = 4 WHERE leaf_index = 5;"
        "UPDATE events SET leaf_index = 5 WHERE leaf_index = -1",
    )
    assert "records 4 to 7 are not what" in said(victim.verify())
    assert victim.verify().level == "none"
    victim.rehash()
    assert victim.verify().level == "L0"


def test_an_inserted_record_is_found(victim: Victim) -> None:
    """A record squeezed in between, with everything renumbered and rehashed, does not fit what was signed."""
    forged = happening(99, event_id="forged")
    make_room = "UPDATE events SET leaf_index = leaf_index + 1001 WHERE leaf_index > 5;"
    tamper(victim.file, make_room + "UPDATE events SET leaf_index = leaf_index - 1000 WHERE leaf_index > 5")
    insert_copy_of_five(victim.file, 6, forged.canonical(), "forged")
    victim.rehash()
    result = victim.verify()
    assert result.level == "none"
    assert "record 6" in said(result)


def test_a_record_appended_past_the_head_is_found(victim: Victim) -> None:
    """An event that was not written by the ledger has no place in its head."""
    insert_copy_of_five(victim.file, 12, happening(99, event_id="forged").canonical(), "forged")
    assert "the head says that there are 12 records, but there are 13" in said(victim.verify())


def test_a_duplicated_record_is_found(victim: Victim) -> None:
    """One event can't have happened twice, not even where the index of ids was dropped."""
    rebuild_without_unique_ids(victim.file)
    insert_copy_of_five(victim.file, 12, victim.events[5].canonical(), victim.events[5].id)
    victim.rehash()
    result = victim.verify()
    assert result.level == "none"
    assert "stands twice: in record 5 and in record 12" in said(result)


def test_a_truncated_tail_is_named(victim: Victim) -> None:
    """Dropping the last records under a kept checkpoint fails L1, with the number of records that are gone."""
    tamper(victim.file, "DELETE FROM events WHERE leaf_index >= 9")
    victim.rehash()
    result = victim.verify()
    assert result.level == "L0"
    assert "covers 10 records, but the ledger has 9: the last 1 were dropped" in said(result)


def test_a_tail_truncated_with_its_checkpoints_needs_a_held_one(victim: Victim) -> None:
    """The rest is a whole and signed ledger; only what the auditor held tells of more."""
    tamper(victim.file, "DELETE FROM events WHERE leaf_index >= 6; DELETE FROM checkpoints WHERE tree_size > 6")
    victim.rehash()
    assert verify_ledger(victim.url, victim.log_key).ok
    result = victim.verify()
    assert (result.ok, result.level) == (False, "L1")
    assert "that you hold covers 8 records, but the ledger has 6: the last 2 were dropped" in said(result)


def test_records_that_no_checkpoint_covers_can_be_dropped_unseen_and_it_says_how_many(victim: Victim) -> None:
    """The honest limit: the unsigned tail is counted in every result, so that nobody relies on it."""
    assert victim.verify().unsigned == 2
    tamper(victim.file, "DELETE FROM events WHERE leaf_index >= 10")
    victim.rehash()
    assert (victim.verify().ok, victim.verify().unsigned) == (True, 0)


def test_a_restored_old_backup_is_found_by_what_was_held(victim: Victim, tmp_path: Path) -> None:
    """An old copy put in the place of the ledger is whole, and too short."""
    old = Victim(tmp_path / "old")
    tamper(old.file, "DELETE FROM events WHERE leaf_index >= 4; DELETE FROM checkpoints WHERE tree_size > 4")
    old.rehash()
    result = verify_ledger(old.url, old.log_key, old.held)
    assert (result.ok, result.level) == (False, "L1")
    assert "were dropped" in said(result)


def test_two_views_of_one_log_are_told_apart(victim: Victim, tmp_path: Path) -> None:
    """A fork: both views are signed by the log, and neither goes on from the other's checkpoint."""
    with Ledger.open(victim.url, origin=ORIGIN) as ledger:
        view = ledger.copy_to(tmp_path / "view.db")
        ledger.append(happening(100))
    with Ledger.open(view, origin=ORIGIN) as other:
        other.append(happening(200))
    shown_to_others = victim.sign()
    forked_key = tmp_path / "forked" / "ledger.key"
    forked_key.parent.mkdir()
    forked_key.write_bytes((victim.keys / "ledger.key").read_bytes())
    shown_to_the_auditor = sign_ledger(view, forked_key, ORIGIN)
    assert verify_ledger(victim.url, victim.log_key, shown_to_others).level == "L2"
    assert verify_ledger(view, victim.log_key, shown_to_the_auditor).level == "L2"
    assert not verify_ledger(victim.url, victim.log_key, shown_to_the_auditor).ok
    assert not verify_ledger(view, victim.log_key, shown_to_others).ok


def test_a_checkpoint_of_another_log_is_not_accepted(victim: Victim) -> None:
    """A note of another log, signed by its own key, does not stand in for the one that was held."""
    other = SigningKey.generate("example.org/other")
    result = verify_ledger(victim.url, victim.log_key, sign(Checkpoint(other.name, 8, bytes(32)), other))
    assert (result.ok, result.level) == (False, "L1")
    assert "that you hold does not count" in said(result)


@pytest.mark.parametrize(
    "script",
    [
        "UPDATE checkpoints SET note = 'nothing' WHERE tree_size = 8",
        "UPDATE checkpoints SET root_hash = zeroblob(32) WHERE tree_size = 8",
        "UPDATE checkpoints SET tree_size = 7 WHERE tree_size = 8",
        "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE tree_size = 4) WHERE tree_size = 8",
        "UPDATE checkpoints SET note = replace(note, char(10) || '8' || char(10), char(10) || '9' || char(10)) WHERE tree_size = 8",
    ],
)
def test_a_changed_checkpoint_is_named(victim: Victim, script: str) -> None:
    """Note, root and size of every kept checkpoint are held against each other and against the tree."""
    tamper(victim.file, script)
    result = verify_ledger(victim.url, victim.log_key)
    assert (result.ok, result.level) == (False, "L0")
    assert "ledger checkpoint of" in said(result)


@pytest.mark.parametrize(
    "script",
    [
        "UPDATE head SET frontier = zeroblob(72)",
        "UPDATE head SET frontier = 'text'",
        "UPDATE head SET size = 11",
        "UPDATE head SET size = 'many'",
    ],
)
def test_a_changed_head_is_found(victim: Victim, script: str) -> None:
    """The next append would go on from it: a head that does not fit the records is a finding."""
    tamper(victim.file, script)
    result = victim.verify()
    assert result.level == "none"
    assert "the head" in said(result)


def test_a_head_that_was_removed_or_doubled_is_found(victim: Victim) -> None:
    """There is exactly one head."""
    tamper(victim.file, "DELETE FROM head")
    assert "has 0 heads" in said(victim.verify())


def test_a_changed_value_beside_the_log_is_found(victim: Victim) -> None:
    """A personal value is not in a leaf, and can't be changed all the same."""
    tamper(victim.file, "UPDATE openings SET value = '\"another value\"'")
    assert "is not the one that was committed to" in said(victim.verify())


@pytest.mark.parametrize("value", ["'text'", "NULL", "12", "zeroblob(0)", "CAST('{}' AS BLOB)", "CAST(x'ff00fe' AS TEXT)"])
def test_bytes_of_another_kind_are_a_finding_and_no_crash(victim: Victim, value: str) -> None:
    """Whatever stands where the record stood is reported."""
    relax_not_null(victim.file)
    tamper(victim.file, f"UPDATE events SET stored = {value} WHERE leaf_index = 5")
    result = victim.verify()
    assert result.level == "none"
    assert 5 in [finding.index for finding in result.findings]


def test_the_triggers_keep_honest_hands_off(victim: Victim) -> None:
    """Without dropping them nothing can be changed or deleted; they are a seat belt and not the proof."""
    with closing(sqlite3.connect(victim.file)) as connection:
        for statement in (
            "UPDATE events SET type = 'x'",
            "DELETE FROM events",
            "UPDATE checkpoints SET note = 'x'",
            "DELETE FROM checkpoints",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    return Victim(tmp_path_factory.mktemp("victim"))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(index=st.integers(0, 11), data=st.data())
def test_no_flipped_byte_of_any_record_goes_unnoticed(template: Victim, tmp_path: Path, index: int, data: st.DataObject) -> None:
    """Whatever byte of whatever record is changed to whatever else: that record is named."""
    file = tmp_path / "flipped.db"
    file.unlink(missing_ok=True)
    file.write_bytes(checkpointed(template))
    with closing(sqlite3.connect(file)) as connection:
        stored = bytearray(connection.execute("SELECT stored FROM events WHERE leaf_index = ?", (index,)).fetchone()[0])
        at = data.draw(st.integers(0, len(stored) - 1))
        stored[at] ^= data.draw(st.integers(1, 255))
        connection.execute("DROP TRIGGER events_refuse_update")
        connection.execute("UPDATE events SET stored = ? WHERE leaf_index = ?", (bytes(stored), index))
        connection.commit()
    result = verify_ledger(f"sqlite:///{file}", template.log_key, template.held)
    assert result.level == "none"
    assert index in [finding.index for finding in result.findings]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_a_damaged_file_ends_in_a_finding_or_in_an_error_of_ours(template: Victim, tmp_path: Path, data: st.DataObject) -> None:
    """Random damage to the file itself never crashes the verifier, and never makes it say that other records hold."""
    content = bytearray(checkpointed(template))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "damaged.db"
    file.write_bytes(content)
    try:
        result = verify_ledger(f"sqlite:///{file}", template.log_key, template.held)
    except LifecycleError:
        return
    if result.ok:
        # The damage missed everything that is read: free space, an index, a statistic.
        assert (result.size, result.root) == (12, verify_ledger(template.url, template.log_key).root)


def checkpointed(victim: Victim) -> bytes:
    """The database as one file, without a write-ahead log."""
    with closing(sqlite3.connect(victim.file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return victim.file.read_bytes()


def insert_copy_of_five(file: Path, index: int, stored: bytes, event_id: str) -> None:
    """Inserts a row with the columns of record 5 and the bytes that are given."""
    with closing(sqlite3.connect(file)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(events)")]
        row = dict(zip(columns, connection.execute("SELECT * FROM events WHERE leaf_index = 5").fetchone(), strict=True))
        row.update(leaf_index=index, event_id=event_id, stored=stored, leaf_hash=leaf_hash(stored))
        connection.execute(f"INSERT INTO events ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
        connection.commit()


def rebuild_without_unique_ids(file: Path) -> None:
    tamper(file, "CREATE TABLE other AS SELECT * FROM events; DROP TABLE events; ALTER TABLE other RENAME TO events")


def relax_not_null(file: Path) -> None:
    rebuild_without_unique_ids(file)
