//! The door for callers: authorise, check, parse, call, encode. Nothing is decided here.
//!
//! BASIC answers come from a reader beside the writer. What needs content goes through the writer, which alone has the
//! keys, and FULL is answered once its access record is on disk.

use std::sync::Arc;

use jiff::Timestamp;
use nhipcau_domain::{
    contact::way,
    id::{AccessPointId, Purpose},
    reason,
    route::Routes,
};
use nhipcau_messaging::{
    desk::Counter,
    engine::Alarm,
    store::{Readers, Tx},
    writer::{Handle, Submitter},
};
use nhipcau_proto::{
    referral::v1::ReferralView,
    switchboard::v1::{self as pb, contact_service_server::ContactService},
};
use nhipcau_runtime::{
    caller::{Call, Role, permit, permit_for},
    status::{Refusal, check},
};
use prost::{Message, Name};
use tonic::{Request, Response, Status};

use crate::{
    Switchboard,
    access::Reader,
    alarm::Teller,
    change::{self, Asked, Changed},
    error::Error,
    list, read,
    record::{self, read_name},
    sending,
};

/// The service of the contract.
#[derive(Debug, Clone)]
pub struct Door {
    pub(crate) shared: Switchboard,
    pub(crate) writer: Handle,
    pub(crate) readers: Readers,
    pub(crate) access_point: AccessPointId,
    pub(crate) teller: Teller,
}

/// Authorises a call and says who asks.
pub(crate) fn call<T: Message + Name>(
    request: &Request<T>,
    role: Role,
    person: &str,
    id: &str,
) -> Result<Call, Status> {
    Call::permit(request, role, person, id)
}

/// Authorises the reading of content and says who reads.
pub(crate) fn reader<T>(request: &Request<T>, person: &str) -> Result<Reader, Status> {
    let permit = permit_for(request, Role::ReadContent, person)?;
    // Always there: the role acts for a person.
    let person = permit.person.ok_or_else(Refusal::access_denied)?;
    Ok(Reader { party: permit.caller.party.clone(), system: permit.caller.system.clone(), person })
}

/// Authorises and checks a change of a contact.
macro_rules! asked {
    ($request:ident) => {{
        let message = $request.get_ref();
        let call = call(&$request, Role::Submit, &message.acting_person, &message.request_id)?;
        let contact = read_name(&message.name, &call.party)?;
        check(message)?;
        Asked { call, contact, etag: message.etag.clone(), validate_only: message.validate_only }
    }};
}

impl Door {
    /// Has the operator told in this way of what presses of alarm keys bring.
    #[must_use]
    pub fn telling(self, tell: Box<dyn FnMut(Alarm) + Send>) -> Self {
        Self { teller: Teller::new(tell), ..self }
    }

    /// Runs work and answers once it is on disk.
    pub(crate) async fn carry_out<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Counter<'_, '_, '_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<Response<T>, Status> {
        let work = move |tx: &mut Tx<'_>, submitter: &mut Submitter<'_>, now: Timestamp| {
            work(&mut Counter { tx, submitter, now })
        };
        self.writer.call(work).await.map(Response::new).map_err(|error| Refusal::from(error).into())
    }

    /// Who serves where, beside the writer: after a new release it takes a moment.
    async fn routes(&self) -> Result<Arc<Routes>, Status> {
        self.beside(|shared| shared.routes(shared.clock.now())).await
    }

    /// Runs work that may take a moment on a thread of its own.
    pub(crate) async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Switchboard) -> T + Send + 'static,
    ) -> Result<T, Status> {
        let shared = self.shared.clone();
        tokio::task::spawn_blocking(move || work(&shared)).await.map_err(|_| Refusal::internal().into())
    }
}

#[tonic::async_trait]
impl ContactService for Door {
    async fn record_contact(
        &self,
        request: Request<pb::RecordContactRequest>,
    ) -> Result<Response<pb::RecordContactResponse>, Status> {
        let message = request.get_ref();
        let call = call(&request, Role::Submit, &message.acting_person, &message.request_id)?;
        if message.unit.as_ref().is_some_and(|unit| unit.party != call.party.as_str()) {
            return Err(Refusal::access_denied().into());
        }
        check(message)?;
        let (shared, access_point, message) = (self.shared.clone(), self.access_point.clone(), request.into_inner());
        self.carry_out(move |desk| record::record(desk, &shared, &access_point, &call, &message)).await
    }

    async fn amend_contact(
        &self,
        request: Request<pb::AmendContactRequest>,
    ) -> Result<Response<pb::AmendContactResponse>, Status> {
        let asked = asked!(request);
        let (shared, message) = (self.shared.clone(), request.into_inner());
        self.carry_out(move |desk| {
            change::carry_out(desk, &shared, &asked, |standing, call| {
                let amended = standing.amend(&message, call)?;
                let undisclosed_parts = amended.undisclosed.iter().map(|part| part.to_wire()).collect();
                let answer = pb::AmendContactResponse { undisclosed_parts, ..Default::default() };
                Ok(Changed { contact: amended.contact, answer, requested: None })
            })
        })
        .await
    }

