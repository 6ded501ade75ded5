//! The door for callers of placement enquiries: authorise, check, parse, call, encode. Nothing is decided here.

use nhipcau_domain::{
    placement::{Answer, Body},
    reason, referral,
};
use nhipcau_proto::{
    placement::v1::{self as pb, placement_service_server::PlacementService},
    referral::v1::ReferralView,
};
use nhipcau_runtime::{
    caller::{Role, permit},
    status::{Refusal, check},
};
use prost::{Message, Name};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{act, ask, list, read};
use crate::{
    error::Error,
    grpc::{Door, call, reader},
};

/// What every change of an enquiry names.
trait Change: Message + Name + Clone {
    /// Person, request id, enquiry, etag, and whether it is only checked.
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

changes!(AnswerPlacementRequest, ConfirmPlacementRequest, ReleasePlacementRequest, WithdrawPlacementRequest);

/// Authorises a change and says what is asked of which enquiry.
fn asked<T: Change>(request: &Request<T>, role: Role) -> Result<act::Asked, Status> {
    let (person, id, name, etag, validate_only) = request.get_ref().named();
    let call = call(request, role, person, id)?;
    let placement = act::read_name(name, &call.party)?;
    Ok(act::Asked { call, placement, etag: etag.to_owned(), validate_only, despite_limit: false })
}

impl Door {
    async fn change<R: act::Response>(&self, asked: act::Asked, body: Body) -> Result<Response<R>, Status> {
        let shared = self.shared.clone();
        self.carry_out(move |desk| act::act(desk, &shared, &asked, body)).await
    }
}

#[tonic::async_trait]
impl PlacementService for Door {
    async fn ask_placement(
        &self,
        request: Request<pb::AskPlacementRequest>,
    ) -> Result<Response<pb::AskPlacementResponse>, Status> {
        let message = request.get_ref();
        let call = call(&request, Role::Submit, &message.acting_person, &message.request_id)?;
        if message.origin.as_ref().is_some_and(|unit| unit.party != call.party.as_str()) {
            return Err(Refusal::access_denied().into());
        }
        check(message)?;
        let (shared, message) = (self.shared.clone(), request.into_inner());
        self.carry_out(move |desk| ask::ask(desk, &shared, &call, &message)).await
    }

    async fn answer_placement(
        &self,
        request: Request<pb::AnswerPlacementRequest>,
    ) -> Result<Response<pb::AnswerPlacementResponse>, Status> {
        let asked = asked(&request, Role::Decide)?;
        check(request.get_ref())?;
        let message = request.into_inner();
        let asked = act::Asked { despite_limit: message.despite_limit, ..asked };
        let given = pb::PlacementAnswered {
            answer: message.answer,
            hold_until_time: message.hold_until_time,
            code: message.code,
        };
        let mut refusal = referral::Refusal::default();
        let answer = Answer::read(&given, &mut refusal);
        match refusal.or(answer).map_err(Error::from)? {
            Some(answer) => self.change(asked, Body::Answered(answer)).await,
            None => Err(Error::rule("answer", reason::FIELD_REQUIRED).into()),
        }
    }

    async fn confirm_placement(
        &self,
        request: Request<pb::ConfirmPlacementRequest>,
    ) -> Result<Response<pb::ConfirmPlacementResponse>, Status> {
        let asked = asked(&request, Role::Submit)?;
        check(request.get_ref())?;
        let referral = Uuid::try_parse(&request.get_ref().referral_uid).ok().filter(|uid| !uid.is_nil());
        let referral = referral.ok_or_else(|| Error::rule("referral_uid", reason::FIELD_FORMAT))?;
        self.change(asked, Body::Confirmed { referral }).await
    }

    async fn release_placement(
        &self,
        request: Request<pb::ReleasePlacementRequest>,
    ) -> Result<Response<pb::ReleasePlacementResponse>, Status> {
        let asked = asked(&request, Role::Submit)?;
        check(request.get_ref())?;
        self.change(asked, Body::Released).await
    }

    async fn withdraw_placement(
        &self,
        request: Request<pb::WithdrawPlacementRequest>,
    ) -> Result<Response<pb::WithdrawPlacementResponse>, Status> {
        let asked = asked(&request, Role::Submit)?;
        check(request.get_ref())?;
        self.change(asked, Body::Withdrawn).await
    }

    async fn get_placement(
        &self,
        request: Request<pb::GetPlacementRequest>,
    ) -> Result<Response<pb::GetPlacementResponse>, Status> {
        let message = request.get_ref();
        let placement = match ReferralView::try_from(message.view) {
            Ok(ReferralView::Full) => {
                let reader = reader(&request, &message.acting_person)?;
                let uid = act::read_name(&message.name, &reader.party)?;
                check(message)?;
                let access_point = self.access_point.clone();
                self.carry_out(move |desk| read::full(desk, uid, &reader, &access_point)).await?.into_inner()
            }
            view => {
                let party = permit(&request, Role::ReadMetadata)?.caller.party.clone();
                let uid = act::read_name(&message.name, &party)?;
                check(message)?;
                view.map_err(|_| Error::rule("view", reason::CODE_UNKNOWN))?;
                let now = self.shared.clock.now();
                let read = self.readers.read(move |tx| read::one(uid, &party, now, tx)).await;
                read.map_err(Refusal::from)?
            }
        };
        Ok(Response::new(pb::GetPlacementResponse { placement: Some(placement) }))
    }

    async fn list_placements(
        &self,
        request: Request<pb::ListPlacementsRequest>,
    ) -> Result<Response<pb::ListPlacementsResponse>, Status> {
        let party = permit(&request, Role::ReadMetadata)?.caller.party.clone();
        if request.get_ref().parent.strip_prefix("parties/") != Some(party.as_str()) {
            return Err(Refusal::access_denied().into());
        }
        check(request.get_ref())?;
        let (message, access_point) = (request.into_inner(), self.access_point.clone());
        let now = self.shared.clock.now();
        let read = self.readers.read(move |tx| list::page(&message, &party, &access_point, now, tx)).await;
        read.map(Response::new).map_err(|error| Refusal::from(error).into())
    }
}
