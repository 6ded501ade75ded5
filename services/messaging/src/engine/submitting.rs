//! Accepting messages to send: checked now, signed later, in the caller's transaction.

use std::time::Duration;

use jiff::Timestamp;
use nhipcau_domain::id::AccessPointId;
use uuid::Uuid;

use super::{Engine, Error, micros, sealing::Drafted};
use crate::{
    crypto::{padding, seal::sealed_length},
    derived,
    envelope::{Content, ENVELOPE_LIMIT},
    handler::{Refused, Wishes},
    message::{Cause, Correlation, Draft, Lane, MESSAGE_LIMIT, MessageId, PARTS_LIMIT, Recipient, RefusalReason},
    store::{
        self, Tx,
        outbox::{self, NewMessage, State},
    },
};

/// Room for routing, signature and framing in an envelope, and for each part's entry in the manifest.
const ROUTING_ROOM: usize = 1_024;
const ENTRY_ROOM: usize = 96;
/// Most blobs that a message names.
const BLOBS_LIMIT: usize = 64;
/// Largest content on the bulk lane, all parts together, in bytes.
pub(super) const BULK_LIMIT: usize = 448 * 1024;

/// Why a message was not accepted. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The same cause and ordinal already stand for other content, or for what was given up and is no longer known.
    #[error("the request id was already used for another message")]
    IdReused,
    /// No agreement of the release in force allows it.
    #[error("no agreement allows this contract and purpose from the sending to the receiving party")]
    NotAgreed,
    /// The sending party or unit is not hosted here, or the receiving one not at the recipient.
    #[error("the party or unit is not hosted at this access point")]
    NotHosted,
    /// The recipient is not in the directory.
    #[error("the recipient is not in the directory")]
    UnknownRecipient,
    /// Too many parts, or too large for its lane.
    #[error("the message is larger than its lane allows")]
    TooLarge,
    /// A header field is longer than it may be, or the case is all zero.
    #[error("a header field is not well-formed")]
    Malformed,
    /// Broadcasts are public, go to everybody on the bulk lane and belong to no case.
    #[error("a broadcast cannot be addressed, on the messages lane or part of a case")]
    Misaddressed,
    /// Too much waits for the recipient, which gives no receipts. What was asked for before is answered all the same.
    #[error("too much waits for the recipient's access point")]
    OutboxFull {
        /// When it is counted again.
        retry_after: Duration,
    },
    /// The disk has little room left.
    #[error("the disk of the store has little room left")]
    DiskLow {
        /// When it may be better.
        retry_after: Duration,
    },
    /// Keys or store failed.
    #[error("the message could not be stored")]
    Store(#[from] Error),
}

/// Size of the sealed envelope, or `None` when a part has no bucket on the lane.
fn sealed_size(lane: Lane, recipient: &Recipient, control: &[u8], parts: &[Vec<u8>]) -> Option<usize> {
    let pieces = std::iter::once(control.len()).chain(parts.iter().map(Vec::len));
    let mut size = ROUTING_ROOM;
    for piece in pieces {
        size += match recipient {
            Recipient::All => piece,
            Recipient::One(_) => {
                let bucket = padding::bucket(piece)?;
                if lane == Lane::Messages && bucket > padding::MESSAGE_BUCKET {
                    return None;
                }
                sealed_length(bucket)
            }
        } + ENTRY_ROOM;
    }
    Some(size)
}

