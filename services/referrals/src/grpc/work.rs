//! What all mutating calls have in common: the work runs on the writer thread, in a savepoint of its own.

use jiff::Timestamp;
use nhipcau_messaging::{
    store::Tx,
    writer::{CallError, Submitter},
};
use nhipcau_runtime::{
    caller::{Role, permit_for},
    status::Refusal,
    trace::TraceContext,
};
use prost::Message;
use tonic::{Request, Status};

use super::Door;
use crate::{desk::Counter, error::Error, request::Call};

/// Authorises a call and says who asks.
pub(super) fn call<T: Message>(request: &Request<T>, role: Role, person: &str, id: &str) -> Result<Call, Status> {
    let permit = permit_for(request, role, person)?;
    Ok(Call::new(permit.caller, permit.person.as_ref(), id, request.get_ref(), TraceContext::onward(request)))
}

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
