//! Reading evidence at a third place: nothing is believed but signatures under the directory whose first root was
//! compared out of band, and what follows from them.
//!
//! Refuses a file whose parts do not fit each other. What fits and yet was broken, a limit or a promise, is a finding
//! of [`judge`]. Cannot find: events at the end of a log that were left out and that nothing here names; that what is
//! left of a masked event is the rest of the event whose digest is named, or which envelope carried it; and a second
//! pair of key and event for an envelope of the one who made the file, see [`Proof`]. An own event counts as said to the
//! other side where that side names it.

use std::collections::HashSet;

use jiff::Timestamp;
use nhipcau_domain::{
    directory::{self, Fingerprint, Release, TrustedRoot},
    id::{AccessPointId, KeyId},
    proof::{self, Judgement, judge},
    referral::{Branch, Digest, Event, EventKind, Fault, Side, impersonal},
};
use nhipcau_messaging::{
    carriage::{self, Carriage, Delivery},
    crypto::sign,
    envelope::Proof,
    message::Recipient,
    pae,
};
use nhipcau_proto::{accesspoint::v1 as pb, referral::v1::ReferralEvent};
use prost::Message as _;
use uuid::Uuid;

use super::{FILE_LIMIT, FORMAT};

/// Most releases in a file: one for each root there ever was, and the newest.
const RELEASES: usize = 64;
/// Most branches in a file.
const BRANCHES: usize = 2 * crate::BRANCHES_OF_A_CASE as usize;

/// Why a file proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The bytes are no evidence of a known format, or out of bounds.
    #[error("the file is not evidence of a known format")]
    Malformed,
    /// The directory in it.
    #[error("the directory in the file is not to be believed")]
    Directory(#[from] directory::Error),
    /// Whoever made it is not in that directory.
    #[error("the access point that made the file, or its key, is not in the directory")]
    UnknownMaker,
    /// It was changed since it was made.
    #[error("the file is not what its maker signed")]
    Changed,
    /// An envelope or a receipt.
    #[error(transparent)]
    Carriage(#[from] carriage::Rejected),
    /// An event does not belong where it stands.
    #[error("event {ordinal} of the {} of branch {branch}: {fault}", side.name())]
    Event {
        /// The branch.
        branch: Uuid,
        /// Whose log.
        side: Side,
        /// Position in the file, from 1.
        ordinal: u64,
        /// What is wrong.
        fault: EventFault,
    },
    /// The logs of a branch do not hold together.
    #[error("the logs of branch {branch}: {fault}")]
    Log {
        /// The branch.
        branch: Uuid,
        /// What is wrong.
        fault: Fault,
    },
}

/// What is wrong with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventFault {
    /// The bytes are no event.
    #[error("the bytes are not an event")]
    Malformed,
    /// It says something about a person that has no place in evidence.
    #[error("it says something about a person")]
    Personal,
    /// It belongs to another case, branch or log.
    #[error("it belongs elsewhere")]
    Elsewhere,
    /// Its envelope is not in the file.
    #[error("its envelope is not in the file")]
    NoEnvelope,
    /// The envelope did not carry it.
    #[error("its envelope carried something else")]
    NotCarried,
}

/// How well it is known that a side said this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// By the word of who made the file alone.
    Told,
    /// By the signature of the side's access point, over it or over a later event of its log.
    Signed,
    /// By the other side as well, whose signed log names it.
    Named,
}

impl Standing {
    /// Its stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Told => "TOLD",
            Self::Signed => "SIGNED",
            Self::Named => "NAMED",
        }
    }
}

/// What a file says.
#[derive(Debug)]
pub struct Account {
    /// The case.
    pub case: Uuid,
    /// Who made it.
    pub access_point: AccessPointId,
    /// When, by that clock.
    pub made: Timestamp,
    /// The newest release in it.
    pub release: u64,
    /// Its branches.
    pub branches: Vec<BranchAccount>,
    /// How many access records there were, and the digest of the last.
    pub access_head: Option<(u64, [u8; 32])>,
}

