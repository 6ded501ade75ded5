//! The door for callers of hand-overs: authorise, check, parse, call, encode. Nothing is decided here.

use nhipcau_domain::{
    handover::Body,
    reason,
    referral::{HandBack, Rejection, Revocation},
};
use nhipcau_proto::{
    referral::v1::ReferralView,
    switchboard::v1::{self as pb, handover_service_server::HandoverService},
};
use nhipcau_runtime::{
    caller::{Role, permit},
    status::{Refusal, check},
};
use prost::{Message, Name};
use tonic::{Request, Response, Status};

use super::{act, continued, list, offer, read, request};
use crate::{
    change,
    error::Error,
    grpc::{Door, call, reader},
    record,
};

/// What every change of a hand-over names.
trait Change: Message + Name + Clone {
    /// Person, request id, hand-over, etag, and whether it is only checked.
    fn named(&self) -> (&str, &str, &str, &str, bool);
}

macro_rules! changes {
    ($($name:ident),*) => {$(
        impl Change for pb::$name {
            fn named(&self) -> (&str, &str, &str, &str, bool) {
                (&self.acting_person, &self.request_id, &self.name, &self.etag, self.validate_only)
            }
        }
    )*}
}

changes!(
    OfferHandoverRequest,
    AcceptHandoverRequest,
    DeclineHandoverRequest,
    WithdrawHandoverRequest,
    ContinueHandoverRequest,
    AskHandBackRequest,
    HandBackRequest,
    AddContactNoteRequest
);

/// Authorises a change and says what is asked of which hand-over. A decision needs the role of one.
fn asked<T: Change>(request: &Request<T>, role: Role) -> Result<request::Asked, Status> {
    let (person, id, name, etag, validate_only) = request.get_ref().named();
    let call = call(request, role, person, id)?;
    let handover = request::read_name(name, &call.party)?;
    Ok(request::Asked { call, handover, etag: etag.to_owned(), validate_only })
}

impl Door {
    /// Carries out what needs nothing but the hand-over.
    async fn act<R: request::Response>(&self, asked: request::Asked, body: Body) -> Result<Response<R>, Status> {
        let shared = self.shared.clone();
        self.carry_out(move |desk| act::act(desk, &shared, &asked, body)).await
    }
}

/// A code that must be stated.
fn code<T>(value: Option<T>, field: &str) -> Result<T, Error> {
    value.ok_or_else(|| Error::rule(field, reason::FIELD_REQUIRED))
}

#[tonic::async_trait]
impl HandoverService for Door {
    async fn offer_handover(
        &self,
        request: Request<pb::OfferHandoverRequest>,
    ) -> Result<Response<pb::OfferHandoverResponse>, Status> {
        let (person, id, name, etag, validate_only) = request.get_ref().named();
        let call = call(&request, Role::Submit, person, id)?;
        let contact = record::read_name(name, &call.party)?;
        check(request.get_ref())?;
        let asked = change::Asked { call, contact, etag: etag.to_owned(), validate_only };
        let (shared, message) = (self.shared.clone(), request.into_inner());
        self.carry_out(move |desk| offer::offer(desk, &shared, &asked, &message)).await
    }

    async fn accept_handover(
        &self,
        request: Request<pb::AcceptHandoverRequest>,
    ) -> Result<Response<pb::AcceptHandoverResponse>, Status> {
        let asked = asked(&request, Role::Decide)?;
        check(request.get_ref())?;
        self.act(asked, Body::HandoverAccepted).await
    }

    async fn decline_handover(
        &self,
        request: Request<pb::DeclineHandoverRequest>,
    ) -> Result<Response<pb::DeclineHandoverResponse>, Status> {
        let asked = asked(&request, Role::Decide)?;
        check(request.get_ref())?;
        let code = code(Rejection::from_wire(request.get_ref().code), "code")?;
        self.act(asked, Body::HandoverDeclined { code }).await
    }

    async fn withdraw_handover(
        &self,
        request: Request<pb::WithdrawHandoverRequest>,
    ) -> Result<Response<pb::WithdrawHandoverResponse>, Status> {
        let asked = asked(&request, Role::Submit)?;
        check(request.get_ref())?;
        let reason = code(Revocation::from_wire(request.get_ref().reason), "reason")?;
        self.act(asked, Body::HandoverWithdrawn { reason }).await
    }

    async fn continue_handover(
        &self,
        request: Request<pb::ContinueHandoverRequest>,
    ) -> Result<Response<pb::ContinueHandoverResponse>, Status> {
        let asked = asked(&request, Role::Submit)?;
        let reader = reader(&request, &request.get_ref().acting_person)?;
        check(request.get_ref())?;
        let shared = self.shared.clone();
        self.carry_out(move |desk| continued::record(desk, &shared, &asked, &reader)).await
    }

    async fn ask_hand_back(
        &self,
        request: Request<pb::AskHandBackRequest>,
    ) -> Result<Response<pb::AskHandBackResponse>, Status> {
        let asked = asked(&request, Role::Decide)?;
        check(request.get_ref())?;
        let reason = code(HandBack::from_wire(request.get_ref().reason), "reason")?;
        self.act(asked, Body::HandBackAsked { reason }).await
    }

    async fn hand_back(&self, request: Request<pb::HandBackRequest>) -> Result<Response<pb::HandBackResponse>, Status> {
        let asked = asked(&request, Role::Submit)?;
        check(request.get_ref())?;
        self.act(asked, Body::HandedBack).await
    }

    async fn add_contact_note(
        &self,
        request: Request<pb::AddContactNoteRequest>,
    ) -> Result<Response<pb::AddContactNoteResponse>, Status> {
        let asked = asked(&request, Role::Submit)?;
        check(request.get_ref())?;
        let (shared, message) = (self.shared.clone(), request.into_inner());
        self.carry_out(move |desk| act::note(desk, &shared, &asked, &message)).await
    }

    async fn get_handover(
        &self,
        request: Request<pb::GetHandoverRequest>,
    ) -> Result<Response<pb::GetHandoverResponse>, Status> {
        let message = request.get_ref();
        let handover = match ReferralView::try_from(message.view) {
            Ok(ReferralView::Full) => {
                let reader = reader(&request, &message.acting_person)?;
                let uid = request::read_name(&message.name, &reader.party)?;
                check(message)?;
                let access_point = self.access_point.clone();
                self.carry_out(move |desk| read::full(desk, uid, &reader, &access_point)).await?.into_inner()
            }
            view => {
                let party = permit(&request, Role::ReadMetadata)?.caller.party.clone();
                let uid = request::read_name(&message.name, &party)?;
                check(message)?;
                view.map_err(|_| Error::rule("view", reason::CODE_UNKNOWN))?;
                let read = self.readers.read(move |tx| read::one(uid, &party, tx)).await;
                read.map_err(Refusal::from)?
            }
        };
        Ok(Response::new(pb::GetHandoverResponse { handover: Some(handover) }))
    }

    async fn list_handovers(
        &self,
        request: Request<pb::ListHandoversRequest>,
    ) -> Result<Response<pb::ListHandoversResponse>, Status> {
        let party = permit(&request, Role::ReadMetadata)?.caller.party.clone();
        if request.get_ref().parent.strip_prefix("parties/") != Some(party.as_str()) {
            return Err(Refusal::access_denied().into());
        }
        check(request.get_ref())?;
        let (message, access_point) = (request.into_inner(), self.access_point.clone());
        let read = self.readers.read(move |tx| list::page(&message, &party, &access_point, tx)).await;
        read.map(Response::new).map_err(|error| Refusal::from(error).into())
    }
}