impl From<store::Error> for SubmitError {
    fn from(error: store::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<super::RestError> for SubmitError {
    fn from(error: super::RestError) -> Self {
        Self::Store(error.into())
    }
}

impl Engine {
    /// Accepts a message to send and gives its id. The same cause, ordinal and content give the same id again and
    /// nothing else, also after a restore. Runs in the caller's transaction, so that the business change and its
    /// message are one.
    ///
    /// # Errors
    /// [`SubmitError`]; the caller's savepoint must be undone.
    pub fn submit(&mut self, now: Timestamp, draft: Draft, tx: &mut Tx<'_>) -> Result<MessageId, SubmitError> {
        self.take_draft(now, draft, true, tx)
    }

    /// The uid of something that a request makes, by a cause that says which request and what.
    #[must_use]
    pub fn uid(&self, request_id: &str, cause: &[u8]) -> Uuid {
        derived::derive(&self.keys.id_key, derived::prefix_of(request_id), cause)
    }

    fn take_draft(
        &mut self,
        now: Timestamp,
        draft: Draft,
        of_caller: bool,
        tx: &mut Tx<'_>,
    ) -> Result<MessageId, SubmitError> {
        let id = MessageId::derive(&self.keys.id_key, &draft.cause, draft.ordinal);
        let is_request = matches!(draft.cause, Cause::Request { .. } | Cause::Entry { .. });
        let Draft { header, recipient, lane, parts, .. } = draft;
        let content = Content { header, ordinal: 0, skip: None, parts };
        let draft_digest = content.digest();
        if let Some(digest) = outbox::find(tx, id)? {
            // What follows from a message is the same each time; what a caller had asked for is no longer known.
            let follows = digest == outbox::GIVEN_UP && !is_request;
            return if digest == draft_digest || follows { Ok(id) } else { Err(SubmitError::IdReused) };
        }
        self.check(now, &recipient, lane, &content)?;

        let correlation = content.header.correlation;
        if of_caller {
            let size = content.parts.iter().map(Vec::len).sum();
            self.admit_to(&recipient, correlation.as_ref(), size, tx)?;
        }
        let stored = self.rest(correlation.as_ref(), "outbox", &id.0, &content.pack(), tx)?;
        let serial = self.next_serial;
        outbox::insert(
            tx,
            &NewMessage {
                id,
                recipient: &recipient,
                lane,
                serial,
                flow: content.flow(),
                correlation,
                ordinal: 0,
                draft_digest,
                content: Some(&stored),
                state: State::Draft,
                signed: false,
                now: micros(now),
            },
        )?;
        self.next_serial += 1;
        Drafted::remember(id, content, tx);
        if let Some(out) = self.outgoing.get_mut(&(recipient, lane)) {
            out.drafts = true;
        }
        Ok(id)
    }

    /// Looks again whether the unreceipted messages of a case may still go; what may not is skipped. To be called in
    /// the transaction that revokes something.
    ///
    /// # Errors
    /// [`Error`]: the process must stop.
    pub fn recheck(&mut self, case: &Correlation, tx: &mut Tx<'_>) -> Result<(), Error> {
        let open = tx.query(
            "SELECT DISTINCT recipient, lane FROM outbox WHERE correlation = $1 AND state <> 2 AND state = 1",
            &[case.into()],
            |row| Ok((row.text(0)?, row.int(1)?)),
        )?;
        for (recipient, lane) in open {
            let (Ok(recipient), Some(lane)) = (Recipient::parse(&recipient), Lane::from_number(lane)) else {
                continue;
            };
            self.reopen(&(recipient, lane), tx)?;
            self.branch("rechecked");
        }
        Ok(())
    }

    /// Does what a handler wants done. What may not be sent refuses the message that caused it.
    pub(super) fn fulfil(&mut self, now: Timestamp, wishes: Wishes, tx: &mut Tx<'_>) -> Result<(), Refused> {
        for case in &wishes.erasures {
            match self.erase(case, tx) {
                Ok(()) => {}
                Err(Error::Store(error)) => return Err(error.into()),
                Err(Error::Key(error)) => return Err(error.into()),
                Err(_) => return Err(Refused::Reason(RefusalReason::WrongState)),
            }
        }
        for draft in wishes.drafts {
            match self.take_draft(now, draft, false, tx) {
                Ok(_) => {}
                Err(SubmitError::Store(Error::Store(error))) => return Err(error.into()),
                Err(SubmitError::Store(Error::Key(error))) => return Err(error.into()),
                Err(_) => return Err(Refused::Reason(RefusalReason::WrongState)),
            }
        }
        Ok(())
    }

    fn check(&self, now: Timestamp, recipient: &Recipient, lane: Lane, content: &Content) -> Result<(), SubmitError> {
        let header = &content.header;
        let limit = if lane == Lane::Messages { MESSAGE_LIMIT } else { BULK_LIMIT };
        let size: usize = content.parts.iter().map(Vec::len).sum();
        let control = content.control();
        let fits = size < limit
            && content.header.blobs.len() <= BLOBS_LIMIT
            && sealed_size(lane, recipient, &control, &content.parts).is_some_and(|size| size <= ENVELOPE_LIMIT);
        if content.parts.is_empty() || content.parts.len() > PARTS_LIMIT || !fits {
            return Err(SubmitError::TooLarge);
        }
        if Content::parse(&control, content.parts.clone()).is_none() {
            return Err(SubmitError::Malformed);
        }
        let sender = &header.sender;
        if !self.release.hosts(&self.me, &sender.party, sender.unit.as_ref(), &header.contract) {
            return Err(SubmitError::NotHosted);
        }
        match recipient {
            Recipient::All => {
                if lane != Lane::Bulk || header.recipient.is_some() || header.correlation.is_some() {
                    return Err(SubmitError::Misaddressed);
                }
                if !self.release.broadcast_allowed(&sender.party, &header.contract) {
                    return Err(SubmitError::NotAgreed);
                }
            }
            Recipient::One(access_point) => {
                let to = header.recipient.as_ref().ok_or(SubmitError::Misaddressed)?;
                self.known(access_point)?;
                if !self.release.hosts(access_point, &to.party, to.unit.as_ref(), &header.contract) {
                    return Err(SubmitError::NotHosted);
                }
                if !self.allows(header, to, now) {
                    return Err(SubmitError::NotAgreed);
                }
            }
        }
        Ok(())
    }

    fn known(&self, access_point: &AccessPointId) -> Result<(), SubmitError> {
        match self.release.access_point(access_point) {
            Some(_) => Ok(()),
            None => Err(SubmitError::UnknownRecipient),
        }
    }
}
