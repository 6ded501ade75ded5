//! The doors for callers: authorise, check, parse, call, encode. Nothing is decided here.

mod attachment;
mod decisions;
mod hold;
mod origin;
mod reading;
mod steering;
mod work;

use nhipcau_domain::id::AccessPointId;
use nhipcau_messaging::{
    store::{Readers, Tx},
    writer::Handle,
};
use nhipcau_runtime::{clock::Clock, status::Refusal};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{Referrals, error::Error};

/// All services of the contract.
#[derive(Debug, Clone)]
pub struct Door {
    pub(crate) shared: Referrals,
    pub(crate) writer: Handle,
    pub(crate) readers: Readers,
    pub(crate) access_point: AccessPointId,
    pub(crate) closing: CancellationToken,
    pub(crate) clock: Clock,
}

impl Door {
    /// Reads one committed state of the store.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Status> {
        self.readers.read(work).await.map_err(|error| Refusal::from(error).into())
    }
}
