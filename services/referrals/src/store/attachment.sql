-- Attachments. Their bytes lie under the key of their case; of the rest only what is needed to find them, which goes with
-- them. Times are microseconds since 1970.

-- What calling systems hand over. media_type: the contract's number. committed: bytes that are there. state: 1 open, 2
-- finished, 3 refused. due_time: when it is given up; NULL once a referral names it.
CREATE TABLE IF NOT EXISTS referral_upload (
  upload BLOB PRIMARY KEY,
  party TEXT NOT NULL,
  case_uid BLOB NOT NULL,
  digest BLOB NOT NULL,
  size_bytes INTEGER NOT NULL,
  media_type INTEGER NOT NULL,
  committed INTEGER NOT NULL,
  state INTEGER NOT NULL,
  due_time INTEGER
);
CREATE INDEX IF NOT EXISTS referral_upload_case ON referral_upload (case_uid, digest);
CREATE INDEX IF NOT EXISTS referral_upload_waiting ON referral_upload (party) WHERE due_time IS NOT NULL;
CREATE INDEX IF NOT EXISTS referral_upload_due ON referral_upload (due_time) WHERE due_time IS NOT NULL;
CREATE TABLE IF NOT EXISTS referral_upload_chunk (
  upload BLOB NOT NULL,
  position INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (upload, position)
);

-- What the parts of an owner name, as long as they are held. owner, holder, part: as in referral_content.
CREATE TABLE IF NOT EXISTS referral_attachment (
  owner BLOB NOT NULL,
  holder INTEGER NOT NULL,
  part INTEGER NOT NULL,
  digest BLOB NOT NULL,
  size_bytes INTEGER NOT NULL,
  case_uid BLOB NOT NULL,
  PRIMARY KEY (owner, holder, part, digest)
);
CREATE INDEX IF NOT EXISTS referral_attachment_case ON referral_attachment (case_uid, digest);

-- What an origin sends to a branch, once the event has arrived that names it. ordinal: of that event. place: which of its
-- attachments. next: the chunk to be sent next. attempt: how often it began anew. state: 1 under way, 2 received, 3
-- refused, 4 ended. due_time: when it is looked at again; NULL when it is over.
CREATE TABLE IF NOT EXISTS referral_sending (
  branch BLOB NOT NULL,
  digest BLOB NOT NULL,
  ordinal INTEGER NOT NULL,
  place INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  next INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  state INTEGER NOT NULL,
  due_time INTEGER,
  PRIMARY KEY (branch, digest)
);
CREATE INDEX IF NOT EXISTS referral_sending_due ON referral_sending (due_time) WHERE due_time IS NOT NULL;

-- Its chunks of which nobody knows yet what became of them, by the message that carries each.
CREATE TABLE IF NOT EXISTS referral_sending_chunk (
  message BLOB PRIMARY KEY,
  branch BLOB NOT NULL,
  digest BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS referral_sending_chunk_branch ON referral_sending_chunk (branch, digest);
