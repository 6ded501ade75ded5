//! Reading evidence at a third place: nothing is believed but signatures under the directory whose first root was
//! compared out of band, and what follows from them.
//!
//! Refuses a file whose parts do not fit each other. What fits and yet was broken, a limit or a promise, is a finding
//! of [`judge`]. Cannot find: events at the end of a log that were left out and that nothing here names; that what is
//! left of a masked event is the rest of the event whose digest is named, which may be any, or which envelope carried
//! it; that a key was used after it was revoked by whoever signed an earlier time; and a second pair of key and event
//! for an envelope of the one who made the file, see [`Proof`]. An own event counts as said to the other side where
//! that side names it.

use std::collections::HashSet;

use jiff::Timestamp;
use nhipcau_domain::{
    directory::{Fingerprint, Release, TrustedRoot},
    id::{AccessPointId, KeyId},
    proof::{self, judge},
    referral::{Body, Branch, CLOCK_TOLERANCE, Digest, Event, Side, UnitRef, guard::MOST_EVENTS, impersonal},
};
use nhipcau_messaging::{
    carriage::{self, Carriage, Delivery},
    crypto::sign,
    envelope::{self, Proof},
    message::Recipient,
    pae, receipt,
};
use nhipcau_proto::{
    accesspoint::v1 as pb,
    referral::v1::{ReferralEvent, ReviewConclusion, WorkKind},
};
use prost::Message as _;
use uuid::Uuid;

use super::{
    FILE_LIMIT, FORMAT,
    account::{Account, BranchAccount, Doubt, EventFault, Later, Line, Refused},
    found,
    outline::{List, outline},
    reach::{Reach, Seen},
};

const EVIDENCE: List = List { field: 1, most: 1, bytes: FILE_LIMIT };
/// One for each root there ever was, and the newest.
const RELEASES: List = List { field: 5, most: 64, bytes: FILE_LIMIT };
/// A branch once for each side that is held.
const BRANCHES: List = List { field: 6, most: 2 * crate::BRANCHES_OF_A_CASE as usize, bytes: FILE_LIMIT };
/// Those of the events, and those between them and the ends of receipts.
const ENVELOPES: List = List { field: 7, most: 1 << 16, bytes: FILE_LIMIT };
/// As many for each event of the largest file as for each of a smaller one.
const RECEIPTS: List = List { field: 8, most: RECEIPTS_OF_AN_EVENT * EVENTS, bytes: FILE_LIMIT };
/// A log with what always has room in it.
const ORIGIN: List = List { field: 3, most: MOST_EVENTS as usize + 100, bytes: EVENT_LIMIT };
const RECIPIENT: List = List { field: 4, ..ORIGIN };
/// Most events in a file.
const EVENTS: usize = 20_000;
/// Most receipts for each event in the file: its own, and those of events that were left out.
const RECEIPTS_OF_AN_EVENT: usize = 4;
/// Most bytes of an event with what speaks for it: no message holds more.
const EVENT_LIMIT: usize = 260 * 1024;

