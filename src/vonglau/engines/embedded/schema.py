"""The tables of `log.db`, and its settings: what is drawn once per installation and never changed."""

import secrets
import sqlite3
from pathlib import Path

from vonglau.engines.appending import BUCKET_US
from vonglau.engines.embedded import layouts
from vonglau.engines.embedded.sqlite import immediate
from vonglau.engines.identities import Settings

FILE = "log.db"
LOCK = "log.lock"
VERSION = layouts.newest()
"""The layout below. Whoever changes the tables adds a step to `layouts.py`."""

_TABLES = """
CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

-- the tail: every event beyond the manifest's border
CREATE TABLE event (
  pos INTEGER PRIMARY KEY,
  recorded_us INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  world TEXT NOT NULL,
  source TEXT NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  subject TEXT,
  lon REAL,
  lat REAL,
  data BLOB NOT NULL,
  extensions TEXT,           -- JSON object, NULL when there are none
  hash INTEGER NOT NULL      -- keyed hash of (world, source, id), so that opening need not compute it again
);

-- the hashes of long runs of the tail once more, packed: opening reads these instead of every row (engines/runs.py)
CREATE TABLE hash_run (
  first_pos INTEGER PRIMARY KEY,
  last_pos INTEGER NOT NULL,
  hashes BLOB NOT NULL       -- 8 bytes for each position, little-endian
);

-- identities of sealed events, until their horizon ends; those of the tail are in memory (see identities.py)
CREATE TABLE identity (
  bucket INTEGER NOT NULL,
  hash INTEGER NOT NULL,
  pos INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  who BLOB NOT NULL,         -- digest of (world, source, id): tells a collision from the same event
  what BLOB NOT NULL,        -- digest of everything but the time
  PRIMARY KEY (bucket, hash, pos)
) WITHOUT ROWID;

-- the manifest: positions up to the largest last_pos are read from these files, never from the tail
CREATE TABLE sealed (
  first_pos INTEGER PRIMARY KEY,
  last_pos INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  name TEXT NOT NULL UNIQUE,
  bytes INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  min_time_us INTEGER NOT NULL,
  max_time_us INTEGER NOT NULL,
  last_recorded_us INTEGER NOT NULL,
  sealed_us INTEGER NOT NULL,
  remembered INTEGER NOT NULL DEFAULT 1,  -- 0 once the identities of this file are forgotten
  world TEXT NOT NULL DEFAULT '',         -- the only one in it; empty when there are several
  layout INTEGER NOT NULL DEFAULT 1       -- of the file (history/layout.py); rows = 0: retention took all of it, there is no file
);

-- what retention took out of sealed files: with it, their rows account for every position
CREATE TABLE tombstone (
  first_pos INTEGER NOT NULL,  -- of the sealed file
  last_pos INTEGER NOT NULL,
  world TEXT NOT NULL,
  type TEXT NOT NULL,
  rows INTEGER NOT NULL,
  before_us INTEGER NOT NULL,  -- events that happened earlier
  rule TEXT NOT NULL,          -- of data/retention, or of the event type's own declaration
  at_us INTEGER NOT NULL
);
CREATE INDEX tombstone_pos ON tombstone (first_pos);

CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_us INTEGER NOT NULL,
  world TEXT NOT NULL,
  source TEXT,
  event_id TEXT,
  pointer TEXT NOT NULL,
  reason TEXT NOT NULL,
  raw BLOB NOT NULL,
  state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'resubmitted', 'discarded')),
  by TEXT,
  settled_us INTEGER,
  pos INTEGER                -- of the event that replaced it
);
CREATE INDEX quarantine_state ON quarantine (state, world, id);
CREATE INDEX quarantine_world ON quarantine (world, id);
"""


def prepare(db: sqlite3.Connection, *, bucket_us: int = BUCKET_US) -> Settings:
    """Create the tables in a new file; read the settings of an existing one."""
    with immediate(db):
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'setting'").fetchone():
            for statement in _TABLES.split(";\n"):
                if statement.strip():
                    db.execute(statement)
            db.executemany(
                "INSERT INTO setting VALUES (?, ?)",
                [("version", VERSION), ("secret", secrets.token_bytes(32)), ("bucket_us", bucket_us)],
            )
    return settings(db)


def settings(db: sqlite3.Connection) -> Settings:
    """Raises `Unavailable` while another process is still creating the file, `Broken` for another layout."""
    layouts.refuse_other(layouts.found(db))
    found = dict(db.execute("SELECT name, value FROM setting"))
    return Settings(secret=found["secret"], bucket_us=found["bucket_us"])


def path(data_dir: Path) -> Path:
    return data_dir / FILE
