//! The stable reasons of refusals at the door: what `google.rpc.ErrorInfo.reason` carries. Every constant is
//! documented in `docs/errors.md`, held by a test; a published one never changes its meaning.

/// The file is not a directory release, revocation or attachment that this version can read.
pub const DIRECTORY_MALFORMED: &str = "DIRECTORY_MALFORMED";
/// Fewer than two signers of the trusted root have signed the release.
pub const DIRECTORY_UNDER_SIGNED: &str = "DIRECTORY_UNDER_SIGNED";
/// The release has another root, and that root is not vouched for.
pub const DIRECTORY_ROOT_REFUSED: &str = "DIRECTORY_ROOT_REFUSED";
/// The release is older than the one in use.
pub const DIRECTORY_ROLLED_BACK: &str = "DIRECTORY_ROLLED_BACK";
/// Two contents are signed where there must be one.
pub const DIRECTORY_CONFLICT: &str = "DIRECTORY_CONFLICT";
/// The release is signed, but its content does not hold together.
pub const DIRECTORY_INVALID: &str = "DIRECTORY_INVALID";
/// The release has expired and there is none that it succeeds.
pub const DIRECTORY_EXPIRED: &str = "DIRECTORY_EXPIRED";
/// The revocation is not signed by a key of the party that may revoke.
pub const DIRECTORY_REVOCATION_REFUSED: &str = "DIRECTORY_REVOCATION_REFUSED";
/// The bulletin is not signed by a key of its access point that is in force.
pub const DIRECTORY_BULLETIN_REFUSED: &str = "DIRECTORY_BULLETIN_REFUSED";
/// The release in use names no attached file with this digest.
pub const DIRECTORY_ATTACHMENT_UNKNOWN: &str = "DIRECTORY_ATTACHMENT_UNKNOWN";
/// The branch is in a state from which this event is not possible.
pub const WRONG_STATE: &str = "WRONG_STATE";
/// The event belongs to the other side's log.
pub const WRONG_SIDE: &str = "WRONG_SIDE";
/// The branch changed since the caller read it.
pub const ETAG_STALE: &str = "ETAG_STALE";
/// The kind of the referral has no such event.
pub const NOT_FOR_THIS_KIND: &str = "NOT_FOR_THIS_KIND";
/// The branch is open already.
pub const ALREADY_OPENED: &str = "ALREADY_OPENED";
/// The sender's store does not hold the recipient's acceptance.
pub const NOT_ACCEPTED: &str = "NOT_ACCEPTED";
/// The branch has not been assigned.
pub const NOT_ASSIGNED: &str = "NOT_ASSIGNED";
/// The branch has been assigned; its recipient can only be asked to stop.
pub const ALREADY_ASSIGNED: &str = "ALREADY_ASSIGNED";
/// Another branch for the same need has been assigned.
pub const GROUP_ASSIGNED: &str = "GROUP_ASSIGNED";
/// A transfer cannot be rejected, only redirected.
pub const TRANSFER_NOT_REJECTABLE: &str = "TRANSFER_NOT_REJECTABLE";
/// A person took the transfer over; it is handed on by a new transfer.
pub const TRANSFER_TAKEN_OVER: &str = "TRANSFER_TAKEN_OVER";
/// The recipient has asked already to hand the branch back.
pub const HAND_BACK_REQUESTED: &str = "HAND_BACK_REQUESTED";
/// The recipient does not ask to hand the branch back.
pub const NO_HAND_BACK_REQUESTED: &str = "NO_HAND_BACK_REQUESTED";
/// The branch was handed over to the unit that took the duties over.
pub const BRANCH_MOVED: &str = "BRANCH_MOVED";
/// The release in use does not name the unit as one that took the duties over, or it is not in force.
pub const NOT_A_SUCCESSOR: &str = "NOT_A_SUCCESSOR";
/// Several units took the duties over, and nobody has said to which the branch goes.
pub const SEVERAL_SUCCESSORS: &str = "SEVERAL_SUCCESSORS";
/// A branch was handed over to a unit that the release in use does not name as a successor.
pub const MOVED_UNCONFIRMED: &str = "MOVED_UNCONFIRMED";
/// The need is not over: one of its branches is open, or it was opened again already.
pub const NEED_OPEN: &str = "NEED_OPEN";
/// The unit was tried for this need already.
pub const REDIRECT_CIRCLE: &str = "REDIRECT_CIRCLE";
/// The need was redirected so often that it goes to a unit above.
pub const TOO_MANY_REDIRECTS: &str = "TOO_MANY_REDIRECTS";
/// Nobody asked the recipient to stop.
pub const NO_REVOCATION_REQUESTED: &str = "NO_REVOCATION_REQUESTED";
/// The recipient stored the opening, so that it was not returned.
pub const OPENING_STORED: &str = "OPENING_STORED";
/// The event needs an acting person.
pub const PERSON_REQUIRED: &str = "PERSON_REQUIRED";
/// Nothing of the branch has to be erased, or it has been.
pub const ERASURE_NOT_DUE: &str = "ERASURE_NOT_DUE";
/// The part belongs to a later tier than the branch has reached.
pub const DISCLOSURE_TOO_EARLY: &str = "DISCLOSURE_TOO_EARLY";
/// The reporter did not agree to be named.
pub const REPORTER_NOT_AGREED: &str = "REPORTER_NOT_AGREED";
/// A part that the event needs is not there.
pub const PART_MISSING: &str = "PART_MISSING";
/// The same part is given twice.
pub const PART_REPEATED: &str = "PART_REPEATED";
/// No lawful basis is stated.
pub const BASIS_MISSING: &str = "BASIS_MISSING";
/// Consent was asked of a person under suspicion.
pub const BASIS_SUSPECT_ASKED: &str = "BASIS_SUSPECT_ASKED";
/// The consent is dated in the future.
pub const BASIS_NOT_YET: &str = "BASIS_NOT_YET";
/// The consent has ended.
pub const BASIS_EXPIRED: &str = "BASIS_EXPIRED";
/// The consent does not cover this part.
pub const BASIS_SCOPE: &str = "BASIS_SCOPE";
/// The referral does not rest on consent, so that none can be withdrawn.
pub const BASIS_NOT_CONSENT: &str = "BASIS_NOT_CONSENT";
/// An emergency release needs a vital interest as its basis.
pub const BASIS_NOT_VITAL: &str = "BASIS_NOT_VITAL";
/// The times of a time limit are not in order.
pub const TIME_LIMIT_ORDER: &str = "TIME_LIMIT_ORDER";
/// A working day was to be counted, and the directory has no calendar of that name that can be read.
pub const LIMIT_CALENDAR_MISSING: &str = "LIMIT_CALENDAR_MISSING";
/// A working day was to be counted of a year, or a part of one, for which no calendar of the directory speaks.
pub const LIMIT_CALENDAR_ENDED: &str = "LIMIT_CALENDAR_ENDED";
/// The directory has no time limit in force for a case that the law sets one for.
pub const LIMIT_RULE_MISSING: &str = "LIMIT_RULE_MISSING";
/// The rule of a time limit says something that this version cannot read or reckon.
pub const LIMIT_RULE_UNREADABLE: &str = "LIMIT_RULE_UNREADABLE";
/// A required field is missing.
pub const FIELD_REQUIRED: &str = "FIELD_REQUIRED";
/// The field does not have the documented syntax.
pub const FIELD_FORMAT: &str = "FIELD_FORMAT";
/// The code is not one that this version of the contract knows.
pub const CODE_UNKNOWN: &str = "CODE_UNKNOWN";
/// The text is not in Unicode normalization form C.
pub const TEXT_NOT_NFC: &str = "TEXT_NOT_NFC";
/// The text has more code points than documented.
pub const TEXT_TOO_LONG: &str = "TEXT_TOO_LONG";
/// The text has no characters where one is required.
pub const TEXT_EMPTY: &str = "TEXT_EMPTY";
/// The text has control characters other than line ends and tabs, or signs that turn the direction of writing.
pub const TEXT_CONTROL: &str = "TEXT_CONTROL";
/// The list has more entries than documented.
pub const TOO_MANY: &str = "TOO_MANY";
/// The date does not exist or the time is out of range.
pub const DATE_INVALID: &str = "DATE_INVALID";
/// An earlier event of the same log is missing.
pub const LOG_GAP: &str = "LOG_GAP";
/// Two different events claim the same position of a log.
pub const LOG_FORKED: &str = "LOG_FORKED";
/// The event names an event of the other log that is not there yet.
pub const LOG_SEEN_UNKNOWN: &str = "LOG_SEEN_UNKNOWN";
/// The event has seen less of the other log than the one before it.
pub const LOG_SEEN_BACKWARDS: &str = "LOG_SEEN_BACKWARDS";
/// No administrative unit has this code in this version of the list, or no list has this version.
pub const AREA_UNKNOWN: &str = "AREA_UNKNOWN";
/// The administrative unit exists, but was not in force on any day of the period; in a referral, it is not in force on
/// its day, and no unit is known that took it over.
pub const AREA_NOT_IN_FORCE: &str = "AREA_NOT_IN_FORCE";
/// The administrative unit was split since; a person has to choose which of the candidates is meant.
pub const AREA_SPLIT: &str = "AREA_SPLIT";
/// Nobody stated where it happened, or it is stated to be unknown and nobody chose a unit.
pub const AREA_MISSING: &str = "AREA_MISSING";
/// The code of an administrative unit stands without the version of its list; since codes were used again in 2025
/// it could mean two units.
pub const AREA_WITHOUT_LIST_VERSION: &str = "AREA_WITHOUT_LIST_VERSION";
/// The action is Information or Append, which SDMX deprecated because systems read them differently.
pub const ACTION_DEPRECATED: &str = "ACTION_DEPRECATED";
/// The action is not MERGE, REPLACE or DELETE (`M`, `R`, `D`).
pub const ACTION_UNKNOWN: &str = "ACTION_UNKNOWN";
/// The columns of a series block have different lengths, or a position points beyond its texts.
pub const BLOCK_MALFORMED: &str = "BLOCK_MALFORMED";
/// A bulk load names a piece that was not uploaded or is no longer kept.
pub const CHUNK_MISSING: &str = "CHUNK_MISSING";
/// The code exists, but was not in force on any day of the period.
pub const CODE_NOT_IN_FORCE: &str = "CODE_NOT_IN_FORCE";
/// A column or an attribute stands twice.
pub const COMPONENT_REPEATED: &str = "COMPONENT_REPEATED";
/// The structure has no component of this name.
pub const COMPONENT_UNKNOWN: &str = "COMPONENT_UNKNOWN";
/// The file does not begin with the columns STRUCTURE, STRUCTURE_ID and ACTION, separated by commas.
pub const CSV_HEADER_INVALID: &str = "CSV_HEADER_INVALID";
/// A row has more or fewer cells than the header, often because of a missing quote.
pub const CSV_ROW_MALFORMED: &str = "CSV_ROW_MALFORMED";
/// The cursor is beyond what this access point holds: its store was restored from an older copy.
pub const CURSOR_EXPIRED: &str = "CURSOR_EXPIRED";
/// The cursor is of another access point or another selection, or is no cursor.
pub const CURSOR_INVALID: &str = "CURSOR_INVALID";
/// A dimension or the time period has no value, which only a DELETE may leave out.
pub const DIMENSION_MISSING: &str = "DIMENSION_MISSING";
/// The submission names the same series and period twice.
pub const DUPLICATE_OBSERVATION: &str = "DUPLICATE_OBSERVATION";
/// The file could not be read to its end.
pub const FILE_UNREADABLE: &str = "FILE_UNREADABLE";
/// The series key does not have one code per dimension.
pub const KEY_MALFORMED: &str = "KEY_MALFORMED";
/// The key pattern has another number of parts than the structure has dimensions, or an empty code in a list.
pub const KEY_PATTERN_MALFORMED: &str = "KEY_PATTERN_MALFORMED";
/// The row gives neither a value nor an attribute.
pub const OBSERVATION_EMPTY: &str = "OBSERVATION_EMPTY";
/// The time period is not a year, half-year, quarter, month, week or day in SDMX form.
pub const PERIOD_MALFORMED: &str = "PERIOD_MALFORMED";
/// The time period is longer or shorter than the frequency of the series says.
pub const PERIOD_NOT_OF_FREQUENCY: &str = "PERIOD_NOT_OF_FREQUENCY";
/// The rows of one file name different structures.
pub const STRUCTURE_MISMATCH: &str = "STRUCTURE_MISMATCH";
/// The structure or dataflow is not in the directory in use.
pub const STRUCTURE_UNKNOWN: &str = "STRUCTURE_UNKNOWN";
/// The submission contains no observation.
pub const SUBMISSION_EMPTY: &str = "SUBMISSION_EMPTY";
/// The submission breaks rules; every violation is counted, and of the first 100 as many are listed as fit into 8 KiB
/// of headers, each with a reason and a place.
pub const SUBMISSION_INVALID: &str = "SUBMISSION_INVALID";
/// The submission or file has more bytes, rows or datasets than this access point accepts.
pub const SUBMISSION_TOO_LARGE: &str = "SUBMISSION_TOO_LARGE";
/// A row is not valid UTF-8.
pub const TEXT_NOT_UTF8: &str = "TEXT_NOT_UTF8";
/// The value is not a plain decimal number nor `NaN`: exponents, decimal commas, spaces and thousands separators
/// are refused.
pub const VALUE_NOT_DECIMAL: &str = "VALUE_NOT_DECIMAL";
/// The code list of the component does not have this code.
pub const CODE_NOT_IN_LIST: &str = "CODE_NOT_IN_LIST";
/// The calling system is not allowed what is asked for, or it does not exist.
pub const ACCESS_DENIED: &str = "ACCESS_DENIED";
/// The call acts for a person and does not name one by a well-formed reference.
pub const ACTING_PERSON_MISSING: &str = "ACTING_PERSON_MISSING";
/// The connection shows no client certificate.
pub const CERTIFICATE_MISSING: &str = "CERTIFICATE_MISSING";
/// The client certificate does not carry exactly one name of a system.
pub const CERTIFICATE_WITHOUT_NAME: &str = "CERTIFICATE_WITHOUT_NAME";
/// The call took longer than this access point allows; its outcome is unknown.
pub const DEADLINE_PASSED: &str = "DEADLINE_PASSED";
/// A fault of this program or its machine.
pub const INTERNAL_FAULT: &str = "INTERNAL_FAULT";
/// The process ended before the call was answered; its outcome is unknown.
pub const OUTCOME_UNKNOWN: &str = "OUTCOME_UNKNOWN";
/// The request breaks the rules of its contract; the violations say where.
pub const REQUEST_INVALID: &str = "REQUEST_INVALID";
/// The calling system does not have the role that the call needs.
pub const ROLE_MISSING: &str = "ROLE_MISSING";
/// The access point is shutting down.
pub const SHUTTING_DOWN: &str = "SHUTTING_DOWN";
/// The certificate is valid, but the configuration does not name its system.
pub const SYSTEM_UNKNOWN: &str = "SYSTEM_UNKNOWN";
/// More calls are waiting than the access point takes; nothing was done.
pub const TOO_MANY_CALLS: &str = "TOO_MANY_CALLS";
/// The calling system has made more calls than its rate allows; nothing was done.
pub const RATE_EXCEEDED: &str = "RATE_EXCEEDED";
/// So much waits for the recipient's access point, which gives no receipts, that no more is accepted for it.
pub const OUTBOX_FULL: &str = "OUTBOX_FULL";
/// The disk of the store has so little room left that nothing new is accepted.
pub const DISK_LOW: &str = "DISK_LOW";
/// The message has too many parts or too many bytes for its channel.
pub const MESSAGE_TOO_LARGE: &str = "MESSAGE_TOO_LARGE";
/// No agreement of the directory allows this contract and purpose between the two parties.
pub const NOT_AGREED: &str = "NOT_AGREED";
/// It belongs to a minor version of its contract that the directory in use does not let be sent.
pub const MINOR_NOT_IN_USE: &str = "MINOR_NOT_IN_USE";
/// The party or unit is not served by the access point that the directory should name.
pub const NOT_HOSTED: &str = "NOT_HOSTED";
/// The addressed unit, or its party, is not in force at that time.
pub const UNIT_CLOSED: &str = "UNIT_CLOSED";
/// No unit of the directory in use gives the service in the area at that time; a person chooses one.
pub const NO_UNIT_FITS: &str = "NO_UNIT_FITS";
/// Several units of the directory in use fit equally; a person chooses one.
pub const SEVERAL_UNITS_FIT: &str = "SEVERAL_UNITS_FIT";
/// The contact is being sent, and the answer is not there yet.
pub const CONTACT_BEING_SENT: &str = "CONTACT_BEING_SENT";
/// The contact is offered to another switchboard, and what becomes of that is not certain yet.
pub const CONTACT_OFFERED: &str = "CONTACT_OFFERED";
/// The sending of the contact was not answered, and is not asked for any more.
pub const CONTACT_UNANSWERED: &str = "CONTACT_UNANSWERED";
/// The referral that the contact names was made by an earlier sending than the last one.
pub const CONTACT_SENT_EARLIER: &str = "CONTACT_SENT_EARLIER";
/// The case that a contact begins has a referral of its party already, which another request made.
pub const CASE_HAS_REFERRAL: &str = "CASE_HAS_REFERRAL";
/// The recipient of the hand-over goes on with a contact of its own, which is not closed or was sent.
pub const HANDOVER_CONTINUED: &str = "HANDOVER_CONTINUED";
/// The recipient of the hand-over has a contact of its own from it already.
pub const HANDOVER_HAS_CONTACT: &str = "HANDOVER_HAS_CONTACT";
/// Of what the hand-over told not even the preview is there.
pub const HANDOVER_CONTENT_GONE: &str = "HANDOVER_CONTENT_GONE";
/// The recipient is not in the directory in use.
pub const RECIPIENT_UNKNOWN: &str = "RECIPIENT_UNKNOWN";
/// The request id stands for another request already.
pub const REQUEST_ID_REUSED: &str = "REQUEST_ID_REUSED";
/// No such submission or series is held at this access point.
pub const NOT_HELD: &str = "NOT_HELD";
/// More pieces of bulk loads wait for their commit than this access point keeps.
pub const UPLOADS_WAITING: &str = "UPLOADS_WAITING";
/// This access point does not serve the method.
pub const METHOD_UNKNOWN: &str = "METHOD_UNKNOWN";
/// The request is not a message of its contract in valid UTF-8.
pub const REQUEST_MALFORMED: &str = "REQUEST_MALFORMED";
/// The request has more bytes than this access point takes.
pub const REQUEST_TOO_LARGE: &str = "REQUEST_TOO_LARGE";
/// The asked access point did not answer in time.
pub const PEER_SILENT: &str = "PEER_SILENT";
/// The named access point is not in the directory in use, or is the one that was asked.
pub const PEER_UNKNOWN: &str = "PEER_UNKNOWN";
/// No agreement or publication between the parties of two access points names the contract.
pub const FLOW_NOT_AGREED: &str = "FLOW_NOT_AGREED";
/// The other access point does not count by flow.
pub const FLOW_NOT_COUNTED: &str = "FLOW_NOT_COUNTED";
/// The period ends before or when it begins.
pub const PERIOD_EMPTY: &str = "PERIOD_EMPTY";
/// The page token was given for another list or another filter, or is none.
pub const PAGE_TOKEN_INVALID: &str = "PAGE_TOKEN_INVALID";
/// Events of the branch are being given back by the other side after this store was restored from an older copy.
pub const BRANCH_RECOVERING: &str = "BRANCH_RECOVERING";
/// A time that should have passed lies more than five minutes ahead of this access point's clock.
pub const TIME_IN_FUTURE: &str = "TIME_IN_FUTURE";
/// A review asked for a new plan, and no later one has said that the case may be brought to its end.
pub const REVIEW_OPEN: &str = "REVIEW_OPEN";
/// A plan is approved of which no draft was recorded.
pub const PLAN_MISSING: &str = "PLAN_MISSING";
/// The same unit is addressed twice.
pub const RECIPIENT_REPEATED: &str = "RECIPIENT_REPEATED";
/// A legal hold lasts on the case.
pub const LEGAL_HOLD: &str = "LEGAL_HOLD";
/// A part of the branch must be kept by a retention class that has not run out.
pub const RETAINED: &str = "RETAINED";
/// The party has, or had, a hold on the case under this reference.
pub const HOLD_EXISTS: &str = "HOLD_EXISTS";
/// The party has no hold on the case under this reference that lasts.
pub const HOLD_UNKNOWN: &str = "HOLD_UNKNOWN";
/// The case has no finished upload of these bytes, or the referral no attachment that the caller may read by this
/// digest.
pub const ATTACHMENT_UNKNOWN: &str = "ATTACHMENT_UNKNOWN";
/// The upload is to be finished, and not all of its bytes are there.
pub const ATTACHMENT_CUT: &str = "ATTACHMENT_CUT";
/// The bytes have not the digest that they were to have.
pub const ATTACHMENT_ALTERED: &str = "ATTACHMENT_ALTERED";
/// The bytes do not look like their media type.
pub const ATTACHMENT_TYPE: &str = "ATTACHMENT_TYPE";
/// The picture carries data about itself that may say where it was taken.
pub const ATTACHMENT_METADATA: &str = "ATTACHMENT_METADATA";
/// The attachment has not arrived whole yet.
pub const ATTACHMENT_AWAITED: &str = "ATTACHMENT_AWAITED";
/// So much was uploaded by the party that no referral names that no more is accepted.
pub const ATTACHMENTS_WAITING: &str = "ATTACHMENTS_WAITING";
/// The upload has been finished, refused or given up, and takes nothing more.
pub const UPLOAD_ENDED: &str = "UPLOAD_ENDED";
/// A party accepts more referrals within an hour than its agreement lets the origin follow by itself.
pub const ACCEPTANCE_LIMIT: &str = "ACCEPTANCE_LIMIT";
/// The file is not a signed roster that this version can read.
pub const ROSTER_MALFORMED: &str = "ROSTER_MALFORMED";
/// The roster is not signed by a signing key in force of the access point that it names.
pub const ROSTER_SIGNATURE_REFUSED: &str = "ROSTER_SIGNATURE_REFUSED";
/// The roster does not hold together, has ended, or is not newer than the one in use.
pub const ROSTER_INVALID: &str = "ROSTER_INVALID";
/// The unit has a roster file that cannot be used.
pub const ROSTER_MISSING: &str = "ROSTER_MISSING";
/// The last shift of the unit's roster is over.
pub const ROSTER_ENDED: &str = "ROSTER_ENDED";
/// The unit is open, and its roster has nobody on duty.
pub const NOBODY_ON_DUTY: &str = "NOBODY_ON_DUTY";
/// The unit is closed, and its roster has nobody on duty.
pub const OUT_OF_HOURS: &str = "OUT_OF_HOURS";
/// The unit's roster has nobody on duty, and the directory does not say when the unit is open.
pub const HOURS_MISSING: &str = "HOURS_MISSING";
/// Everybody on duty at the unit has been told, and nobody has acknowledged.
pub const EVERYBODY_TOLD: &str = "EVERYBODY_TOLD";
/// Nobody is signed in to the duty page, or no longer.
pub const SESSION_ENDED: &str = "SESSION_ENDED";
/// The code for signing in to the duty page does not count.
pub const SIGN_IN_REFUSED: &str = "SIGN_IN_REFUSED";
/// The bytes are no press of a device of the party.
pub const ALARM_FRAME_REFUSED: &str = "ALARM_FRAME_REFUSED";
/// The area is finer than the province, of somebody who is protected.
pub const AREA_TOO_FINE: &str = "AREA_TOO_FINE";
/// A press of a device cannot be placed: an old one that is played again, or one of a device that counts no more.
pub const ALARM_UNPLACED: &str = "ALARM_UNPLACED";
/// A test of a device is opened for more than an hour, or until a time that has passed.
pub const TEST_WINDOW_INVALID: &str = "TEST_WINDOW_INVALID";
/// A hold ends before it begins or more than 24 hours later, or somebody would come in the past or more than 7 days
/// later.
pub const PLACEMENT_TIME_INVALID: &str = "PLACEMENT_TIME_INVALID";
/// The asking party asks more often than it may in an hour, and whoever answers has not said that they have seen that.
pub const PLACEMENT_LIMIT: &str = "PLACEMENT_LIMIT";