/// What it says of a branch.
#[derive(Debug)]
pub struct BranchAccount {
    /// Which side made the file.
    pub holder: Side,
    /// Both logs.
    pub branch: Branch,
    /// What the rules say of them.
    pub judgement: Judgement,
    /// Every event, in the order in which the rules read them.
    pub lines: Vec<Line>,
}

/// An event.
#[derive(Debug)]
pub struct Line {
    /// Whose log.
    pub side: Side,
    /// Position there.
    pub ordinal: u64,
    /// What it says.
    pub event: EventKind,
    /// By its writer's clock.
    pub time: Timestamp,
    /// Reference of the acting person.
    pub person: Option<String>,
    /// How well it is known.
    pub standing: Standing,
    /// Something about a person was taken out, and what is left is told, not signed.
    pub masked: bool,
    /// What its receipt says.
    pub delivery: Option<Delivery>,
}

/// Verifies a file under the fingerprint of the directory's first root.
///
/// # Errors
/// [`Refused`] with the first thing that does not hold.
pub fn verify(bytes: &[u8], fingerprint: &Fingerprint) -> Result<Account, Refused> {
    let file = Some(bytes).filter(|bytes| bytes.len() <= FILE_LIMIT);
    let file = file.and_then(|bytes| pb::EvidenceFile::decode(bytes).ok()).ok_or(Refused::Malformed)?;
    let evidence = pb::Evidence::decode(file.evidence.as_slice()).map_err(|_| Refused::Malformed)?;
    if evidence.format != FORMAT || evidence.branches.is_empty() || evidence.branches.len() > BRANCHES {
        return Err(Refused::Malformed);
    }
    let release = newest(&evidence.releases, fingerprint)?;
    let access_point = AccessPointId::new(&evidence.access_point).map_err(|_| Refused::Malformed)?;
    let key = KeyId::new(&file.signing_key).map_err(|_| Refused::Malformed)?;
    let key = release.signing_key(&access_point, &key).ok_or(Refused::UnknownMaker)?;
    if !sign::verify(&key.public, pae::EVIDENCE, &[&file.evidence], &file.signature) {
        return Err(Refused::Changed);
    }
    account(evidence, access_point, &release)
}

/// The newest of the releases, each verified under the root of the one before.
fn newest(releases: &[Vec<u8>], fingerprint: &Fingerprint) -> Result<Release, Refused> {
    let first = releases.first().filter(|_| releases.len() <= RELEASES).ok_or(Refused::Malformed)?;
    let root = TrustedRoot::pin(first, fingerprint)?;
    let mut current = Release::verify(first, &root, None)?;
    for bytes in releases.iter().skip(1) {
        current = Release::verify(bytes, &root, Some(&current))?;
    }
    Ok(current)
}

/// What evidence says under a release, whoever signed the file.
fn account(evidence: pb::Evidence, access_point: AccessPointId, release: &Release) -> Result<Account, Refused> {
    let case = Uuid::from_slice(&evidence.case_uid).map_err(|_| Refused::Malformed)?;
    let made = evidence.make_time.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok()).ok_or(Refused::Malformed)?;
    let access_head = match evidence.access_head {
        None => None,
        Some(head) => Some((head.records, head.digest.try_into().map_err(|_| Refused::Malformed)?)),
    };
    let carriage = Carriage::check(evidence.envelopes, evidence.receipts, release)?;
    let mut told = HashSet::new();
    let mut branches = Vec::with_capacity(evidence.branches.len());
    for branch in evidence.branches {
        let uid = Uuid::from_slice(&branch.branch_uid).map_err(|_| Refused::Malformed)?;
        let holder = Side::ALL.into_iter().find(|side| side.to_wire().unsigned_abs() == branch.holder);
        let holder = holder.filter(|side| told.insert((uid, *side))).ok_or(Refused::Malformed)?;
        let reader = Reader { case, uid, carriage: &carriage, release };
        branches.push(reader.branch(holder, &branch.origin, &branch.recipient, made)?);
    }
    Ok(Account { case, access_point, made, release: release.version(), branches, access_head })
}

