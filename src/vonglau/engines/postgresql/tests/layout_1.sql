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
