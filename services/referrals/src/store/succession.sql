-- Branches of units that are over, on their way to who took the duties over. Nothing here is content, and nothing is about
-- a person. Times are microseconds since 1970.

-- A branch at the access point that had it. stage: 1 waits, 2 its successor was asked, 3 handed over by the last event of
-- the log and not yet taken, 4 taken over, 5 its content is gone. party and unit: the successor; empty while there is none.
-- chosen: 1 where a person named it. message: the one under way, or empty. origin and recipient: how many events of each
-- log it has. reason: why the branch is still here, empty where nothing is the matter. due_time: when it is looked at
-- again, if ever.
CREATE TABLE IF NOT EXISTS referral_succession (
  branch BLOB PRIMARY KEY,
  stage INTEGER NOT NULL,
  party TEXT NOT NULL,
  unit TEXT NOT NULL,
  chosen INTEGER NOT NULL,
  message BLOB NOT NULL,
  origin INTEGER NOT NULL,
  recipient INTEGER NOT NULL,
  reason TEXT NOT NULL,
  due_time INTEGER
);
CREATE INDEX IF NOT EXISTS referral_succession_due ON referral_succession (due_time) WHERE due_time IS NOT NULL;
CREATE INDEX IF NOT EXISTS referral_succession_message ON referral_succession (message);

-- What proves the logs of a branch that was taken over: a serialized nhipcau.referral.v1.BranchHandedOver with envelopes,
-- receipts and the keys of their events, and without the events. Changed by nothing but the next hand-over.
CREATE TABLE IF NOT EXISTS referral_inherited (
  branch BLOB PRIMARY KEY,
  proofs BLOB NOT NULL
);
