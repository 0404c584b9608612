"""The tables of the log's schema, and its settings: what is drawn once per installation and never changed."""

import secrets

from psycopg import errors, sql

from vonglau.core.errors import Broken, Unavailable
from vonglau.engines.database import Database, advisory_key
from vonglau.engines.identities import Settings
from vonglau.engines.postgresql import layouts
from vonglau.engines.postgresql.connection import Connection

VERSION = layouts.newest()
"""The layout below. Whoever changes the tables adds a step to `layouts.py`."""

EVENT_TYPES = (
    "int8",
    "int8",
    "int8",
    "text",
    "text",
    "text",
    "text",
    "text",
    "float8",
    "float8",
    "bytea",
    "text",
    "int8",
)
"""Of the table `event`, for binary COPY."""

_TABLES = """
CREATE TABLE setting (name text PRIMARY KEY, number bigint, bytes bytea);

-- counts the writer's commits: what others poll to see whether anything is new
CREATE TABLE pulse (n bigint NOT NULL) WITH (fillfactor = 10);
INSERT INTO pulse VALUES (0);

-- the tail: every event beyond the manifest's border
CREATE TABLE event (
  pos bigint PRIMARY KEY,
  recorded_us bigint NOT NULL,
  time_us bigint NOT NULL,
  world text NOT NULL,
  source text NOT NULL,
  id text NOT NULL,
  type text NOT NULL,
  subject text,
  lon double precision,
  lat double precision,
  data bytea NOT NULL,
  extensions text,          -- JSON object, NULL when there are none
  hash bigint NOT NULL      -- keyed hash of (world, source, id), so that opening need not compute it again
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100000);

-- the hashes of long runs of the tail once more, packed: opening reads these instead of every row (engines/runs.py)
CREATE TABLE hash_run (
  first_pos bigint PRIMARY KEY,
  last_pos bigint NOT NULL,
  hashes bytea NOT NULL      -- 8 bytes for each position, little-endian
);

-- identities of sealed events, until their horizon ends; those of the tail are in memory (see engines/identities.py)
CREATE TABLE identity (
  bucket bigint NOT NULL,
  hash bigint NOT NULL,
  pos bigint NOT NULL,
  time_us bigint NOT NULL,
  who bytea NOT NULL,       -- digest of (world, source, id): tells a collision from the same event
  what bytea NOT NULL,      -- digest of everything but the time
  PRIMARY KEY (bucket, hash, pos)
);

-- the manifest: positions up to the largest last_pos are read from these files, never from the tail
CREATE TABLE sealed (
  first_pos bigint PRIMARY KEY,
  last_pos bigint NOT NULL,
  rows bigint NOT NULL,
  name text NOT NULL UNIQUE,
  bytes bigint NOT NULL,
  sha256 text NOT NULL,     -- hexadecimal
  min_time_us bigint NOT NULL,
  max_time_us bigint NOT NULL,
  last_recorded_us bigint NOT NULL,
  world text NOT NULL DEFAULT '',        -- the only one in it; empty when there are several
  layout integer NOT NULL DEFAULT 1,     -- of the file (history/layout.py); rows = 0: retention took all of it, there is no file
  sealed_us bigint NOT NULL,
  remembered boolean NOT NULL DEFAULT true   -- false once the identities of this file are forgotten
);

-- what retention took out of sealed files: with it, their rows account for every position
CREATE TABLE tombstone (
  first_pos bigint NOT NULL,   -- of the sealed file
  last_pos bigint NOT NULL,
  world text NOT NULL,
  type text NOT NULL,
  rows bigint NOT NULL,
  before_us bigint NOT NULL,   -- events that happened earlier
  rule text NOT NULL,          -- of data/retention, or of the event type's own declaration
  at_us bigint NOT NULL
);
CREATE INDEX tombstone_pos ON tombstone (first_pos);

CREATE TABLE quarantine (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at_us bigint NOT NULL,
  world text NOT NULL,
  source text,
  event_id text,
  pointer text NOT NULL,
  reason text NOT NULL,
  raw bytea NOT NULL,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'resubmitted', 'discarded')),
  by text,
  settled_us bigint,
  pos bigint                -- of the event that replaced it
);
CREATE INDEX quarantine_state ON quarantine (state, world, id);
CREATE INDEX quarantine_world ON quarantine (world, id);
"""


def prepare(db: Connection, database: Database, *, bucket_us: int) -> Settings:
    """Create the schema and its tables where there are none; read the settings of an existing log.

    Raises `Unavailable` when this role may not, `Broken` for a database that cannot hold Unicode or a log of another layout.
    """
    with db.transaction():
        # two processes that open a new log at once take turns
        db.execute("SELECT pg_advisory_xact_lock(%s)", (advisory_key("making", database.log_schema),))
        if not layouts.made(db):
            _refuse_encoding(db)
            db.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(database.log_schema)))
            db.execute(_TABLES)
            db.execute(
                "INSERT INTO setting VALUES ('version', %s, NULL), ('bucket_us', %s, NULL), ('secret', NULL, %s)",
                (VERSION, bucket_us, secrets.token_bytes(32)),
            )
    return settings(db)


def settings(db: Connection) -> Settings:
    """Raises `NothingYet` where there is no log, `Broken` for one of another layout."""
    try:
        layouts.refuse_other(layouts.found(db))
        found = {name: number if number is not None else bytes_ for name, number, bytes_ in db.execute("TABLE setting")}
    except errors.InsufficientPrivilege as error:
        raise Unavailable("This role may not read the event log: connect as the role that made it.") from error
    return Settings(secret=found["secret"], bucket_us=found["bucket_us"])


def _refuse_encoding(db: Connection) -> None:
    row = db.execute("SHOW server_encoding").fetchone()
    if row is None or row[0] != "UTF8":
        raise Broken(
            f"The database is encoded as {row and row[0]}: make it with ENCODING 'UTF8' (docs/howto/postgresql.md)."
        )
