//! What a use case works with, whether a caller or a message set it off: the transaction, the time, bodies at rest and
//! the way into messaging.

use jiff::Timestamp;
use nhipcau_messaging::{
    engine::RestError,
    handler::Context,
    message::{Correlation, Draft, MessageId},
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

    /// Has every message of a case that no receipt has concluded looked at again before it goes on.
    fn recheck(&mut self, case: &Correlation) -> Result<(), Error>;

    /// Erases every stored body of a case for good.
    fn erase(&mut self, case: &Correlation) -> Result<(), Error>;
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

    fn recheck(&mut self, case: &Correlation) -> Result<(), Error> {
        Ok(self.submitter.recheck(case, self.tx)?)
    }

    fn erase(&mut self, case: &Correlation) -> Result<(), Error> {
        Ok(self.submitter.erase(case, self.tx)?)
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

    /// What a message sets off is looked at before it is signed, like everything.
    fn recheck(&mut self, _: &Correlation) -> Result<(), Error> {
        Ok(())
    }

    fn erase(&mut self, case: &Correlation) -> Result<(), Error> {
        Self::erase(self, *case);
        Ok(())
    }
}
