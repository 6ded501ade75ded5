//! The evidence of one case as a file: made from a store by [`gather`] and [`sign`], read anywhere by [`verify`].
//!
//! Promises: the file holds what the store holds in the clear and what proves it, never content, never a key under
//! which content or the name of anybody lies; making it writes nothing and needs no process. What it reveals is listed
//! in the contract, `nhipcau/accesspoint/v1/evidence.proto`.

mod account;
mod check;
mod found;
mod outline;
mod reach;

use std::collections::HashSet;

use jiff::Timestamp;
use nhipcau_domain::{
    id::{AccessPointId, PartyId},
    referral::{Side, write_time},
};
use nhipcau_messaging::{
    carriage::{self, Collected},
    crypto::sign::SigningKey,
    keys::KeyEncryptionKey,
    pae,
    store::{Error as StoreError, Tx},
};
use nhipcau_proto::{
    accesspoint::v1 as pb,
    envelope::v1::{Envelope, Receipt},
    referral::v1::{BranchHandedOver, HandedEvent},
};
use nhipcau_runtime::access::Error as ChainError;
use prost::Message as _;
use uuid::Uuid;

pub(crate) use self::check::{Proven, prove};
pub use self::{
    account::{Account, BranchAccount, Doubt, EventFault, Later, Line, Refused, Standing},
    check::verify,
    found::{Concern, Marked},
};
use crate::{
    access,
    store::{
        branch,
        log::{self, Bytes, Stored},
        reading::Held,
        succession,
    },
};

/// Format number of evidence.
pub const FORMAT: u32 = 1;

/// Largest file in bytes.
pub const FILE_LIMIT: usize = 32 << 20;

/// What evidence is made of.
#[derive(Debug)]
pub struct Asked {
    /// Whose store it is.
    pub access_point: AccessPointId,
    /// What opens envelopes that still have their parts, to take these away.
    pub keks: Vec<KeyEncryptionKey>,
    /// Signed releases: those in which the root changed, from the first on, and the newest.
    pub releases: Vec<Vec<u8>>,
    /// The case.
    pub case: Uuid,
    /// The time.
    pub now: Timestamp,
}

/// Reads everything of a case; `None` when the store knows no such case.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn gather(asked: Asked, tx: &mut Tx<'_>) -> Result<Option<pb::Evidence>, StoreError> {
    let Asked { access_point, keks, releases, case, now } = asked;
    let mut held = Vec::new();
    for branch in branch::of_case(tx, case)? {
        held.push((branch, log::all(tx, branch, Side::Origin)?, log::all(tx, branch, Side::Recipient)?));
    }
    if held.is_empty() {
        return Ok(None);
    }
    let events = held.iter().flat_map(|(_, origin, recipient)| origin.iter().chain(recipient));
    let wanted: HashSet<_> = events.filter_map(|stored| stored.message).collect();
    let collected = carriage::collect(keks, case.as_bytes(), &wanted, tx)?;
    let (mut envelopes, mut receipts) = (collected.envelopes.clone(), collected.receipts.clone());
    let mut branches = Vec::with_capacity(held.len());
    for (held, origin, recipient) in &held {
        let before = inherited(*held, tx)?;
        envelopes.extend(before.envelopes.iter().filter_map(|bytes| {
            let envelope = Envelope::decode(bytes.as_slice()).ok()?;
            Some((nhipcau_messaging::envelope::digest(&envelope), envelope))
        }));
        receipts.extend(before.receipts.iter().filter_map(|bytes| {
            let receipt = Receipt::decode(bytes.as_slice()).ok()?;
            Some((pae::sha256(bytes), receipt))
        }));
        branches.push(told(*held, origin, recipient, &collected, &before));
    }
    let access_head = match access::verify(&access_point, tx) {
        Ok(chain) => Some(pb::EvidenceAccessHead { records: chain.records, digest: chain.head.to_vec() }),
        Err(ChainError::Broken { .. }) => None,
        Err(ChainError::Store(error)) => return Err(error),
    };
    Ok(Some(pb::Evidence {
        format: FORMAT,
        case_uid: case.as_bytes().to_vec(),
        access_point: access_point.to_string(),
        make_time: Some(write_time(now)),
        releases,
        branches,
        envelopes: envelopes.into_values().collect(),
        receipts: receipts.into_values().collect(),
        access_head,
    }))
}

/// The case to which a referral belongs, as any party here knows it.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn case_of(tx: &mut Tx<'_>, origin: &PartyId, referral: Uuid) -> Result<Option<Uuid>, StoreError> {
    tx.query_one(
        "SELECT case_uid FROM referral_branch WHERE referral = $1 AND origin = $2 LIMIT 1",
        &[referral.as_bytes().into(), origin.as_str().into()],
        |row| row.array(0).map(Uuid::from_bytes),
    )
}

/// Signs evidence: the bytes of a file.
#[must_use]
pub fn sign(evidence: &pb::Evidence, key: &SigningKey) -> Vec<u8> {
    let evidence = evidence.encode_to_vec();
    let signature = key.sign(pae::EVIDENCE, &[&evidence]);
    pb::EvidenceFile { evidence, signing_key: key.id().to_string(), signature }.encode_to_vec()
}

/// What proves the logs of a branch that was taken over from another access point.
fn inherited(held: Held, tx: &mut Tx<'_>) -> Result<BranchHandedOver, StoreError> {
    let proofs = if held.side == Side::Recipient { succession::proofs(tx, held.branch)? } else { None };
    Ok(proofs.unwrap_or_default())
}

fn told(
    held: Held,
    origin: &[Stored],
    recipient: &[Stored],
    collected: &Collected,
    before: &BranchHandedOver,
) -> pb::EvidenceBranch {
    let events = |log: &[Stored], before: &[HandedEvent]| {
        let before = before.iter().map(Some).chain(std::iter::repeat(None));
        log.iter().zip(before).map(|(stored, before)| event(stored, collected, before)).collect()
    };
    pb::EvidenceBranch {
        branch_uid: held.branch.as_bytes().to_vec(),
        holder: held.side.to_wire().unsigned_abs(),
        origin: events(origin, &before.origin),
        recipient: events(recipient, &before.recipient),
    }
}

fn event(stored: &Stored, collected: &Collected, before: Option<&HandedEvent>) -> pb::EvidenceEvent {
    let travelled = stored.message.and_then(|message| collected.messages.get(&message));
    let (event, digest) = match &stored.bytes {
        Bytes::Travelled(bytes) => (bytes.clone(), Vec::new()),
        Bytes::Masked { masked, digest, .. } => (masked.clone(), digest.as_bytes().to_vec()),
    };
    let (envelope_digest, part_key) = match (travelled, before) {
        (Some(own), _) => {
            (own.digest.to_vec(), own.proof.as_ref().map(|proof| proof.as_bytes().to_vec()).unwrap_or_default())
        }
        (None, Some(before)) => (before.envelope_digest.clone(), before.part_key.clone()),
        (None, None) => (Vec::new(), Vec::new()),
    };
    let part_key = if digest.is_empty() { part_key } else { Vec::new() };
    pb::EvidenceEvent { event, digest, envelope_digest, part_key }
}
