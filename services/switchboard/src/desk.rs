//! What a use case works with, whether a caller or a message set it off: the transaction, the time, bodies at rest and
//! the way into messaging.

use jiff::Timestamp;
use nhipcau_messaging::{
    engine::RestError,
    handler::Context,
    message::{Draft, MessageId},
    store::Tx,
    writer::{Row, Submitter},
};
use uuid::Uuid;

use crate::error::Error;

/// One transaction at work.
pub(crate) trait Desk<'t> {
    /// The transaction.
    fn tx(&mut self) -> &mut Tx<'t>;

    /// The time of the transaction.
    fn now(&self) -> Timestamp;

    /// The uid of something that a request makes: the same for the same cause.
    fn uid(&self, request_id: &str, cause: &[u8]) -> Uuid;

    /// Encrypts a body for a row, under the key of its case.
    fn rest(&mut self, row: &Row<'_>, body: &[u8]) -> Result<Vec<u8>, RestError>;

    /// Decrypts a body; `None` when its case was erased.
    fn wake(&mut self, row: &Row<'_>, body: &[u8]) -> Result<Option<Vec<u8>>, RestError>;

    /// Sends a message in the transaction.
    fn send(&mut self, draft: Draft) -> Result<MessageId, Error>;
}

/// The desk of a calling system.
pub(crate) struct Counter<'d, 't, 's> {
    pub(crate) tx: &'d mut Tx<'t>,
    pub(crate) submitter: &'d mut Submitter<'s>,
    pub(crate) now: Timestamp,
}

impl<'t> Desk<'t> for Counter<'_, 't, '_> {
    fn tx(&mut self) -> &mut Tx<'t> {
        self.tx
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn uid(&self, request_id: &str, cause: &[u8]) -> Uuid {
        self.submitter.uid(request_id, cause)
    }

    fn rest(&mut self, row: &Row<'_>, body: &[u8]) -> Result<Vec<u8>, RestError> {
        self.submitter.rest(row, body, self.tx)
    }

    fn wake(&mut self, row: &Row<'_>, body: &[u8]) -> Result<Option<Vec<u8>>, RestError> {
        self.submitter.wake(row, body, self.tx)
    }

    fn send(&mut self, draft: Draft) -> Result<MessageId, Error> {
        Ok(self.submitter.submit(draft, self.tx)?)
    }
}

impl<'t> Desk<'t> for Context<'_, 't> {
    fn tx(&mut self) -> &mut Tx<'t> {
        self.tx
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn uid(&self, request_id: &str, cause: &[u8]) -> Uuid {
        Self::uid(self, request_id, cause)
    }

    fn rest(&mut self, row: &Row<'_>, body: &[u8]) -> Result<Vec<u8>, RestError> {
        Self::rest(self, row.case, row.table, row.key, body)
    }

    fn wake(&mut self, row: &Row<'_>, body: &[u8]) -> Result<Option<Vec<u8>>, RestError> {
        Self::wake(self, row.case, row.table, row.key, body)
    }

    fn send(&mut self, draft: Draft) -> Result<MessageId, Error> {
        Ok(Self::send(self, draft))
    }
}
