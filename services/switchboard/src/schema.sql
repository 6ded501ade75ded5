-- The tables of a switchboard. What is known of a person or a need lies under the key of its case. What lies in the
-- clear is what the contract's BASIC view shows. Times are microseconds since 1970.

-- A contact. party: whose unit received it, and who therefore may see it. state: the contract's number. create_time:
-- when it was recorded, which is the order of lists. basic: the BASIC view as the contract encodes it. body: all of it,
-- encrypted under the key of its case.
CREATE TABLE IF NOT EXISTS switchboard_contact (
  contact BLOB NOT NULL,
  party TEXT NOT NULL,
  case_uid BLOB NOT NULL,
  state INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  basic BLOB NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (contact)
);
CREATE INDEX IF NOT EXISTS switchboard_contact_order ON switchboard_contact (party, create_time, contact);

-- Contacts that are being sent: no answer has come yet. body: what is asked for, encrypted under the key of the case.
-- message: the one by which it was asked for last. times_asked: how often that was its turn. ask_time: when it is asked again.
CREATE TABLE IF NOT EXISTS switchboard_sending (
  contact BLOB NOT NULL,
  message BLOB NOT NULL,
  times_asked INTEGER NOT NULL,
  ask_time INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (contact)
);
CREATE INDEX IF NOT EXISTS switchboard_sending_time ON switchboard_sending (ask_time);

-- Requests that were answered, by calling system. contact: what it was about, a contact, a hand-over or an alarm, or the
-- case of a device. answer: digest of the request and what was answered beside it, encrypted under the key that what it
-- was about lies under, because the digest of an unsalted name would tell the name.
CREATE TABLE IF NOT EXISTS switchboard_request (
  system TEXT NOT NULL,
  request_id TEXT NOT NULL,
  contact BLOB NOT NULL,
  answer BLOB NOT NULL,
  PRIMARY KEY (system, request_id)
);

-- Devices with an alarm key. case_uid: under whose key its body lies; nothing else belongs to that case. key: which alarm
-- key of the party it was made with, by name. seen: which presses have arrived. alarm, unplaced: the newest of each kind
-- that it raised; 16 zero bytes for none. body: all of it, encrypted.
CREATE TABLE IF NOT EXISTS switchboard_device (
  party TEXT NOT NULL,
  device BLOB NOT NULL,
  case_uid BLOB NOT NULL,
  key TEXT NOT NULL,
  seen BLOB NOT NULL,
  alarm BLOB NOT NULL,
  unplaced BLOB NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (party, device)
);

-- Alarms that presses raised. case_uid: that of the contact that it began. state: the contract's number. basic: what is
-- shown without content. body: all of it, encrypted under the key of the case.
CREATE TABLE IF NOT EXISTS switchboard_alarm (
  alarm BLOB NOT NULL,
  party TEXT NOT NULL,
  case_uid BLOB NOT NULL,
  state INTEGER NOT NULL,
  press_time INTEGER NOT NULL,
  basic BLOB NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (alarm)
);
CREATE INDEX IF NOT EXISTS switchboard_alarm_order ON switchboard_alarm (party, press_time, alarm);

