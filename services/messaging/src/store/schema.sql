-- The messaging tables of an access point. Times are microseconds since 1970 by the local clock. Bodies
-- (content, envelope) are encrypted under the key of their case; digests, ids and the envelope without its parts
-- (erased) stay after erasure, and after the time in which a peer may ask for the whole one. proof: the key of the
-- message's part, where the service keeps that message in the clear; it opens nothing else.

CREATE TABLE fence (value INTEGER NOT NULL);

CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL);

-- What this store may have forgotten, one row for each start that found it older than what others knew. begin_time: of
-- the last message accepted that it remembers, 0 for none; end_time: of the start.
CREATE TABLE lost_period (
  start INTEGER PRIMARY KEY,
  begin_time INTEGER NOT NULL,
  end_time INTEGER NOT NULL
);

-- One key per case (and one for messages of no case), wrapped by a key-encryption key kept off this disk.
CREATE TABLE case_key (
  correlation BLOB PRIMARY KEY,
  kek TEXT NOT NULL,
  wrapped BLOB NOT NULL
);
CREATE INDEX case_key_kek ON case_key (kek);

-- Every message this access point ever accepted to send. state: 0 to be signed, 1 signed, 2 received,
-- 3 refused, 4 waiting for the peer's newer release, 5 skipped. ordinal: the number in the case that it was last
-- signed under. reason: why it was refused; in the states 0, 1
-- and 5 why it is skipped, 0 when it is not. told: what its service was last told: 0 nothing, 1 received, else that it
-- was refused, as the reason with a minus. contract, kind: the flow that it is counted under. The content lies by
-- itself, because these rows change.
CREATE TABLE outbox (
  id BLOB PRIMARY KEY,
  recipient TEXT NOT NULL,
  lane INTEGER NOT NULL,
  serial INTEGER NOT NULL UNIQUE,
  contract TEXT NOT NULL,
  kind TEXT NOT NULL,
  correlation BLOB NOT NULL,
  ordinal INTEGER NOT NULL,
  draft_digest BLOB NOT NULL,
  state INTEGER NOT NULL,
  reason INTEGER NOT NULL,
  signed INTEGER NOT NULL,
  told INTEGER NOT NULL,
  create_time INTEGER NOT NULL
);
CREATE INDEX outbox_open ON outbox (recipient, lane, state, serial) WHERE state IN (0, 1, 4);
CREATE INDEX outbox_ended ON outbox (recipient, lane, state) WHERE state IN (3, 5);
-- What was received is found by its positions.
CREATE INDEX outbox_case ON outbox (correlation) WHERE state <> 2;
CREATE TABLE outbox_content (
  serial INTEGER PRIMARY KEY,
  content BLOB NOT NULL
);

-- Every position this access point ever signed and has not given up. Positions up to the receipted one never change.
-- ordinal: the number in the case that was signed there. contract, kind: the flow that it is counted under, for ever;
-- both empty when it could not be learned any more.
CREATE TABLE sent (
  recipient TEXT NOT NULL,
  lane INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  id BLOB NOT NULL,
  correlation BLOB NOT NULL,
  ordinal INTEGER NOT NULL,
  contract TEXT NOT NULL,
  kind TEXT NOT NULL,
  digest BLOB NOT NULL,
  envelope BLOB,
  erased BLOB,
  proof BLOB,
  sign_time INTEGER NOT NULL,
  PRIMARY KEY (recipient, lane, sequence)
);
CREATE INDEX sent_id ON sent (id);
CREATE INDEX sent_case ON sent (correlation, recipient, lane, sequence);
CREATE INDEX sent_whole ON sent (sign_time) WHERE envelope IS NOT NULL AND recipient <> 'all';

-- Every position this access point ever accepted. outcome: 0 received, else the refusal reason. spent: 1 on the
-- one row that spent the id, 2 there while a broadcast's publisher has abandoned the position and not sent it again,
-- 3 there where a skip spent it.
-- expected: the number in the case that a refusal for now named; 0 when it named none.
-- branch: 0 in the channel's present history, another number in a broadcast's abandoned ones.
-- contract, kind: as in sent; both empty of what could not be opened, or is of a contract that nobody here knew.
CREATE TABLE received (
  sender TEXT NOT NULL,
  recipient TEXT NOT NULL,
  lane INTEGER NOT NULL,
  branch INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  id BLOB NOT NULL,
  correlation BLOB NOT NULL,
  contract TEXT NOT NULL,
  kind TEXT NOT NULL,
  digest BLOB NOT NULL,
  content_digest BLOB NOT NULL,
  outcome INTEGER NOT NULL,
  expected INTEGER NOT NULL,
  spent INTEGER NOT NULL,
  envelope BLOB,
  erased BLOB,
  proof BLOB,
  receive_time INTEGER NOT NULL,
  PRIMARY KEY (sender, recipient, lane, branch, sequence)
);
CREATE UNIQUE INDEX received_spent ON received (sender, id) WHERE spent > 0;
CREATE INDEX received_case ON received (correlation);
CREATE INDEX received_id ON received (sender, id) WHERE spent = 0;
CREATE INDEX received_refused ON received (sender, recipient, lane) WHERE outcome <> 0;
CREATE INDEX received_whole ON received (receive_time) WHERE envelope IS NOT NULL AND recipient <> 'all';
CREATE INDEX received_abandoned ON received (sender) WHERE spent = 2;

