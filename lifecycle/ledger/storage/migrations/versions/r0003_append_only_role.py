"""Functions through which a Postgres ledger is appended to by a role that can change nothing, and more seat belts on both databases.

`ledger_append` takes bytes and nothing else. It gives each event its index, computes its leaf hash and the new head, reads the columns
out of the bytes and moves the stream on, under the lock of the head: whoever may only call it can neither leave a gap, nor write a
column or a hash that is not that of the bytes, nor touch what stands. The functions run as their owner, whom `lifecycle ledger roles`
takes apart from those who write.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        for table, change in (("anchors", "UPDATE"), ("anchors", "DELETE"), ("head", "DELETE"), ("head", "UPDATE OF origin")):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{change.split()[0].lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    for table, changes in (("anchors", "UPDATE OR DELETE OR TRUNCATE"), ("head", "UPDATE OF origin OR DELETE OR TRUNCATE")):
        op.execute(f"CREATE TRIGGER {table}_refuse_change BEFORE {changes} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    schema = op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    for signature, result, body in (
        ("ledger_take_turn()", "bytea", _TAKE_TURN),
        ("ledger_append(entries bytea[])", "bytea", _APPEND),
        ("ledger_move_state(of_model text, of_version bigint, place text, becomes text, by_leaf bigint)", "void", _MOVE_STATE),
        ("ledger_keep(of_commitment text, about text, with_salt text, is_value text)", "void", _KEEP),
    ):
        # Nothing is looked up by its bare name: a SECURITY DEFINER function must not run what its caller put in the way.
        words = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        op.execute(f"CREATE FUNCTION {schema}.{signature} RETURNS {result} {words} AS $${body.replace('SCHEMA.', schema + '.')}$$")
        name, _, parameters = signature.partition("(")
        types = ", ".join(parameter.split()[1] for parameter in parameters.rstrip(")").split(", ") if parameter)
        op.execute(f"REVOKE ALL ON FUNCTION {schema}.{name}({types}) FROM PUBLIC")


# LE001 refuses a record, LE002 a head: codes of our own, so that the caller can tell them from what a server says by itself.
# 65,535 bytes: C2SP tlog-tiles writes the length of an entry in 16 bits.
_TAKE_TURN = """
DECLARE
  standing bytea;
BEGIN
  SELECT frontier INTO STRICT standing FROM SCHEMA.head WHERE id = 1 FOR UPDATE;
  RETURN standing;
END
"""

_APPEND = """
DECLARE
  head_frontier bytea;
  head_size bigint;
  nodes bytea[] := '{}';
  top integer := 0;
  entry bytea;
  leaf bytea;
  carry bytea;
  bits bigint;
  event record;
  about record;
  place_in text;