-- Access records, chained by digests: who was shown a contact or a hand-over, for which person. The head stands by
-- itself, so that what is cut off at the end is found.
CREATE TABLE IF NOT EXISTS switchboard_access (
  number INTEGER PRIMARY KEY,
  access_time INTEGER NOT NULL,
  party TEXT NOT NULL,
  system TEXT NOT NULL,
  person TEXT NOT NULL,
  contact BLOB NOT NULL,
  previous BLOB NOT NULL,
  digest BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS switchboard_access_head (
  number INTEGER PRIMARY KEY,
  digest BLOB NOT NULL
);

-- A hand-over as one side holds it; where both units live here it is there twice. holder: the side, the contract's
-- number. party: whose unit is on that side, and who therefore may see it; empty until its offer is there. state: the
-- contract's number, of what the logs say. create_time: when it was stored here, which is the order of lists. due_time:
-- when the rules look at it again, if something is still to be done. own_contact: by which the recipient goes on; empty
-- before.
CREATE TABLE IF NOT EXISTS switchboard_handover (
  handover BLOB NOT NULL,
  holder INTEGER NOT NULL,
  contact BLOB NOT NULL,
  case_uid BLOB NOT NULL,
  purpose TEXT NOT NULL,
  party TEXT NOT NULL,
  state INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  due_time INTEGER,
  own_contact BLOB NOT NULL,
  PRIMARY KEY (handover, holder)
);
CREATE INDEX IF NOT EXISTS switchboard_handover_order ON switchboard_handover (party, create_time, handover, holder);
CREATE INDEX IF NOT EXISTS switchboard_handover_contact ON switchboard_handover (contact, holder);
CREATE INDEX IF NOT EXISTS switchboard_handover_due ON switchboard_handover (due_time);

-- The two logs of a hand-over as a side holds them. bytes: as they travelled; they say nothing about a person. message:
-- the one that carries an own event, empty when none does. carried: 0 with its parts, 1 without them, 2 not at all.
-- outcome: what the other side made of that message, empty until it was concluded, 0 received, else why it was refused.
CREATE TABLE IF NOT EXISTS switchboard_handover_event (
  handover BLOB NOT NULL,
  holder INTEGER NOT NULL,
  side INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  message BLOB NOT NULL,
  carried INTEGER NOT NULL,
  outcome INTEGER,
  PRIMARY KEY (handover, holder, side, ordinal)
);
CREATE INDEX IF NOT EXISTS switchboard_handover_event_message ON switchboard_handover_event (message);

-- What was told: each version of each part. body: encrypted, at the origin under the key of the case, at the recipient
-- under one of the hand-over alone, which goes with its end.
CREATE TABLE IF NOT EXISTS switchboard_handover_part (
  handover BLOB NOT NULL,
  holder INTEGER NOT NULL,
  part INTEGER NOT NULL,
  version INTEGER NOT NULL,
  digest BLOB NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (handover, holder, part, version)
);

-- A placement enquiry as one side holds it; where both units live here it is there twice. holder: the side, the
-- contract's number. party: whose unit is on that side, and who therefore may see it. asker: whose unit asks.
-- over_limit: 1 when that party had asked more often than it may in an hour. create_time: when it was stored here,
-- which is the order of lists. due_time: when nothing of it is left. need: who needs what, encrypted under a key of the
-- enquiry alone; empty while it is not there.
CREATE TABLE IF NOT EXISTS switchboard_placement (
  placement BLOB NOT NULL,
  holder INTEGER NOT NULL,
  purpose TEXT NOT NULL,
  party TEXT NOT NULL,
  asker TEXT NOT NULL,
  over_limit INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  due_time INTEGER,
  need BLOB NOT NULL,
  PRIMARY KEY (placement, holder)
);
CREATE INDEX IF NOT EXISTS switchboard_placement_order ON switchboard_placement (party, create_time, placement, holder);
CREATE INDEX IF NOT EXISTS switchboard_placement_asker ON switchboard_placement (asker, holder, create_time);
CREATE INDEX IF NOT EXISTS switchboard_placement_due ON switchboard_placement (due_time);

-- The two logs of an enquiry as a side holds them. bytes: as they travelled; they say nothing about a person. message:
-- the one that carries an own event. outcome: what the other side made of that message, empty until it was concluded, 0
-- received, else why it was refused. store_time: when it was stored here.
CREATE TABLE IF NOT EXISTS switchboard_placement_event (
  placement BLOB NOT NULL,
  holder INTEGER NOT NULL,
  side INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  message BLOB NOT NULL,
  store_time INTEGER NOT NULL,
  outcome INTEGER,
  PRIMARY KEY (placement, holder, side, ordinal)
);
CREATE INDEX IF NOT EXISTS switchboard_placement_event_message ON switchboard_placement_event (message);

-- Enquiries that wait at their desk for an answer, and when they are looked at again for whom to tell. Nothing here, nor
-- in the notices, is about a person but by opaque reference: where people are reached stands in the rosters alone.
CREATE TABLE IF NOT EXISTS switchboard_waking (
  placement BLOB NOT NULL,
  due_time INTEGER NOT NULL,
  PRIMARY KEY (placement)
);
CREATE INDEX IF NOT EXISTS switchboard_waking_due ON switchboard_waking (due_time, placement);

-- Who is told that something waits, in the order in which they were called; gone once the enquiry waits no more. notice:
-- id under which it goes out. party and unit: where they are on duty. person: a reference of the roster. sent_time: NULL
-- until somebody has taken it.
CREATE TABLE IF NOT EXISTS switchboard_notice (
  notice BLOB NOT NULL,
  placement BLOB NOT NULL,
  step INTEGER NOT NULL,
  party TEXT NOT NULL,
  unit TEXT NOT NULL,
  person TEXT NOT NULL,
  tell_time INTEGER NOT NULL,
  sent_time INTEGER,
  PRIMARY KEY (notice)
);
CREATE INDEX IF NOT EXISTS switchboard_notice_placement ON switchboard_notice (placement, step);
CREATE INDEX IF NOT EXISTS switchboard_notice_unsent ON switchboard_notice (tell_time) WHERE sent_time IS NULL;

-- What desks said of enquiries that were asked from here, and when it is looked at for whom to tell; and who is told of
-- each, one person, as in the two tables above. word: name of an event of a desk. ordinal: where it stands in the desk's
-- log. Gone once somebody has acted on it, or nobody can any more.
CREATE TABLE IF NOT EXISTS switchboard_word (
  word BLOB NOT NULL,
  due_time INTEGER NOT NULL,
  placement BLOB,
  ordinal INTEGER,
  PRIMARY KEY (word)
);
CREATE INDEX IF NOT EXISTS switchboard_word_due ON switchboard_word (due_time, word);
CREATE INDEX IF NOT EXISTS switchboard_word_placement ON switchboard_word (placement);
CREATE TABLE IF NOT EXISTS switchboard_word_notice (
  notice BLOB NOT NULL,
  word BLOB NOT NULL,
  step INTEGER NOT NULL,
  party TEXT NOT NULL,
  unit TEXT NOT NULL,
  person TEXT NOT NULL,
  tell_time INTEGER NOT NULL,
  sent_time INTEGER,
  PRIMARY KEY (notice)
);
CREATE INDEX IF NOT EXISTS switchboard_word_notice_word ON switchboard_word_notice (word, step);
CREATE INDEX IF NOT EXISTS switchboard_word_notice_unsent ON switchboard_word_notice (tell_time)
  WHERE sent_time IS NULL;

-- When somebody at a unit was told last of any enquiry, which may be over since.
CREATE TABLE IF NOT EXISTS switchboard_told (
  party TEXT NOT NULL,
  unit TEXT NOT NULL,
  tell_time INTEGER NOT NULL,
  PRIMARY KEY (party, unit)
);

-- By which pseudonyms the contacts of a party are found: digests under a key that is not in the store.
CREATE TABLE IF NOT EXISTS switchboard_pseudonym (
  party TEXT NOT NULL,
  pseudonym BLOB NOT NULL,
  contact BLOB NOT NULL,
  PRIMARY KEY (party, pseudonym, contact)
);
CREATE INDEX IF NOT EXISTS switchboard_pseudonym_contact ON switchboard_pseudonym (contact);