/// Verifies a file under the fingerprint of the directory's first root, at a time. What its maker signed is looked at
/// before anything that lies in it is decoded.
///
/// # Errors
/// [`Refused`] with the first thing that does not hold.
pub fn verify(bytes: &[u8], fingerprint: &Fingerprint, now: Timestamp) -> Result<Account, Refused> {
    if bytes.len() > FILE_LIMIT {
        return Err(Refused::TooMuch);
    }
    let (file, [signed]) = outline::<pb::EvidenceFile, 1>(bytes, [EVIDENCE])?;
    let signed = signed.first().copied().ok_or(Refused::Malformed)?;
    let (evidence, [releases, branches, envelopes, receipts]) =
        outline::<pb::Evidence, 4>(signed, [RELEASES, BRANCHES, ENVELOPES, RECEIPTS])?;
    if evidence.format != FORMAT || branches.is_empty() {
        return Err(Refused::Malformed);
    }
    let release = newest(&releases, fingerprint)?;
    let access_point = AccessPointId::new(&evidence.access_point).map_err(|_| Refused::Malformed)?;
    let key = KeyId::new(&file.signing_key).map_err(|_| Refused::Malformed)?;
    let key = release.signing_key(&access_point, &key).ok_or_else(|| Refused::UnknownMaker(release.version()))?;
    if !sign::verify(&key.public, pae::EVIDENCE, &[signed], &file.signature) {
        return Err(Refused::Changed);
    }
    let made = evidence.make_time.filter(|at| (0..1_000_000_000).contains(&at.nanos));
    let made = made.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok()).ok_or(Refused::Malformed)?;
    if key.revoked.is_some_and(|at| at <= made) {
        return Err(Refused::RevokedMaker);
    }
    if made.duration_since(now) > CLOCK_TOLERANCE {
        return Err(Refused::Future);
    }
    let case = Uuid::from_slice(&evidence.case_uid).map_err(|_| Refused::Malformed)?;
    let access_head = match evidence.access_head {
        None => None,
        Some(head) => Some((head.records, head.digest.try_into().map_err(|_| Refused::Malformed)?)),
    };
    let branches = branches.into_iter().map(|bytes| outline::<pb::EvidenceBranch, 2>(bytes, [ORIGIN, RECIPIENT]));
    let branches = branches.collect::<Result<Vec<_>, _>>()?;
    let events: usize = branches.iter().flat_map(|(_, logs)| logs).map(Vec::len).sum();
    if events > EVENTS || receipts.len() > RECEIPTS_OF_AN_EVENT * events {
        return Err(Refused::TooMuch);
    }
    let carriage =
        Carriage::check(&envelopes, &receipts, &release).map_err(|rejected| of_carriage(rejected, &release))?;
    let later = later(&carriage, (&access_point, made), &release)?;
    let mut told = HashSet::new();
    let mut accounts = Vec::with_capacity(branches.len());
    for (branch, logs) in branches {
        let uid = Uuid::from_slice(&branch.branch_uid).map_err(|_| Refused::Malformed)?;
        let holder = Side::ALL.into_iter().find(|side| side.to_wire().unsigned_abs() == branch.holder);
        let holder = holder.filter(|side| told.insert((uid, *side))).ok_or(Refused::Malformed)?;
        let reader = Reader { case, uid, carriage: &carriage, release: &release, maker: &access_point };
        accounts.push(reader.branch(holder, &logs, made)?);
    }
    let (release, issued) = (release.version(), release.issue_time());
    Ok(Account { case, access_point, made, release, issued, later, branches: accounts, access_head })
}

/// The newest of the releases, each verified under the root of the one before.
fn newest(releases: &[&[u8]], fingerprint: &Fingerprint) -> Result<Release, Refused> {
    let first = releases.first().ok_or(Refused::Malformed)?;
    let root = TrustedRoot::pin(first, fingerprint)?;
    let mut current = Release::verify(first, &root, None)?;
    for bytes in releases.iter().skip(1) {
        current = Release::verify(bytes, &root, Some(&current))?;
    }
    Ok(current)
}

fn of_carriage(rejected: carriage::Rejected, release: &Release) -> Refused {
    match rejected {
        carriage::Rejected::Envelope(envelope::Rejected::UnknownSigner)
        | carriage::Rejected::Receipt(receipt::Rejected::UnknownSigner) => {
            Refused::KeyDropped { release: release.version(), issued: release.issue_time() }
        }
        other => Refused::Carriage(other),
    }
}