-- Receipts issued to senders and held from recipients. They are evidence and are kept for ever. receive_time: by
-- the issuer's clock.
CREATE TABLE receipt_issued (
  sender TEXT NOT NULL,
  recipient TEXT NOT NULL,
  lane INTEGER NOT NULL,
  series INTEGER NOT NULL,
  number INTEGER NOT NULL,
  first_sequence INTEGER NOT NULL,
  last_sequence INTEGER NOT NULL,
  digest BLOB NOT NULL,
  receipt BLOB NOT NULL,
  receive_time INTEGER NOT NULL,
  PRIMARY KEY (sender, recipient, lane, series, number)
);
CREATE INDEX receipt_issued_cover ON receipt_issued (sender, recipient, lane, last_sequence);
CREATE INDEX receipt_issued_time ON receipt_issued (receive_time);
CREATE TABLE receipt_held (
  issuer TEXT NOT NULL,
  recipient TEXT NOT NULL,
  lane INTEGER NOT NULL,
  series INTEGER NOT NULL,
  number INTEGER NOT NULL,
  first_sequence INTEGER NOT NULL,
  last_sequence INTEGER NOT NULL,
  digest BLOB NOT NULL,
  receipt BLOB NOT NULL,
  receive_time INTEGER NOT NULL,
  PRIMARY KEY (issuer, recipient, lane, series, number)
);
CREATE INDEX receipt_held_cover ON receipt_held (issuer, recipient, lane, last_sequence);
CREATE INDEX receipt_held_digest ON receipt_held (digest);
CREATE INDEX receipt_held_time ON receipt_held (receive_time);

-- What was promised to senders: the highest incarnation proposed, the run that proposed it and its signed
-- status, which proves to an older process of that sender that it was superseded.
CREATE TABLE promise (
  sender TEXT NOT NULL,
  recipient TEXT NOT NULL,
  lane INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  run BLOB NOT NULL,
  base_sequence INTEGER,
  proposal BLOB NOT NULL,
  PRIMARY KEY (sender, recipient, lane)
);

-- The last number of each case that was counted here, by sender.
CREATE TABLE counted (
  sender TEXT NOT NULL,
  correlation BLOB NOT NULL,
  ordinal INTEGER NOT NULL,
  PRIMARY KEY (sender, correlation)
);

-- The last number of each case that a recipient had counted at a position, as its receipt for that position says.
CREATE TABLE counted_there (
  recipient TEXT NOT NULL,
  correlation BLOB NOT NULL,
  ordinal INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (recipient, correlation)
);

-- What arrived and cannot be believed. Bounded: the oldest give way.
CREATE TABLE quarantine (
  serial INTEGER PRIMARY KEY,
  subject_sender TEXT NOT NULL,
  reason TEXT NOT NULL,
  digest BLOB NOT NULL,
  size INTEGER NOT NULL,
  arrive_time INTEGER NOT NULL
);

-- Envelopes that verified but came too late to take a position: their sender had agreed on another history. Returned
-- to it until the message takes a position, because its store may have been rolled back and this be the last copy.
CREATE TABLE stray (
  sender TEXT NOT NULL,
  lane INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  id BLOB NOT NULL,
  envelope BLOB NOT NULL,
  PRIMARY KEY (sender, id)
);

-- Blobs by sender and case (empty: of no case), and their chunks, which are encrypted under the key of the case. arrived:
-- bytes that are there. whole: 1 when all are there and have the digest, 2 when all came and had another: then none is
-- kept.
CREATE TABLE blob (
  sender TEXT NOT NULL,
  correlation BLOB NOT NULL,
  digest BLOB NOT NULL,
  size_bytes INTEGER NOT NULL,
  arrived INTEGER NOT NULL,
  whole INTEGER NOT NULL,
  PRIMARY KEY (sender, correlation, digest)
);
CREATE INDEX blob_awaited ON blob (sender) WHERE whole = 0;
CREATE INDEX blob_case ON blob (correlation);
CREATE TABLE blob_chunk (
  sender TEXT NOT NULL,
  correlation BLOB NOT NULL,
  digest BLOB NOT NULL,
  position INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (sender, correlation, digest, position)
);
CREATE INDEX blob_chunk_case ON blob_chunk (correlation);
