-- What reading needs beside the logs. Nothing here is content, and nothing is about a person but by opaque reference.
-- Times are microseconds since 1970.

-- Every change of a branch, numbered for each party by itself, so that a cursor tells nothing of others. origin and
-- recipient: how many events of each log were there after it. mark: digest of the changes up to this one, by which a
-- cursor is known again after the store was restored from an older copy.
CREATE TABLE IF NOT EXISTS referral_change (
  party TEXT NOT NULL,
  number INTEGER NOT NULL,
  branch BLOB NOT NULL,
  side INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  recipient INTEGER NOT NULL,
  mark BLOB NOT NULL,
  PRIMARY KEY (party, number)
);

-- Who was shown content: written and on disk before it is shown. Evidence: numbered from 1 and chained by digest, never
-- changed and never dropped. origin: the origin's party, the first half of the referral's name. person: a reference in
-- the party's own system. parts: the contract's numbers of the parts that were shown, joined by commas; where nothing
-- was shown but a legal hold ordered or released, "hold" or "release".
CREATE TABLE IF NOT EXISTS referral_access (
  number INTEGER PRIMARY KEY,
  access_time INTEGER NOT NULL,
  party TEXT NOT NULL,
  system TEXT NOT NULL,
  person TEXT NOT NULL,
  origin TEXT NOT NULL,
  referral BLOB NOT NULL,
  parts TEXT NOT NULL,
  previous BLOB NOT NULL,
  digest BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS referral_access_referral ON referral_access (referral, number);

-- The last access record, one row written with it: shows what was cut off at the end. No row before the first record.
CREATE TABLE IF NOT EXISTS referral_access_head (
  number INTEGER PRIMARY KEY,
  digest BLOB NOT NULL
);
