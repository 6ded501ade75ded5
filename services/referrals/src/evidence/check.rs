//! Reading evidence at a third place: nothing is believed but signatures under the directory whose first root was
//! compared out of band, and what follows from them.
//!
//! Refuses a file whose parts do not fit each other. What fits and yet was broken, a limit or a promise, is a finding
//! of [`judge`]. Cannot find: events at the end of a log that were left out and that nothing here names; that what is
//! left of a masked event is the rest of the event whose digest is named, or which envelope carried it; that a key was
//! used after it was revoked by whoever signed an earlier time; and a second pair of key and event for an envelope of
//! the one who made the file, see [`Proof`]. An own event counts as said to the other side where that side names it.

use std::collections::HashSet;

use jiff::Timestamp;
use nhipcau_domain::{
    directory::{Fingerprint, Release, TrustedRoot},
    id::{AccessPointId, KeyId},
    proof::{self, judge},
    referral::{Branch, CLOCK_TOLERANCE, Digest, Event, Side, guard::MOST_EVENTS, impersonal},
};
use nhipcau_messaging::{
    carriage::{self, Carriage, Delivery},
    crypto::sign,
    envelope::{self, Proof},
    message::Recipient,
    pae, receipt,
};
use nhipcau_proto::{accesspoint::v1 as pb, referral::v1::ReferralEvent};
use prost::Message as _;
use uuid::Uuid;

use super::{
    FILE_LIMIT, FORMAT,
    account::{Account, BranchAccount, Doubt, EventFault, Line, Refused},
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
/// One for each event, and those of events that were left out.
const RECEIPTS: List = List { field: 8, most: EVENTS, bytes: FILE_LIMIT };
/// A log with what always has room in it.
const ORIGIN: List = List { field: 3, most: MOST_EVENTS as usize + 100, bytes: EVENT_LIMIT };
const RECIPIENT: List = List { field: 4, ..ORIGIN };
/// Most events in a file.
const EVENTS: usize = 20_000;
/// Most receipts for each event.
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
    let made = evidence.make_time.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok()).ok_or(Refused::Malformed)?;
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

/// Whoever made the file has signed nothing in it later. What another has signed later is shown: no peer keeps anybody
/// from proving a case by a clock of its own.
fn later(
    carriage: &Carriage,
    (maker, made): (&AccessPointId, Timestamp),
    release: &Release,
) -> Result<Option<(AccessPointId, Timestamp)>, Refused> {
    let is_later = |time: Timestamp| time.duration_since(made) > CLOCK_TOLERANCE;
    let (own, others): (Vec<_>, Vec<_>) =
        carriage.last_signed().filter(|(_, time)| is_later(*time)).partition(|(signer, _)| *signer == maker);
    if !own.is_empty() || is_later(release.issue_time()) {
        return Err(Refused::Backdated);
    }
    Ok(others.into_iter().max_by_key(|(_, time)| *time).map(|(signer, time)| (signer.clone(), time)))
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
    /// Who signed its envelope, which holds this event and no other, or why that does not prove it.
    proven: Result<AccessPointId, Doubt>,
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
        let [origin, recipient] = [self.log(Side::Origin, origin)?, self.log(Side::Recipient, recipient)?];
        let events = |log: &[Read]| log.iter().map(|read| read.event.clone()).collect::<Vec<_>>();
        let branch = Branch::restore(events(&origin), events(&recipient))
            .map_err(|fault| Refused::Log { branch: self.uid, fault })?;
        // As both sides reckon: an opening that claims to be later than it came has a clock that nobody believes.
        let opening = origin.first().filter(|opening| !opening.masked);
        let branch = match opening.and_then(|opening| opening.delivery) {
            Some(delivery) => branch.with_heard(delivery.time),
            None => branch,
        };
        let find = |side, ordinal: u64| {
            let log = if side == Side::Origin { &origin } else { &recipient };
            log.get(usize::try_from(ordinal.checked_sub(1)?).ok()?)
        };
        let delivered = |side, ordinal| {
            let delivery = find(side, ordinal)?.delivery?;
            Some(proof::Delivery { time: delivery.time, refused: delivery.refused.is_some() })
        };
        let judgement = judge(&branch, delivered, made);
        let logs = [&origin, &recipient].map(|log| log.iter().map(Read::seen).collect::<Vec<_>>());
        let reach = Reach::of(&logs, self.maker);
        let line = |entry: &nhipcau_domain::referral::Entry| {
            let read = find(entry.side, entry.ordinal)?;
            Some(Line {
                side: entry.side,
                ordinal: entry.ordinal,
                event: entry.event,
                time: entry.time,
                person: read.event.actor.person.as_ref().map(|person| person.as_str().to_owned()),
                standing: reach.standing(entry.side, &read.seen()),
                signers: reach.signers(entry.side, entry.ordinal),
                doubt: read.proven.as_ref().err().copied(),
                masked: read.masked,
                delivery: read.delivery,
            })
        };
        let lines = judgement.view.history.iter().filter_map(line).collect();
        let one_for_both = reach.one_for_both().cloned();
        Ok(BranchAccount { holder, branch, judgement, lines, one_for_both })
    }

    fn log(&self, side: Side, events: &[&[u8]]) -> Result<Vec<Read>, Refused> {
        let of = |(ordinal, bytes): (u64, &&[u8])| {
            let told = pb::EvidenceEvent::decode(*bytes).map_err(|_| EventFault::Malformed);
            told.and_then(|told| self.event(side, &told)).map_err(|fault| Refused::Event {
                branch: self.uid,
                side,
                ordinal,
                fault,
            })
        };
        (1..).zip(events).map(of).collect()
    }

    fn event(&self, side: Side, told: &pb::EvidenceEvent) -> Result<Read, EventFault> {
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
                Ok(Read { event, proven: Err(unkept), masked, delivery: None })
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
        let proven = if !is_kept {
            Err(unkept)
        } else if self.carriage.is_revoked(&digest) {
            Err(Doubt::Revoked)
        } else if self.serves(sender, &event.owner) && self.serves(to, &event.counterpart) {
            Ok(sender.clone())
        } else {
            Err(Doubt::NotServed)
        };
        // That this was its envelope is proven by the key; of a masked event it is told with the rest.
        let delivery = self.carriage.delivery(&digest).filter(|_| is_kept || masked);
        Ok(Read { event, proven, masked, delivery })
    }

    fn serves(&self, access_point: &AccessPointId, unit: &nhipcau_domain::referral::UnitRef) -> bool {
        self.release.hosts(access_point, &unit.party, Some(&unit.unit), &crate::contract())
    }
}

impl Read {
    fn seen(&self) -> Seen<'_> {
        Seen { event: &self.event, signer: self.proven.as_ref().ok(), masked: self.masked }
    }
}