/// Reads the events of one branch.
struct Reader<'r> {
    case: Uuid,
    uid: Uuid,
    carriage: &'r Carriage,
    release: &'r Release,
}

/// An event with what speaks for it.
struct Read {
    event: Event,
    /// Its envelope holds this event and no other, and was signed where its log is kept.
    proven: bool,
    masked: bool,
    delivery: Option<Delivery>,
}

impl Reader<'_> {
    fn branch(
        &self,
        holder: Side,
        origin: &[pb::EvidenceEvent],
        recipient: &[pb::EvidenceEvent],
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
        let reach = Reach::of(&origin, &recipient);
        let line = |entry: &nhipcau_domain::referral::Entry| {
            let read = find(entry.side, entry.ordinal)?;
            Some(Line {
                side: entry.side,
                ordinal: entry.ordinal,
                event: entry.event,
                time: entry.time,
                person: read.event.actor.person.as_ref().map(|person| person.as_str().to_owned()),
                standing: reach.standing(&read.event),
                masked: read.masked,
                delivery: read.delivery,
            })
        };
        let lines = judgement.view.history.iter().filter_map(line).collect();
        Ok(BranchAccount { holder, branch, judgement, lines })
    }

    fn log(&self, side: Side, events: &[pb::EvidenceEvent]) -> Result<Vec<Read>, Refused> {
        let of = |(ordinal, told): (u64, &pb::EvidenceEvent)| {
            self.event(side, told).map_err(|fault| Refused::Event { branch: self.uid, side, ordinal, fault })
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
            Event::read_masked(&told.event, digest).map_err(|_| EventFault::Malformed)?
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
        if told.envelope_digest.is_empty() {
            let proven = false;
            return if told.part_key.is_empty() {
                Ok(Read { event, proven, masked, delivery: None })
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
        let proven =
            is_kept && self.serves(&envelope.routing.sender, &event.owner) && self.serves(to, &event.counterpart);
        // That this was its envelope is proven by the key; of a masked event it is told with the rest.
        let delivery = self.carriage.delivery(&digest).filter(|_| is_kept || masked);
        Ok(Read { event, proven, masked, delivery })
    }

    fn serves(&self, access_point: &AccessPointId, unit: &nhipcau_domain::referral::UnitRef) -> bool {
        self.release.hosts(access_point, &unit.party, Some(&unit.unit), &crate::contract())
    }
}

/// Up to where each log is known: through its own signatures, and through the other side's.
struct Reach {
    signed: [u64; 2],
    named: [u64; 2],
}

impl Reach {
    fn of(origin: &[Read], recipient: &[Read]) -> Self {
        let signed = [origin, recipient]
            .map(|log| log.iter().filter(|read| read.proven).map(|read| read.event.ordinal).max().unwrap_or(0));
        let mut reach = Self { signed, named: [0, 0] };
        // What is named by something named is named as well; every round but the last makes a reach longer.
        loop {
            let before = reach.named;
            for (own, log) in [origin, recipient].into_iter().enumerate() {
                let known = log.iter().filter(|read| reach.standing(&read.event) > Standing::Told);
                let seen = known.map(|read| read.event.seen_ordinal()).max().unwrap_or(0);
                let [of_origin, of_recipient] = &mut reach.named;
                let other = if own == 0 { of_recipient } else { of_origin };
                *other = seen.max(*other);
            }
            if reach.named == before {
                return reach;
            }
        }
    }

    fn standing(&self, event: &Event) -> Standing {
        let of = |[origin, recipient]: [u64; 2]| if event.side == Side::Origin { origin } else { recipient };
        match event.ordinal {
            ordinal if ordinal <= of(self.named) => Standing::Named,
            ordinal if ordinal <= of(self.signed) => Standing::Signed,
            _ => Standing::Told,
        }
    }
}