/// Whoever made the file has signed nothing in it later. What another has signed later is shown, and so is a later
/// release: nobody keeps anybody from proving a case by a clock of their own.
fn later(
    carriage: &Carriage,
    (maker, made): (&AccessPointId, Timestamp),
    release: &Release,
) -> Result<Vec<Later>, Refused> {
    let is_later = |time: Timestamp| time.duration_since(made) > CLOCK_TOLERANCE;
    let (own, others): (Vec<_>, Vec<_>) =
        carriage.last_signed().filter(|(_, time)| is_later(*time)).partition(|(signer, _)| *signer == maker);
    if !own.is_empty() {
        return Err(Refused::Backdated);
    }
    let last = others.into_iter().max_by_key(|(_, time)| *time);
    let signed = last.map(|(signer, time)| Later::Signed { by: signer.clone(), time });
    let issued = Some(release.issue_time()).filter(|time| is_later(*time)).map(|time| Later::Issued { time });
    Ok(signed.into_iter().chain(issued).collect())
}

/// What speaks for the logs of a branch beside a file of evidence.
pub(crate) struct Proven<'p> {
    pub(crate) case: Uuid,
    pub(crate) envelopes: Vec<&'p [u8]>,
    pub(crate) receipts: Vec<&'p [u8]>,
    pub(crate) release: &'p Release,
    /// Whose word it is beside the signatures.
    pub(crate) maker: &'p AccessPointId,
}

/// Reads a branch as its recipient holds it, as a file of evidence would be read.
///
/// # Errors
/// [`Refused`] with the first thing that does not hold.
pub(crate) fn prove(proven: &Proven<'_>, branch: &pb::EvidenceBranch) -> Result<BranchAccount, Refused> {
    let Proven { case, envelopes, receipts, release, maker } = proven;
    let carriage = Carriage::check(envelopes, receipts, release).map_err(|rejected| of_carriage(rejected, release))?;
    let uid = Uuid::from_slice(&branch.branch_uid).map_err(|_| Refused::Malformed)?;
    let logs = [&branch.origin, &branch.recipient]
        .map(|log| log.iter().map(prost::Message::encode_to_vec).collect::<Vec<_>>());
    let logs = logs.each_ref().map(|log| log.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let reader = Reader { case: *case, uid, carriage: &carriage, release, maker };
    reader.branch(Side::Recipient, &logs, release.issue_time())
}

/// Reads the events of one branch.
struct Reader<'r> {
    case: Uuid,
    uid: Uuid,
    carriage: &'r Carriage,
    release: &'r Release,
    maker: &'r AccessPointId,
}

/// An event with what speaks for it.
struct Read {
    event: Event,
    /// Why its envelope, signed for its unit, does not prove it; `None` where it holds this event and no other.
    doubt: Option<Doubt>,
    masked: bool,
    delivery: Option<Delivery>,
}