BEGIN
  SELECT size, frontier INTO STRICT head_size, head_frontier FROM SCHEMA.head WHERE id = 1 FOR UPDATE;
  IF substring(head_frontier FROM 1 FOR 8) <> int8send(head_size)
     OR length(head_frontier) <> 8 + 32 * length(replace(head_size::bit(64)::text, '0', '')) THEN
    RAISE EXCEPTION 'the head is not the frontier of a tree of % records', head_size USING ERRCODE = 'LE002';
  END IF;
  WHILE length(head_frontier) > 8 + 32 * top LOOP
    nodes := nodes || substring(head_frontier FROM 9 + 32 * top FOR 32);
    top := top + 1;
  END LOOP;
  FOREACH entry IN ARRAY entries LOOP
    IF length(entry) > 65535 THEN
      RAISE EXCEPTION 'an event has % bytes, and a record can have 65535', length(entry) USING ERRCODE = 'LE001';
    END IF;
    BEGIN
      SELECT * INTO STRICT event FROM json_to_record(convert_from(entry, 'UTF8')::json)
        AS r(schema_version text, id text, type text, environment text, occurred_at_us bigint, actor json, subject json, run_id text,
             inputs json, outputs json, sequence bigint, body json);
      SELECT * INTO STRICT about FROM json_to_record(event.subject) AS r(kind text, name text, version bigint, digest text);
    EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
      RAISE EXCEPTION 'these bytes are not an event: %', SQLERRM USING ERRCODE = 'LE001';
    END;
    -- What has not the shape of an event can't be read by anybody, and stands for good.
    IF event.schema_version IS DISTINCT FROM 'lifecycle.event/1' OR event.type IS NULL OR event.type !~ '^[A-Z][A-Za-z]+$'
       OR event.id IS NULL OR event.environment IS NULL OR event.occurred_at_us IS NULL OR event.actor ->> 'id' IS NULL
       OR about.kind IS NULL OR about.name IS NULL OR json_typeof(event.body -> 'body_version') IS DISTINCT FROM 'number'
       OR json_typeof(event.inputs) IS DISTINCT FROM 'array' OR json_typeof(event.outputs) IS DISTINCT FROM 'array' THEN
      RAISE EXCEPTION 'these bytes are not an event: parts of one are missing' USING ERRCODE = 'LE001';
    END IF;
    leaf := sha256('\\x00'::bytea || entry);
    INSERT INTO SCHEMA.events (leaf_index, event_id, type, environment, occurred_at_us, actor_id, subject_kind, subject_name,
        subject_version, subject_digest, run_id, leaf_hash, stored)
      VALUES (head_size, event.id, event.type, event.environment, event.occurred_at_us, event.actor ->> 'id', about.kind, about.name,
        about.version, about.digest, event.run_id, leaf, entry);
    place_in := about.kind || '/' || about.name;
    UPDATE SCHEMA.streams SET position = event.sequence WHERE stream = place_in AND position = event.sequence - 1;
    IF NOT FOUND THEN
      IF event.sequence IS DISTINCT FROM 1 OR EXISTS (SELECT FROM SCHEMA.streams WHERE stream = place_in) THEN
        RAISE EXCEPTION 'event % is number % of %, which is not the next', event.id, event.sequence, place_in USING ERRCODE = 'LE001';
      END IF;
      INSERT INTO SCHEMA.streams (stream, position) VALUES (place_in, 1);
    END IF;
    carry := leaf;
    bits := head_size;
    WHILE bits & 1 = 1 LOOP
      carry := sha256('\\x01'::bytea || nodes[top] || carry);
      top := top - 1;
      bits := bits >> 1;
    END LOOP;
    top := top + 1;
    nodes[top] := carry;
    head_size := head_size + 1;
  END LOOP;
  head_frontier := int8send(head_size);
  FOR place IN 1 .. top LOOP
    head_frontier := head_frontier || nodes[place];
  END LOOP;
  UPDATE SCHEMA.head SET size = head_size, frontier = head_frontier WHERE id = 1;
  RETURN head_frontier;
END
"""

_MOVE_STATE = """
BEGIN
  -- What happens to the ledger itself (its past is pruned) can end versions of any model.
  PERFORM FROM SCHEMA.events
    WHERE leaf_index = by_leaf AND ((subject_kind = 'model' AND subject_name = of_model) OR subject_kind = 'ledger');
  IF NOT FOUND THEN
    RAISE EXCEPTION 'record % moves no version of the model %', by_leaf, of_model USING ERRCODE = 'LE001';
  END IF;
  INSERT INTO SCHEMA.states (model, version, environment, state, leaf_index) VALUES (of_model, of_version, place, becomes, by_leaf)
    ON CONFLICT (model, version, environment) DO UPDATE SET state = excluded.state, leaf_index = excluded.leaf_index;
END
"""

_KEEP = """
BEGIN
  IF of_commitment <> 'sha256:' || encode(sha256(decode(with_salt, 'hex') || convert_to(is_value, 'UTF8')), 'hex') THEN
    RAISE EXCEPTION 'this value does not open the commitment %', of_commitment USING ERRCODE = 'LE001';
  END IF;
  INSERT INTO SCHEMA.openings (commitment, subject, salt_hex, value) VALUES (of_commitment, about, with_salt, is_value)
    ON CONFLICT (commitment) DO NOTHING;
END
"""