    async fn counsel_contact(
        &self,
        request: Request<pb::CounselContactRequest>,
    ) -> Result<Response<pb::CounselContactResponse>, Status> {
        let (asked, shared) = (asked!(request), self.shared.clone());
        self.carry_out(move |desk| {
            change::carry_out(desk, &shared, &asked, |standing, call| {
                Ok(Changed { contact: standing.counsel(call)?, answer: Default::default(), requested: None })
            })
        })
        .await
    }

    async fn send_contact(
        &self,
        request: Request<pb::SendContactRequest>,
    ) -> Result<Response<pb::SendContactResponse>, Status> {
        let asked = asked!(request);
        // Whoever may not read content sends as well, and is not told the route.
        let reader = reader(&request, &request.get_ref().acting_person).ok();
        let access_point = self.access_point.clone();
        let (shared, routes, message) = (self.shared.clone(), self.routes().await?, request.into_inner());
        self.carry_out(move |desk| {
            change::unoffered(desk, &asked)?;
            let answer = change::carry_out(desk, &shared, &asked, |standing, call| {
                let sent = standing.send(&message, call, &routes)?;
                let purpose =
                    Purpose::new(&message.purpose).map_err(|_| Error::rule("purpose", reason::FIELD_FORMAT))?;
                sending::objections(&shared, standing, &purpose, call.now).or(())?;
                let route = sent.route.as_ref().map(|route| way::write(Some(route)));
                let answer = pb::SendContactResponse { route, ..Default::default() };
                Ok(Changed { contact: sent.contact, answer, requested: Some(sent.requested) })
            })?;
            read::sent(desk, asked.contact, (reader.as_ref(), &access_point), answer)
        })
        .await
    }

    async fn close_contact(
        &self,
        request: Request<pb::CloseContactRequest>,
    ) -> Result<Response<pb::CloseContactResponse>, Status> {
        let asked = asked!(request);
        let (shared, reason) = (self.shared.clone(), request.get_ref().reason);
        self.carry_out(move |desk| {
            change::unoffered(desk, &asked)?;
            change::carry_out(desk, &shared, &asked, |standing, call| {
                Ok(Changed { contact: standing.close(reason, call)?, answer: Default::default(), requested: None })
            })
        })
        .await
    }

    async fn get_contact(
        &self,
        request: Request<pb::GetContactRequest>,
    ) -> Result<Response<pb::GetContactResponse>, Status> {
        let message = request.get_ref();
        let contact = match ReferralView::try_from(message.view) {
            Ok(ReferralView::Full) => {
                let reader = reader(&request, &message.acting_person)?;
                let uid = read_name(&message.name, &reader.party)?;
                check(message)?;
                let (shared, access_point) = (self.shared.clone(), self.access_point.clone());
                let read = move |desk: &mut Counter<'_, '_, '_>| read::full(desk, &shared, uid, &reader, &access_point);
                self.carry_out(read).await?.into_inner()
            }
            view => {
                let party = permit(&request, Role::ReadMetadata)?.caller.party.clone();
                let uid = read_name(&message.name, &party)?;
                check(message)?;
                view.map_err(|_| Error::rule("view", reason::CODE_UNKNOWN))?;
                let read = self.readers.read(move |tx| read::basic(uid, &party, tx)).await;
                read.map_err(Refusal::from)?
            }
        };
        Ok(Response::new(pb::GetContactResponse { contact: Some(contact) }))
    }

    async fn list_contacts(
        &self,
        request: Request<pb::ListContactsRequest>,
    ) -> Result<Response<pb::ListContactsResponse>, Status> {
        let party = permit(&request, Role::ReadMetadata)?.caller.party.clone();
        if request.get_ref().parent.strip_prefix("parties/") != Some(party.as_str()) {
            return Err(Refusal::access_denied().into());
        }
        check(request.get_ref())?;
        let (message, access_point) = (request.into_inner(), self.access_point.clone());
        let read = self.readers.read(move |tx| list::page(&message, &party, &access_point, tx)).await;
        read.map(Response::new).map_err(|error| Refusal::from(error).into())
    }

    async fn get_contact_route(
        &self,
        request: Request<pb::GetContactRouteRequest>,
    ) -> Result<Response<pb::GetContactRouteResponse>, Status> {
        let message = request.get_ref();
        let reader = reader(&request, &message.acting_person)?;
        let uid = read_name(&message.name, &reader.party)?;
        check(message)?;
        let access_point = self.access_point.clone();
        let (routes, service) = (self.routes().await?, request.into_inner().service);
        let read =
            move |desk: &mut Counter<'_, '_, '_>| read::route(desk, uid, (&reader, &access_point), &service, &routes);
        let route = self.carry_out(read).await?.into_inner();
        Ok(Response::new(pb::GetContactRouteResponse { route: Some(route) }))
    }
}
