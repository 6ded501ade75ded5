-- What keeps content of ended branches. Nothing here is content, and nothing is about a person but by opaque reference.
-- Times are microseconds since 1970.

-- Legal holds: orders that nothing of a case is erased while they last. party: whose hold it is. order_reference: of
-- the order, in the party's own files. citation: the source that it names, which is told to whoever withdraws consent.
-- person: a reference in the party's own system. request_id: the request that ordered it. release_time: NULL while it
-- lasts. Never deleted; that one was ordered or released is proven by the access records.
CREATE TABLE IF NOT EXISTS referral_hold (
  case_uid BLOB NOT NULL,
  party TEXT NOT NULL,
  order_reference TEXT NOT NULL,
  citation TEXT NOT NULL,
  hold_time INTEGER NOT NULL,
  system TEXT NOT NULL,
  person TEXT NOT NULL,
  request_id TEXT NOT NULL,
  release_time INTEGER,
  release_system TEXT NOT NULL,
  release_person TEXT NOT NULL,
  release_request_id TEXT NOT NULL,
  PRIMARY KEY (case_uid, party, order_reference)
);
CREATE INDEX IF NOT EXISTS referral_hold_lasting ON referral_hold (hold_time) WHERE release_time IS NULL;

-- Ended branches that their recipient looks at again: it keeps a part of them until then, or could not answer a
-- withdrawal.
CREATE TABLE IF NOT EXISTS referral_kept (
  branch BLOB PRIMARY KEY,
  due_time INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS referral_kept_due ON referral_kept (due_time, branch);
