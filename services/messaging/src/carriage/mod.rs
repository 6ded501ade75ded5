//! How single messages travelled, for whoever was not there: their signed envelopes without parts, what the receipts
//! say of them, and the envelopes between a message and the head of its receipt, which make one chain of them.
//!
//! [`collect`] reads it from a store, which may be in use, and writes nothing. [`Carriage::check`] believes every
//! envelope and receipt by its own signature and nothing because of where it stands; a receipt speaks of an envelope
//! only along a whole chain from its head. Whoever leaves a receipt out makes a message look unreceipted, and whoever
//! leaves an envelope out makes a receipt say nothing: neither makes anything look received that was not.

mod collect;

use std::collections::HashMap;

use jiff::Timestamp;
use nhipcau_domain::directory::Release;

pub use self::collect::{Collected, Travelled, collect};
use crate::{
    envelope::{self, Trust, Verified, wire},
    message::{Recipient, RefusalReason},
    pae::{self, Digest},
    receipt,
};

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
    receipts: Vec<receipt::Verified>,
}

impl Carriage {
    /// Verifies every envelope and every receipt under a release. A key that was revoked since is believed.
    ///
    /// # Errors
    /// [`Rejected`] with the first that is not to be believed.
    pub fn check(
        envelopes: Vec<wire::Envelope>,
        receipts: Vec<wire::Receipt>,
        release: &Release,
    ) -> Result<Self, Rejected> {
        let trust = Trust { erased: true, revoked: true };
        let mut known = HashMap::with_capacity(envelopes.len());
        for envelope in envelopes {
            if !envelope.parts.is_empty() {
                return Err(Rejected::NotBare);
            }
            let verified = envelope::verify(envelope, pae::ENVELOPE, release, Timestamp::MAX, trust)?;
            if verified.routing.recipient == Recipient::All {
                return Err(Rejected::NotBare);
            }
            known.insert(verified.digest, verified);
        }
        let receipts = receipts.into_iter().map(|receipt| receipt::verify(receipt, release, Timestamp::MAX, true));
        let mut receipts = receipts.collect::<Result<Vec<_>, _>>()?;
        receipts.sort_by_key(|receipt| receipt.statement.number);
        Ok(Self { envelopes: known, receipts })
    }

    /// The envelope with this digest.
    #[must_use]
    pub fn envelope(&self, digest: &Digest) -> Option<&Verified> {
        self.envelopes.get(digest)
    }

    /// What became of the message in an envelope: the first word of its recipient that is final.
    #[must_use]
    pub fn delivery(&self, digest: &Digest) -> Option<Delivery> {
        let envelope = self.envelope(digest)?;
        self.receipts.iter().filter(|receipt| self.covers(receipt, envelope)).find_map(|receipt| {
            let s = &receipt.statement;
            let refusal = s.refusals.iter().find(|refusal| refusal.sequence == envelope.routing.sequence);
            let said = |refused| Delivery { time: s.receive_time, refused };
            match refusal {
                None => Some(said(None)),
                Some(refusal) if refusal.id != envelope.routing.id => None,
                Some(refusal) if refusal.reason == RefusalReason::NotYet => None,
                Some(refusal) => Some(said(Some(refusal.reason))),
            }
        })
    }

    /// Whether the chain from a receipt's head leads to an envelope.
    fn covers(&self, receipt: &receipt::Verified, envelope: &Verified) -> bool {
        let (s, r) = (&receipt.statement, &envelope.routing);
        let is_of_channel = |it: &Verified| {
            let r = &it.routing;
            (&r.sender, &r.recipient, r.lane) == (&s.sender, &s.recipient, Some(s.lane))
        };
        if !is_of_channel(envelope) || !(s.first..=s.last).contains(&r.sequence) {
            return false;
        }
        let (mut digest, mut sequence) = (s.head, s.last);
        loop {
            let Some(at) = self.envelope(&digest).filter(|at| is_of_channel(at) && at.routing.sequence == sequence)
            else {
                return false;
            };
            if sequence == r.sequence {
                return at.digest == envelope.digest;
            }
            (digest, sequence) = (at.routing.previous, sequence - 1);
        }
    }
}
