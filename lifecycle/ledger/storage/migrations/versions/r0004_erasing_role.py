"""A function through which a role that owns nothing has the openings of a Postgres ledger written anew, without what was deleted.

Deleting a row leaves it in its page. Whoever writes the table anew must own it (`VACUUM FULL`), and whoever owns a table can hang a
trigger on it that runs with the rights of every role that writes to it. So it stays the owner's, and the keeper may ask for this.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        return
    schema = op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    words = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
    # Unlike VACUUM FULL, which does the same, CLUSTER can run in a function.
    body = f"BEGIN CLUSTER {schema}.openings USING openings_pkey; END"
    op.execute(f"CREATE FUNCTION {schema}.ledger_wipe_openings() RETURNS void {words} AS $${body}$$")
    op.execute(f"REVOKE ALL ON FUNCTION {schema}.ledger_wipe_openings() FROM PUBLIC")
