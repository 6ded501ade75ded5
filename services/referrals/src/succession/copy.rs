//! A branch as it is handed over: both logs with what proves them, the holds, the newest content, and everything that
//! was said beside a work.

use std::collections::{BTreeMap, HashSet};

use nhipcau_domain::{
    id::AccessPointId,
    proof::Finding,
    referral::{Branch, Event, HandOver, Part, Side, write_time},
};
use nhipcau_messaging::{
    carriage::Collected, handler::Context, message::MESSAGE_LIMIT, pae, store::Error as StoreError,
};
use nhipcau_proto::{accesspoint::v1 as evidence, referral::v1 as pb};
use prost::Message as _;

use crate::{
    Referrals,
    content::{self, Piece},
    error::Error,
    event,
    evidence::{Concern, Line, Proven, Standing, prove},
    receive::{INVALID, NotTaken},
    send,
    store::{
        branch::Known,
        hold,
        log::{self, Carried, Stored},
        succession,
    },
};

/// Bytes of a message that are left for its control part and for padding.
const ROOM: usize = 8 * 1024;

/// What is handed over.
pub(super) struct Copy {
    pub(super) branch: pb::BranchHandedOver,
    pub(super) pieces: Vec<Piece>,
}

impl Copy {
    /// A branch without content and as it was before it was handed over.
    pub(super) fn of(context: &mut Context<'_, '_>, known: &Known) -> Result<Self, Error> {
        let (held, ids) = (known.held, known.branch.ids());
        let logs = [log::all(context.tx, held, Side::Origin)?, log::all(context.tx, held, Side::Recipient)?];
        // What ends the own part travels by itself.
        let moved = known.branch.last_move().filter(|_| known.branch.hand_over() == HandOver::Done);
        let is_told = |stored: &&Stored| moved.is_none_or(|moved| moved.digest() != stored.event.digest());
        let wanted: HashSet<_> = logs.iter().flatten().filter_map(|stored| stored.message).collect();
        let collected = context.travelled(ids.case.as_bytes(), &wanted)?;
        let before = succession::proofs(context.tx, ids.branch)?.unwrap_or_default();
        let mut branch = pb::BranchHandedOver {
            holds: hold::lasting(context.tx, &known.branch.unit(Side::Recipient).party, ids.case)?,
            ..pb::BranchHandedOver::default()
        };
        for (log, to, proofs) in
            [(&logs[0], &mut branch.origin, &before.origin), (&logs[1], &mut branch.recipient, &before.recipient)]
        {
            for stored in log.iter().filter(is_told) {
                let bytes = event::travelled(context, held, stored)?;
                let bytes = bytes.ok_or(StoreError::Corrupt("an open branch whose case was erased"))?;
                to.push(handed(stored, bytes, &collected, proofs));
            }
        }
        prove_by(&mut branch, collected, before);
        Ok(Self { branch, pieces: Vec::new() })
    }

    /// The same with the newest version of each part that came, and with what was said beside each work.
    pub(super) fn with_content(self, context: &mut Context<'_, '_>, known: &Known) -> Result<Self, Error> {
        let ids = known.branch.ids();
        let owner = send::owner(known.held, ids.referral);
        let mut pieces = content::newest(context, ids.case, owner)?;
        pieces.retain(|piece| piece.part != Part::Work);
        let said = content::all(context, ids.case, owner)?.into_iter().filter(|piece| piece.part == Part::Work);
        let entry = |piece: &Piece| pb::PartDigest { part: piece.part.to_wire(), digest: piece.digest.to_vec() };
        let mut branch = self.branch;
        branch.parts = pieces.iter().map(entry).collect();
        branch.work = said.map(|piece| piece.bytes).collect();
        Ok(Self { branch, pieces })
    }

    /// The same as it fits into a message: without receipts and what lies between, where these are too many. `None`
    /// when it does not.
    pub(super) fn fitting(mut self) -> Option<Self> {
        let content: usize = self.pieces.iter().map(|piece| piece.bytes.len()).sum();
        let fits = |branch: &pb::BranchHandedOver| branch.encoded_len() + content + ROOM < MESSAGE_LIMIT;
        if !fits(&self.branch) {
            self.branch.receipts.clear();
            let logs = self.branch.origin.iter().chain(&self.branch.recipient);
            let named: HashSet<_> = logs.map(|event| event.envelope_digest.as_slice()).collect();
            let is_named = |bytes: &Vec<u8>| envelope_digest(bytes).is_some_and(|digest| named.contains(&digest[..]));
            self.branch.envelopes.retain(is_named);
        }
        fits(&self.branch).then_some(self)
    }
}

fn handed(stored: &Stored, event: Vec<u8>, collected: &Collected, before: &[pb::HandedEvent]) -> pb::HandedEvent {
    let travelled = stored.message.and_then(|message| collected.messages.get(&message));
    let index = usize::try_from(stored.event.ordinal.saturating_sub(1)).ok();
    let before = index.and_then(|index| before.get(index));
    let (envelope_digest, part_key) = match (travelled, before) {
        (Some(own), _) => {
            (own.digest.to_vec(), own.proof.as_ref().map(|proof| proof.as_bytes().to_vec()).unwrap_or_default())
        }
        (None, Some(before)) => (before.envelope_digest.clone(), before.part_key.clone()),
        (None, None) => (Vec::new(), Vec::new()),
    };
    pb::HandedEvent {
        event,
        envelope_digest,
        part_key,
        bare: stored.carried != Carried::Whole,
        store_time: Some(write_time(stored.stored)),
    }
}

