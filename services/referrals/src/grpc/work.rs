//! What all mutating calls have in common: the work runs on the writer thread, in a savepoint of its own.

use jiff::Timestamp;
use nhipcau_messaging::{
    desk::Counter,
    store::Tx,
    writer::{CallError, Submitter},
};
use nhipcau_runtime::status::Refusal;
use tonic::Status;

use super::Door;
use crate::error::Error;

impl Door {
    /// Runs work and answers once it is on disk. Of a call that only checks, everything is undone and nothing answered.
    pub(super) async fn carry_out<T: Send + 'static>(
        &self,
        validate_only: bool,
        work: impl FnOnce(&mut Counter<'_, '_, '_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<Option<T>, Status> {
        let work = move |tx: &mut Tx<'_>, submitter: &mut Submitter<'_>, now: Timestamp| {
            let done = work(&mut Counter { tx, submitter, now })?;
            if validate_only { Err(Error::Checked) } else { Ok(done) }
        };
        match self.writer.call(work).await {
            Ok(done) => Ok(Some(done)),
            Err(CallError::Work(Error::Checked)) => Ok(None),
            Err(error) => Err(Refusal::from(error).into()),
        }
    }
}
