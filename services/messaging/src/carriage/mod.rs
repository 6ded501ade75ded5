//! How single messages travelled, for whoever was not there: their signed envelopes without parts, what the receipts
//! say of them, and the envelopes between a message and the head of its receipt, which make one chain of them.
//!
//! [`collect()`] reads it from a store, which may be in use, and writes nothing. [`Carriage::check`] believes every
//! envelope and receipt by its own signature and nothing because of where it stands; a receipt speaks of an envelope
//! only along a whole chain from its head. What a key signed at or after its revocation, by the time in what it signed,
//! proves nothing; whoever stole a key can sign an earlier time, and that is not found. Whoever leaves a receipt out
//! makes a message look unreceipted, and whoever leaves an envelope out makes a receipt say nothing: neither makes
//! anything look received that was not.

mod collect;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    iter,
};

use jiff::Timestamp;
use nhipcau_domain::{directory::Release, id::AccessPointId};
use prost::Message as _;

pub(crate) use self::collect::collect_by;
pub use self::collect::{Collected, Travelled, collect};
use crate::{
    envelope::{self, Trust, Verified, wire},
    message::{Recipient, RefusalReason},
    pae::{self, Digest},
    receipt,
};

/// Most bytes of an envelope without its parts.
const BARE_LIMIT: usize = 16 * 1024;
/// Most bytes of a receipt: a statement with its signature.
const RECEIPT_LIMIT: usize = 65 * 1024;

/// Why a carriage cannot be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// An envelope.
    #[error("an envelope is not to be believed")]
    Envelope(#[from] envelope::Rejected),
    /// A receipt.
    #[error("a receipt is not to be believed")]
    Receipt(#[from] receipt::Rejected),
    /// An envelope has its parts, or is for everybody: neither belongs into evidence of a case.
    #[error("an envelope is not one of a case without its parts")]
    NotBare,
}

/// What a receipt says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// When it was on disk there, by that clock.
    pub time: Timestamp,
    /// Why it was refused, if it was.
    pub refused: Option<RefusalReason>,
}

/// Envelopes and receipts that were verified.
#[derive(Debug)]
pub struct Carriage {
    envelopes: HashMap<Digest, Verified>,
    /// Envelopes that were signed, as they say, when their key had been revoked.
    revoked: HashSet<Digest>,
    deliveries: HashMap<Digest, Delivery>,
    last: BTreeMap<AccessPointId, Timestamp>,
}

impl Carriage {
    /// Verifies every envelope and every receipt, one after the other, under a release. A key that was revoked is
    /// believed for what it signed before.
    ///
    /// # Errors
    /// [`Rejected`] with the first that is not to be believed.
    pub fn check(envelopes: &[&[u8]], receipts: &[&[u8]], release: &Release) -> Result<Self, Rejected> {
        let mut carriage = Self {
            envelopes: HashMap::with_capacity(envelopes.len()),
            revoked: HashSet::new(),
            deliveries: HashMap::new(),
            last: BTreeMap::new(),
        };
        for envelope in envelopes {
            carriage.take(envelope, release)?;
        }
        let mut believed = Vec::with_capacity(receipts.len());
        for bytes in receipts {
            let wire = Some(*bytes).filter(|bytes| bytes.len() <= RECEIPT_LIMIT);
            let wire = wire.and_then(|bytes| wire::Receipt::decode(bytes).ok()).ok_or(receipt::Rejected::Malformed)?;
            let verified = receipt::verify(wire, release, Timestamp::MAX, true)?;
            let time = verified.statement.receive_time;
            carriage.signed(&verified.statement.issuer, time);
            if receipt::place_of(&verified.receipt, release, time).is_some_and(|(_, in_time)| in_time) {
                believed.push(verified);
            }
        }
        believed.sort_by_key(|receipt| receipt.statement.number);
        for receipt in &believed {
            carriage.hear(&receipt.statement);
        }
        Ok(carriage)
    }

    fn take(&mut self, bytes: &[u8], release: &Release) -> Result<(), Rejected> {
        let wire = Some(bytes).filter(|bytes| bytes.len() <= BARE_LIMIT);
        let wire = wire.and_then(|bytes| wire::Envelope::decode(bytes).ok()).ok_or(envelope::Rejected::Malformed)?;
        if !wire.parts.is_empty() {
            return Err(Rejected::NotBare);
        }
        let trust = Trust { erased: true, revoked: true };
        let verified = envelope::verify(wire, pae::ENVELOPE, release, Timestamp::MAX, trust)?;
        let r = &verified.routing;
        if r.recipient == Recipient::All {
            return Err(Rejected::NotBare);
        }
        let revoked = release.signing_key(&r.sender, &r.signing_key).and_then(|key| key.revoked);
        if revoked.is_some_and(|at| at <= r.create_time) {
            self.revoked.insert(verified.digest);
        }
        self.signed(&r.sender, r.create_time);
        self.envelopes.insert(verified.digest, verified);
        Ok(())
    }

    fn signed(&mut self, signer: &AccessPointId, time: Timestamp) {
        let last = self.last.entry(signer.clone()).or_insert(time);
        *last = time.max(*last);
    }

    /// What a receipt says of the messages along the chain from its head. The first word that is final stays.
    fn hear(&mut self, s: &receipt::Statement) {
        let mut next = Some((s.head, s.last));
        let covered = iter::from_fn(|| {
            let (digest, sequence) = next?;
            let at = self.envelopes.get(&digest).filter(|at| {
                let r = &at.routing;
                (&r.sender, &r.recipient, r.lane, r.sequence) == (&s.sender, &s.recipient, Some(s.lane), sequence)
            })?;
            next = (sequence > s.first).then_some((at.routing.previous, sequence - 1));
            Some(at)
        });
        for envelope in covered {
            let r = &envelope.routing;
            let refusal = s.refusals.binary_search_by_key(&r.sequence, |refusal| refusal.sequence).ok();
            let refused = match refusal.and_then(|index| s.refusals.get(index)) {
                None => None,
                Some(refusal) if refusal.id != r.id || refusal.reason == RefusalReason::NotYet => continue,
                Some(refusal) => Some(refusal.reason),
            };
            self.deliveries.entry(envelope.digest).or_insert(Delivery { time: s.receive_time, refused });
        }
    }

    /// The envelope with this digest.
    #[must_use]
    pub fn envelope(&self, digest: &Digest) -> Option<&Verified> {
        self.envelopes.get(digest)
    }

    /// Whether an envelope says itself that it was signed when its key had been revoked.
    #[must_use]
    pub fn is_revoked(&self, digest: &Digest) -> bool {
        self.revoked.contains(digest)
    }

    /// What became of the message in an envelope: the first word of its recipient that is final.
    #[must_use]
    pub fn delivery(&self, digest: &Digest) -> Option<Delivery> {
        self.deliveries.get(digest).copied()
    }

    /// The last time that each signer has signed here, by its clock.
    pub fn last_signed(&self) -> impl Iterator<Item = (&AccessPointId, Timestamp)> {
        self.last.iter().map(|(signer, time)| (signer, *time))
    }
}
