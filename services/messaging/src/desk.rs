//! What a service works with in one transaction, whether a caller or a message set it off: the time, bodies at rest and
//! the way into messaging. So a use case is written once for both.
//!
//! A [`Counter`] is that of a calling system; that of a message is its [`Context`].

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    engine::{self, RestError, SubmitError},
    handler::Context,
    message::{Correlation, Draft, MessageId},
    store::Tx,
    writer::{Row, Submitter},
};

/// One transaction at work.
pub trait Desk<'t> {
    /// The transaction.
    fn tx(&mut self) -> &mut Tx<'t>;

    /// The time of the transaction.
    fn now(&self) -> Timestamp;

    /// The uid of something that a request makes: the same for the same cause.
    fn uid(&self, request_id: &str, cause: &[u8]) -> Uuid;

    /// Encrypts a body for a row, under the key of its case.
    ///
    /// # Errors
    /// [`RestError`].
    fn rest(&mut self, row: &Row<'_>, body: &[u8]) -> Result<Vec<u8>, RestError>;

    /// Decrypts a body; `None` when its case was erased.
    ///
    /// # Errors
    /// [`RestError`].
    fn wake(&mut self, row: &Row<'_>, body: &[u8]) -> Result<Option<Vec<u8>>, RestError>;

    /// Sends a message in the transaction.
    ///
    /// # Errors
    /// [`SubmitError`] for a calling system; what a message sets off is refused only when its transaction is looked at.
    fn send(&mut self, draft: Draft) -> Result<MessageId, SubmitError>;

    /// Has every message of a case that no receipt has concluded looked at again before it goes on.
    ///
    /// # Errors
    /// [`engine::Error`].
    fn recheck(&mut self, case: &Correlation) -> Result<(), engine::Error>;

    /// Erases every stored body of a case for good.
    ///
    /// # Errors
    /// [`engine::Error`].
    fn erase(&mut self, case: &Correlation) -> Result<(), engine::Error>;
}

/// The desk of a calling system.
pub struct Counter<'d, 't, 's> {
    /// The transaction.
    pub tx: &'d mut Tx<'t>,
    /// The way into messaging.
    pub submitter: &'d mut Submitter<'s>,
    /// The time of the transaction.
    pub now: Timestamp,
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

    fn send(&mut self, draft: Draft) -> Result<MessageId, SubmitError> {
        self.submitter.submit(draft, self.tx)
    }

    fn recheck(&mut self, case: &Correlation) -> Result<(), engine::Error> {
        self.submitter.recheck(case, self.tx)
    }

    fn erase(&mut self, case: &Correlation) -> Result<(), engine::Error> {
        self.submitter.erase(case, self.tx)
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

    fn send(&mut self, draft: Draft) -> Result<MessageId, SubmitError> {
        Ok(Self::send(self, draft))
    }

    /// What a message sets off is looked at before it is signed, like everything.
    fn recheck(&mut self, _: &Correlation) -> Result<(), engine::Error> {
        Ok(())
    }

    fn erase(&mut self, case: &Correlation) -> Result<(), engine::Error> {
        Self::erase(self, *case);
        Ok(())
    }
}
