//! The door for those who operate an access point: what it is, where its channels stand, what it can prove, what
//! somebody must look at, and whether a peer holds the same. Only reads; every call is safe to repeat.
//!
//! Needs the role operate and a system of the party that operates the access point according to the directory: another
//! party that it serves must not see who exchanges how much with whom. Only what the store has forgotten is told to
//! every system, because each must repeat its own. Nothing here is about a person: messages show as ids and positions.

mod channel;
mod encode;
mod page;
mod receipt;
mod reconciliation;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use nhipcau_domain::{
    directory::Release,
    id::{AccessPointId, ContractId},
};
use nhipcau_messaging::{
    nats::State,
    reconcile::Reconciler,
    store::{self, Readers, Tx},
    writer::{Handle, Submitter},
};
use nhipcau_proto::accesspoint::v1::{
    self as pb, access_point_service_server::AccessPointService, access_point_service_server::AccessPointServiceServer,
};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::{
    access_point::Alarms,
    caller::{Caller, Role, permit},
    clock::Clock,
    status::{Refusal, check},
};

/// The service of the contract.
#[derive(Debug, Clone)]
pub struct Door {
    pub(crate) id: AccessPointId,
    pub(crate) started: Timestamp,
    pub(crate) contracts: Vec<(ContractId, u32)>,
    pub(crate) clock: Clock,
    pub(crate) broker: watch::Receiver<State>,
    pub(crate) releases: watch::Receiver<Arc<Release>>,
    pub(crate) writer: Handle,
    pub(crate) readers: Readers,
    pub(crate) alarms: Alarms,
    pub(crate) reconciler: Reconciler,
}

impl Door {
    /// The generated server, for [`Services::with`](crate::server::Services::with).
    #[must_use]
    pub fn server(self) -> AccessPointServiceServer<Self> {
        AccessPointServiceServer::new(self)
    }

    fn name(&self) -> String {
        format!("accessPoints/{}", self.id)
    }

    /// Lets only those in who operate the access point; nobody when the release in use does not name it.
    fn permit<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let caller = permit(request, Role::Operate)?.caller;
        match self.releases.borrow().access_point(&self.id) {
            Some(me) if me.operator == caller.party => Ok(()),
            _ => Err(Caller::lacks(Role::Operate)),
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.readers.read(work).await.map_err(Refusal::from)
    }
}

#[tonic::async_trait]
impl AccessPointService for Door {
    async fn get_access_point(
        &self,
        request: Request<pb::GetAccessPointRequest>,
    ) -> Result<Response<pb::GetAccessPointResponse>, Status> {
        self.permit(&request)?;
        let access_point = Some(encode::access_point(self));
        Ok(Response::new(pb::GetAccessPointResponse { access_point }))
    }

    async fn list_channels(
        &self,
        request: Request<pb::ListChannelsRequest>,
    ) -> Result<Response<pb::ListChannelsResponse>, Status> {
        self.permit(&request)?;
        check(request.get_ref())?;
        let look = |_: &mut Tx<'_>, submitter: &mut Submitter<'_>, _| Ok::<_, store::Error>(submitter.channels());
        let states = self.writer.call(look).await.map_err(Refusal::from)?;
        let (page, next_page_token) = channel::page(states, request.get_ref())?;
        let (name, now) = (self.name(), self.clock.now());
        let read = move |tx: &mut Tx<'_>| page.iter().map(|state| channel::read(&name, state, now, tx)).collect();
        let channels = self.read(read).await?;
        Ok(Response::new(pb::ListChannelsResponse { channels, next_page_token }))
    }

    async fn reconcile(
        &self,
        request: Request<pb::ReconcileRequest>,
    ) -> Result<Response<pb::ReconcileResponse>, Status> {
        self.permit(&request)?;
        check(request.get_ref())?;
        let release = Arc::clone(&self.releases.borrow());
        let (peer, query) = reconciliation::asked(request.get_ref(), &self.id, &release)?;
        let found = self.reconciler.reconcile(&peer, query).await.map_err(reconciliation::refused)?;
        let channels = found.into_iter().map(|result| reconciliation::encode(&self.id, &peer, result)).collect();
        Ok(Response::new(pb::ReconcileResponse { channels }))
    }

    async fn list_receipts(
        &self,
        request: Request<pb::ListReceiptsRequest>,
    ) -> Result<Response<pb::ListReceiptsResponse>, Status> {
        self.permit(&request)?;
        check(request.get_ref())?;
        let wanted = receipt::Wanted::read(request.get_ref())?;
        let me = self.id.clone();
        let response = self.read(move |tx| receipt::list(&me, &wanted, tx)).await?;
        Ok(Response::new(response))
    }

    async fn list_alarms(
        &self,
        request: Request<pb::ListAlarmsRequest>,
    ) -> Result<Response<pb::ListAlarmsResponse>, Status> {
        self.permit(&request)?;
        check(request.get_ref())?;
        Ok(Response::new(encode::alarms(&self.name(), &self.alarms.newest(), request.get_ref())?))
    }

    async fn list_lost_periods(
        &self,
        request: Request<pb::ListLostPeriodsRequest>,
    ) -> Result<Response<pb::ListLostPeriodsResponse>, Status> {
        Caller::of(&request)?;
        let lost = self.read(store::lost_periods).await?;
        let lost_periods = lost.into_iter().map(encode::lost_period).collect();
        Ok(Response::new(pb::ListLostPeriodsResponse { lost_periods }))
    }
}