/// Adds envelopes and receipts, those of an earlier hand-over too, each once.
fn prove_by(branch: &mut pb::BranchHandedOver, collected: Collected, before: pb::BranchHandedOver) {
    let envelopes = collected.envelopes.into_values().map(|envelope| envelope.encode_to_vec());
    let receipts = collected.receipts.into_values().map(|receipt| receipt.encode_to_vec());
    let once = |all: Vec<Vec<u8>>| {
        let by_digest = all.into_iter().map(|bytes| (pae::sha256(&bytes), bytes));
        by_digest.collect::<BTreeMap<_, _>>().into_values().collect()
    };
    branch.envelopes = once(envelopes.chain(before.envelopes).collect());
    branch.receipts = once(receipts.chain(before.receipts).collect());
}

fn envelope_digest(bytes: &[u8]) -> Option<pae::Digest> {
    let envelope = nhipcau_messaging::envelope::wire::Envelope::decode(bytes).ok()?;
    Some(nhipcau_messaging::envelope::digest(&envelope))
}

/// A branch that was handed over, read and believed.
pub(super) struct Believed {
    pub(super) branch: Branch,
    /// Both logs, the one after the other, each event as it travelled, with what is known of its carriage.
    pub(super) events: Vec<(Event, pb::HandedEvent)>,
}

/// Reads a copy and believes it for its signatures and the rules: the logs hold together, every event was lawful with
/// what its writer knew, and the origin's access point has signed its log to the last event. Only an opening that says
/// what the danger was, and is all that the origin has said, may not be proven.
///
/// # Errors
/// `INVALID` where it is not what it should be, `WRONG_STATE` where an event was not lawful.
pub(super) fn believe(
    shared: &Referrals,
    sender: &AccessPointId,
    copy: &pb::BranchHandedOver,
    moved: Option<&Event>,
) -> Result<Believed, NotTaken> {
    let release = shared.release();
    let mut events = Vec::with_capacity(copy.origin.len() + copy.recipient.len());
    for (side, log) in [(Side::Origin, &copy.origin), (Side::Recipient, &copy.recipient)] {
        for handed in log {
            let event = Event::read(&handed.event).map_err(|_| INVALID)?;
            if event.side != side {
                return Err(INVALID);
            }
            events.push((event, handed.clone()));
        }
    }
    let of = |side| events.iter().filter(move |(event, _)| event.side == side).map(|(event, _)| event.clone());
    let (origin, recipient) = (of(Side::Origin).collect(), of(Side::Recipient).chain(moved.cloned()).collect());
    let branch = Branch::restore(origin, recipient).map_err(|_| INVALID)?;
    let wire = evidence::EvidenceBranch {
        branch_uid: branch.ids().branch.as_bytes().to_vec(),
        holder: Side::Recipient.to_wire().unsigned_abs(),
        origin: copy.origin.iter().map(told).collect(),
        recipient: copy.recipient.iter().map(told).collect(),
    };
    let [envelopes, receipts] = [&copy.envelopes, &copy.receipts].map(|all| all.iter().map(Vec::as_slice).collect());
    let proven = Proven { case: branch.ids().case, envelopes, receipts, release: &release, maker: sender };
    let account = prove(&proven, &wire).map_err(|_| INVALID)?;
    let last = account.lines.iter().rfind(|line| line.side == Side::Origin);
    let may_be_told = |line: &Line| line.masked && line.ordinal == 1;
    if last.is_none_or(|line| line.standing == Standing::Told && !may_be_told(line)) {
        return Err(INVALID);
    }
    let is_unlawful = |concern: &Concern| {
        matches!(concern, Concern::Broken(Finding::Unlawful { .. } | Finding::DisclosedEarly { .. }))
    };
    if account.findings.iter().any(|finding| is_unlawful(&finding.what)) {
        return Err(NotTaken::Reason(nhipcau_messaging::message::RefusalReason::WrongState));
    }
    Ok(Believed { branch, events })
}

/// An event as evidence shows it.
fn told(handed: &pb::HandedEvent) -> evidence::EvidenceEvent {
    let masked = Event::read(&handed.event).ok().and_then(|event| Some((event.masked(&handed.event)?, event.digest())));
    let envelope_digest = handed.envelope_digest.clone();
    match masked {
        Some((event, digest)) => {
            evidence::EvidenceEvent { event, digest: digest.as_bytes().to_vec(), envelope_digest, part_key: Vec::new() }
        }
        None => evidence::EvidenceEvent {
            event: handed.event.clone(),
            digest: Vec::new(),
            envelope_digest,
            part_key: handed.part_key.clone(),
        },
    }
}
