-- Waking whoever is on duty. Nothing here is content, and nothing is about a person but by opaque reference: where
-- people are reached stands in the rosters alone. Times are microseconds since 1970. Both tables are empty of whatever
-- no longer waits.

-- Branches that wait at their recipient for a person, at a unit with a roster, and when the next is told.
CREATE TABLE IF NOT EXISTS referral_waking (
  branch BLOB PRIMARY KEY,
  due_time INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS referral_waking_due ON referral_waking (due_time, branch);

-- Who is told that something waits, in the order in which they were called. notice: id under which it goes out. party
-- and unit: where they are on duty. person: a reference of the roster. sent_time: NULL until somebody has taken it.
CREATE TABLE IF NOT EXISTS referral_notice (
  notice BLOB PRIMARY KEY,
  branch BLOB NOT NULL,
  step INTEGER NOT NULL,
  party TEXT NOT NULL,
  unit TEXT NOT NULL,
  person TEXT NOT NULL,
  tell_time INTEGER NOT NULL,
  sent_time INTEGER
);
CREATE INDEX IF NOT EXISTS referral_notice_branch ON referral_notice (branch, step);
CREATE INDEX IF NOT EXISTS referral_notice_unsent ON referral_notice (tell_time) WHERE sent_time IS NULL;