impl Reader<'_> {
    fn branch(
        &self,
        holder: Side,
        [origin, recipient]: &[Vec<&[u8]>; 2],
        made: Timestamp,
    ) -> Result<BranchAccount, Refused> {
        // Whoever took the recipient's duties over is sent what was written for the unit before.
        let moved = recipient.iter().filter_map(|bytes| moved_to(bytes)).collect::<Vec<_>>();
        let [origin, recipient] =
            [self.log(Side::Origin, origin, &moved)?, self.log(Side::Recipient, recipient, &moved)?];
        let events = |log: &[Read]| log.iter().map(|read| read.event.clone()).collect::<Vec<_>>();
        let branch = Branch::restore(events(&origin), events(&recipient))
            .map_err(|fault| Refused::Log { branch: self.uid, fault })?;
        // As both sides reckon: an opening that claims to be later than it came has a clock that nobody believes. Whose
        // receipt is not here came before anything that its recipient is proven to have said.
        let opening = origin.first().filter(|opening| !opening.masked);
        let received = opening.and_then(|opening| opening.delivery).map(|delivery| delivery.time);
        let answers = recipient.iter().filter(|read| read.doubt.is_none()).map(|read| read.event.time);
        let branch = match received.or_else(|| answers.min()) {
            Some(heard) => branch.with_heard(heard),
            None => branch,
        };
        let branch = branch.with_answers_heard(answers_heard(&origin, &recipient));
        let find = |side, ordinal: u64| {
            let log = if side == Side::Origin { &origin } else { &recipient };
            log.get(usize::try_from(ordinal.checked_sub(1)?).ok()?)
        };
        let logs = [&origin, &recipient].map(|log| log.iter().map(|read| self.seen(read)).collect::<Vec<_>>());
        let reach = Reach::of(&logs, Side::ALL.map(|side| self.host(branch.unit(side))), self.maker);
        // Whoever names an event has it, whatever receipts are here.
        let delivered = |side, ordinal| {
            let refused = !reach.is_named(side, ordinal) && find(side, ordinal)?.delivery?.refused.is_some();
            Some(if refused { proof::Delivery::Refused } else { proof::Delivery::Held })
        };
        let judgement = judge(&branch, delivered, made);
        let line = |entry: &nhipcau_domain::referral::Entry| {
            let read = find(entry.side, entry.ordinal)?;
            Some(Line {
                side: entry.side,
                ordinal: entry.ordinal,
                event: entry.event,
                time: entry.time,
                person: read.event.actor.person.as_ref().map(|person| person.as_str().to_owned()),
                said: said(&read.event.body),
                standing: reach.standing(entry.side, &self.seen(read)),
                signers: reach.signers(entry.side, entry.ordinal),
                doubt: read.doubt,
                masked: read.masked,
                delivery: read.delivery,
            })
        };
        let lines: Vec<_> = judgement.view.history.iter().filter_map(line).collect();
        let one_for_both = reach.one_for_both().cloned();
        let (tenures, findings) = found::marked(judgement.tenures, judgement.findings, &lines);
        Ok(BranchAccount { holder, view: judgement.view, tenures, findings, lines, one_for_both, branch })
    }

    fn log(&self, side: Side, events: &[&[u8]], moved: &[UnitRef]) -> Result<Vec<Read>, Refused> {
        let of = |(ordinal, bytes): (u64, &&[u8])| {
            let told = pb::EvidenceEvent::decode(*bytes).map_err(|_| EventFault::Malformed);
            let read = told.and_then(|told| self.event(side, &told, moved));
            // Told twice, an event would push those after it away from their positions.
            let read =
                read.and_then(|read| if read.event.ordinal == ordinal { Ok(read) } else { Err(EventFault::Elsewhere) });
            read.map_err(|fault| Refused::Event { branch: self.uid, side, ordinal, fault })
        };
        (1..).zip(events).map(of).collect()
    }

    fn event(&self, side: Side, told: &pb::EvidenceEvent, moved: &[UnitRef]) -> Result<Read, EventFault> {
        let masked = !told.digest.is_empty();
        let event = if masked {
            let digest = Digest::new(told.digest.as_slice().try_into().map_err(|_| EventFault::Malformed)?);
            let value = ReferralEvent::decode(told.event.as_slice()).map_err(|_| EventFault::Malformed)?;
            if impersonal(value).encode_to_vec() != told.event {
                return Err(EventFault::Personal);
            }
            let event = Event::read_masked(&told.event, digest).map_err(|_| EventFault::Malformed)?;
            // Whatever is shown of it is told: only what has to be hidden may be.
            if !event.is_about_a_person() {
                return Err(EventFault::Whole);
            }
            event
        } else {
            let event = Event::read(&told.event).map_err(|_| EventFault::Malformed)?;
            if event.masked(&told.event).is_some() {
                return Err(EventFault::Personal);
            }
            event
        };
        if (event.ids.case, event.ids.branch, event.side) != (self.case, self.uid, side) {
            return Err(EventFault::Elsewhere);
        }
        let unkept = if masked { Doubt::Masked } else { Doubt::Unkept };
        if told.envelope_digest.is_empty() {
            return if told.part_key.is_empty() {
                Ok(Read { event, doubt: Some(unkept), masked, delivery: None })
            } else {
                Err(EventFault::NoEnvelope)
            };
        }
        let digest = told.envelope_digest.as_slice().try_into().map_err(|_| EventFault::NoEnvelope)?;
        let envelope = self.carriage.envelope(&digest).ok_or(EventFault::NoEnvelope)?;
        let is_kept = !told.part_key.is_empty();
        if is_kept {
            let proof = Proof::from_slice(&told.part_key).ok_or(EventFault::NotCarried)?;
            if masked || !proof.holds(envelope, &told.event) {
                return Err(EventFault::NotCarried);
            }
        }
        let Recipient::One(to) = &envelope.routing.recipient else { return Err(EventFault::NotCarried) };
        let sender = &envelope.routing.sender;
        // By the origin, also to a successor; by the recipient, the event that hands the branch over to one.
        let is_onward = side == Side::Origin || matches!(event.body, Body::Moved { .. });
        let reaches = |unit: &UnitRef| self.host(unit) == Some(to);
        let is_served = self.host(&event.owner) == Some(sender)
            && (reaches(&event.counterpart) || is_onward && moved.iter().any(reaches));
        let doubt = if !is_kept {
            Some(unkept)
        } else if self.carriage.is_revoked(&digest) {
            Some(Doubt::Revoked)
        } else {
            (!is_served).then_some(Doubt::NotServed)
        };
        // That this was its envelope is proven by the key; of a masked event it is told with the rest. Between others
        // than the two that serve its units anybody can carry it, and sign the receipt as well.
        let delivery = self.carriage.delivery(&digest).filter(|_| is_served && (is_kept || masked));
        Ok(Read { event, doubt, masked, delivery })
    }

    fn seen<'s>(&'s self, read: &'s Read) -> Seen<'s> {
        let host = self.host(&read.event.owner);
        Seen { event: &read.event, host, proven: read.doubt.is_none(), masked: read.masked }
    }

    /// The access point that serves a unit.
    fn host(&self, unit: &UnitRef) -> Option<&AccessPointId> {
        self.release.access_point_for(&unit.party, &unit.unit, &crate::contract())
    }
}

