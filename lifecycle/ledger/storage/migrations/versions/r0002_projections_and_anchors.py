"""Projections of the leaves, kept up in the transaction that appends (states, streams), and receipts of anchors.

A projection holds nothing that the leaves do not say: `lifecycle ledger fsck` makes it again from them and tells where the two differ.
A ledger that stood before has its projections made at its first opening.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "states",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        # "" is where only what counts everywhere has happened: what an environment begins with.
        sa.Column("environment", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("leaf_index", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "streams",
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "anchors",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("anchor", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("tree_size", sa.BigInteger, nullable=False),
        sa.Column("root_hash", sa.LargeBinary, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        # What the anchor answered: a time-stamp token, cosignature lines, a commit.
        sa.Column("receipt", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_anchors_tree_size", "anchors", ["tree_size"])
