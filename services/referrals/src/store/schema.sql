-- The tables of referrals. Content, and what events say about a person, lies under the key of its case. What lies in
-- the clear is what the contract's BASIC view shows and what proves it: identifiers, units, states, codes, times,
-- digests and opaque references of acting persons. It stays when content is erased, because the record that something
-- ended is evidence. Times are microseconds since 1970. side and holder: 1 origin, 2 recipient.

-- A branch as one side of it holds it; both sides may be held here. purpose: under which agreement it travels. origin:
-- party of the opening unit. party: whose the holding side is, and who therefore may see it. state: the contract's
-- number. create_time: of the referral as the party first heard of it, which is the order of lists. due_time: when its
-- origin looks at it again by itself; NULL when nothing is due. unit: at which it asks something of people, at its
-- recipient; empty at its origin, and where it asks nothing of anybody. While the opening is missing, which happens only
-- while a rolled back store is given back its events, group_uid is all zero, party and unit empty and state 0.
CREATE TABLE IF NOT EXISTS referral_branch (
  branch BLOB NOT NULL,
  holder INTEGER NOT NULL,
  case_uid BLOB NOT NULL,
  referral BLOB NOT NULL,
  group_uid BLOB NOT NULL,
  purpose TEXT NOT NULL,
  origin TEXT NOT NULL,
  party TEXT NOT NULL,
  unit TEXT NOT NULL,
  state INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  due_time INTEGER,
  PRIMARY KEY (branch, holder)
);
CREATE INDEX IF NOT EXISTS referral_branch_due ON referral_branch (due_time) WHERE due_time IS NOT NULL;
CREATE INDEX IF NOT EXISTS referral_branch_referral ON referral_branch
  (referral, party, branch, holder, create_time);
CREATE INDEX IF NOT EXISTS referral_branch_case ON referral_branch (case_uid, party, create_time, referral, holder);
CREATE INDEX IF NOT EXISTS referral_branch_order ON referral_branch (party, create_time, referral, holder);
CREATE INDEX IF NOT EXISTS referral_branch_state ON referral_branch (party, state, create_time, referral, holder);

-- Both logs of a branch as one side holds them. bytes: the event as it travelled, never encoded anew; of one that says
-- something about a person, what is left of it without that. digest and sealed: of such a one, the digest by which logs
-- name it, and the event as it travelled, encrypted under the key of its case; else NULL. message: the message that
-- carries it, empty when none does. carried: 0 with its parts, 1 without them; of an own event also 2, held back because its
-- basis had ended. outcome: of an own event, NULL until its message was concluded, then 0 received or the refusal's
-- number. receipt_number and receipt_digest: what concluded it.
CREATE TABLE IF NOT EXISTS referral_event (
  branch BLOB NOT NULL,
  holder INTEGER NOT NULL,
  side INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  digest BLOB,
  sealed BLOB,
  message BLOB NOT NULL,
  carried INTEGER NOT NULL,
  outcome INTEGER,
  receipt_number INTEGER,
  receipt_digest BLOB,
  store_time INTEGER NOT NULL,
  PRIMARY KEY (branch, holder, side, ordinal)
);
CREATE INDEX IF NOT EXISTS referral_event_message ON referral_event (message) WHERE side = holder;

-- Parts of the content, encrypted under the key of their case. owner: the referral at its origin, the branch at its
-- recipient; the other side makes up the uids of its branches, so that only the holder tells the two apart. version: a
-- later one replaces an earlier one of the same part.
CREATE TABLE IF NOT EXISTS referral_content (
  owner BLOB NOT NULL,
  holder INTEGER NOT NULL,
  part INTEGER NOT NULL,
  version INTEGER NOT NULL,
  digest BLOB NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (owner, holder, part, version)
);

-- Acceptances of a recipient's party by which it is counted, where an agreement sets a limit: those of the last hour.
-- kind: the contract's number of the referral's kind, because the kinds are counted apart.
CREATE TABLE IF NOT EXISTS referral_acceptance (
  origin TEXT NOT NULL,
  recipient TEXT NOT NULL,
  purpose TEXT NOT NULL,
  kind INTEGER NOT NULL,
  accept_time INTEGER NOT NULL,
  branch BLOB NOT NULL,
  PRIMARY KEY (origin, recipient, purpose, kind, accept_time, branch)
);

-- Requests that were answered, by calling system. digest: of the request, encrypted under the key of the case, because
-- the digest of an unsalted name would tell the name. branch: empty when the answer is a whole referral.
CREATE TABLE IF NOT EXISTS referral_request (
  system TEXT NOT NULL,
  request_id TEXT NOT NULL,
  case_uid BLOB NOT NULL,
  digest BLOB NOT NULL,
  referral BLOB NOT NULL,
  branch BLOB NOT NULL,
  PRIMARY KEY (system, request_id)
);
