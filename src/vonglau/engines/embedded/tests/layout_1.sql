-- log.db as release 0.1.0 made it (layout 1). Never changed: what later programs must still bring forward.
CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
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
CREATE TABLE identity (
  bucket INTEGER NOT NULL,
  hash INTEGER NOT NULL,
  pos INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  who BLOB NOT NULL,         -- digest of (world, source, id): tells a collision from the same event
  what BLOB NOT NULL,        -- digest of everything but the time
  PRIMARY KEY (bucket, hash, pos)
) WITHOUT ROWID;
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
  remembered INTEGER NOT NULL DEFAULT 1   -- 0 once the identities of this file are forgotten
);
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
