-- The tables of statistics. Everything here was published or is about to be, and lies in the clear. Times are
-- microseconds since 1970. Nothing that was said is ever dropped but uploads and pieces that served their
-- purpose; segments are made anew from it when a submission comes before later ones.

-- Every submission, own and held. serial: the order in which this store took them, which only watching follows.
-- publish_time and id: the order in which submissions of a provider apply, the same at every access point.
-- submitter: the calling system of an own one; empty for held ones and for own ones that a peer gave back.
-- position: place in the publisher's channel; 0 for own ones.
CREATE TABLE IF NOT EXISTS indicator_submission (
  serial INTEGER PRIMARY KEY,
  provider TEXT NOT NULL,
  id BLOB NOT NULL,
  structure TEXT NOT NULL,
  dataflow TEXT NOT NULL,
  ordinal INTEGER NOT NULL,
  publish_time INTEGER NOT NULL,
  observation_count INTEGER NOT NULL,
  submitter TEXT NOT NULL,
  access_point TEXT NOT NULL,
  envelope BLOB NOT NULL,
  position INTEGER NOT NULL,
  store_time INTEGER NOT NULL,
  UNIQUE (provider, id)
);
CREATE INDEX IF NOT EXISTS indicator_submission_order
  ON indicator_submission (provider, structure, publish_time, id);

-- What a submission said: serialized Chunks in canonical form, in the order in which they apply.
CREATE TABLE IF NOT EXISTS indicator_content (
  submission INTEGER NOT NULL,
  position INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (submission, position)
);

-- Series keys, each text once.
CREATE TABLE IF NOT EXISTS indicator_series (
  serial INTEGER PRIMARY KEY,
  structure TEXT NOT NULL,
  provider TEXT NOT NULL,
  key TEXT NOT NULL,
  UNIQUE (structure, provider, key)
);

-- What observations of a series became through a submission: a serialized SeriesBlock without its key, in the order of
-- periods. One that has neither a value nor an attribute there was deleted. part: counted within the submission from 0;
-- of two that name the same observation the later one holds. first_period, last_period: of the first and of the last
-- one, eight times its first day, in days since 1970, and its length: 0 a year to 5 a day.
CREATE TABLE IF NOT EXISTS indicator_segment (
  series INTEGER NOT NULL,
  submission INTEGER NOT NULL,
  part INTEGER NOT NULL,
  first_period INTEGER NOT NULL,
  last_period INTEGER NOT NULL,
  block BLOB NOT NULL,
  PRIMARY KEY (series, submission, part)
);

-- Requests that were answered, by calling system.
CREATE TABLE IF NOT EXISTS indicator_request (
  system TEXT NOT NULL,
  request_id TEXT NOT NULL,
  digest BLOB NOT NULL,
  submission INTEGER NOT NULL,
  PRIMARY KEY (system, request_id)
);

-- Pieces of bulk loads that wait for their commit.
CREATE TABLE IF NOT EXISTS indicator_upload (
  party TEXT NOT NULL,
  digest BLOB NOT NULL,
  bytes BLOB NOT NULL,
  upload_time INTEGER NOT NULL,
  PRIMARY KEY (party, digest)
);

-- Pieces that were published and wait for the event that names them. hold_time: when it arrived last.
CREATE TABLE IF NOT EXISTS indicator_piece (
  sender TEXT NOT NULL,
  digest BLOB NOT NULL,
  bytes BLOB NOT NULL,
  hold_time INTEGER NOT NULL,
  PRIMARY KEY (sender, digest)
);

-- Events that wait for pieces they name.
CREATE TABLE IF NOT EXISTS indicator_waiting (
  sender TEXT NOT NULL,
  envelope BLOB NOT NULL,
  position INTEGER NOT NULL,
  event BLOB NOT NULL,
  PRIMARY KEY (sender, envelope)
);

-- The pieces that each of them names, and whether they are held.
CREATE TABLE IF NOT EXISTS indicator_named (
  sender TEXT NOT NULL,
  digest BLOB NOT NULL,
  envelope BLOB NOT NULL,
  held INTEGER NOT NULL,
  PRIMARY KEY (sender, digest, envelope)
);
CREATE INDEX IF NOT EXISTS indicator_named_held ON indicator_named (sender, envelope, held);