/// When the origin had the answers that began limits: by its receipt, or before the first thing that it is proven to
/// have said with knowledge of them.
fn answers_heard(origin: &[Read], recipient: &[Read]) -> Vec<(u64, Timestamp)> {
    let heard = |answer: &Read| {
        let ordinal = answer.event.ordinal;
        let knew = origin.iter().filter(|read| read.doubt.is_none() && read.event.seen_ordinal() >= ordinal);
        let received = answer.delivery.map(|delivery| delivery.time);
        Some((ordinal, received.or_else(|| knew.map(|read| read.event.time).min())?))
    };
    recipient.iter().filter(|read| !read.event.begun.is_empty()).filter_map(heard).collect()
}

/// A work as its unit says it, and an acknowledgement by telephone as the origin says it.
fn said(body: &Body) -> Option<String> {
    match body {
        Body::WorkRecorded(work) => {
            let kind = code(WorkKind::try_from(work.kind.to_wire()).map(|kind| kind.as_str_name()), "WORK_KIND_");
            let came = work.conclusion.and_then(|it| ReviewConclusion::try_from(it.to_wire()).ok());
            let came = came.map(|it| format!(": {}", code(Ok::<_, ()>(it.as_str_name()), "REVIEW_CONCLUSION_")));
            Some(format!("{kind} as {}, done {}{}", work.role, work.done, came.unwrap_or_default()))
        }
        Body::TelephoneRecorded(said) => {
            let (person, role) = (said.person.as_str(), &said.role);
            Some(format!("the origin's word: {person} as {role} by telephone, {}", said.said))
        }
        _ => None,
    }
}

fn code<E>(name: Result<&'static str, E>, prefix: &str) -> &'static str {
    name.map_or("unknown", |name| name.strip_prefix(prefix).unwrap_or(name))
}

/// To whom an event of a file hands the branch over; `None` where it does not.
fn moved_to(told: &[u8]) -> Option<UnitRef> {
    let told = pb::EvidenceEvent::decode(told).ok()?;
    match &Event::read(&told.event).ok()?.body {
        Body::Moved { successor } => Some(successor.clone()),
        _ => None,
    }
}
