"""The first schema: events, head, checkpoints, openings, and triggers that keep honest hands off the past.

The triggers are a seat belt, not the proof: whoever owns the database can drop them. The tree shows it. One change is let
through: the bytes of an event may be pruned, once and whole, and nothing else of its row with them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_KEPT = (
    *("leaf_index", "event_id", "type", "environment", "occurred_at_us", "actor_id"),
    *("subject_kind", "subject_name", "subject_version", "subject_digest", "run_id", "leaf_hash"),
)


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("leaf_index", _WHOLE, primary_key=True, autoincrement=False),
        sa.Column("event_id", sa.Text, nullable=False, unique=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("environment", sa.Text, nullable=False),
        sa.Column("occurred_at_us", sa.BigInteger, nullable=False),
        sa.Column("actor_id", sa.Text, nullable=False),
        sa.Column("subject_kind", sa.Text, nullable=False),
        sa.Column("subject_name", sa.Text, nullable=False),
        sa.Column("subject_version", sa.BigInteger),
        sa.Column("subject_digest", sa.Text),
        sa.Column("run_id", sa.Text),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
        sa.Column("stored", sa.LargeBinary),
    )
    op.create_index("events_by_subject", "events", ["subject_kind", "subject_name", "subject_version"])
    op.create_index("ix_events_type", "events", ["type"])
    op.create_index("ix_events_run_id", "events", ["run_id"])
    op.create_table(
        "head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("frontier", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "checkpoints",
        sa.Column("tree_size", _WHOLE, primary_key=True, autoincrement=False),
        sa.Column("root_hash", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_table(
        "openings",
        sa.Column("commitment", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("salt_hex", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_index("ix_openings_subject", "openings", ["subject"])
    if op.get_context().dialect.name == "sqlite":
        _sqlite_triggers()
    else:
        _postgres_triggers()


def _prunes(same: str) -> str:
    """That an update takes the bytes of an event away and leaves all else as it was; `same` is how the dialect compares with NULLs."""
    return " AND ".join(("OLD.stored IS NOT NULL", "NEW.stored IS NULL", *(f"NEW.{column} {same} OLD.{column}" for column in _KEPT)))


def _sqlite_triggers() -> None:
    changes = (("events", "UPDATE", f"WHEN NOT ({_prunes('IS')}) "), ("events", "DELETE", ""), ("checkpoints", "UPDATE", ""))
    for table, change, when in (*changes, ("checkpoints", "DELETE", "")):
        op.execute(
            f"CREATE TRIGGER {table}_refuse_{change.lower()} BEFORE {change} ON {table} {when}"
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _postgres_triggers() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    op.execute(
        f"CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events FOR EACH ROW WHEN (NOT ({_prunes('IS NOT DISTINCT FROM')})) "
        "EXECUTE FUNCTION refuse_change()"
    )
    for table, changes in (("events", "DELETE OR TRUNCATE"), ("checkpoints", "UPDATE OR DELETE OR TRUNCATE")):
        op.execute(f"CREATE TRIGGER {table}_refuse_change BEFORE {changes} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
