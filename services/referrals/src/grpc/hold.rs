//! The door for legal holds.

use nhipcau_proto::referral::v1::{self as pb, referral_hold_service_server::ReferralHoldService};
use nhipcau_runtime::{caller::Call, caller::Role, status::check};
use tonic::{Request, Response, Status};

use super::Door;
use crate::hold::{self, Asked};

#[tonic::async_trait]
impl ReferralHoldService for Door {
    async fn hold_case(&self, request: Request<pb::HoldCaseRequest>) -> Result<Response<pb::HoldCaseResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Decide, &message.acting_person, &message.request_id)?;
        check(message)?;
        let asked = Asked::read(call, &message.name, &message.order_reference)?;
        let citation = hold::citation(&message.citation)?;
        let (access_point, validate_only) = (self.access_point.clone(), message.validate_only);
        let done =
            self.carry_out(validate_only, move |desk| hold::order(desk, &access_point, &asked, &citation)).await?;
        let (referral, replayed) = done.map_or((None, false), |(referral, replayed)| (Some(referral), replayed));
        Ok(Response::new(pb::HoldCaseResponse { referral, replayed }))
    }

    async fn release_hold(
        &self,
        request: Request<pb::ReleaseHoldRequest>,
    ) -> Result<Response<pb::ReleaseHoldResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Decide, &message.acting_person, &message.request_id)?;
        check(message)?;
        let asked = Asked::read(call, &message.name, &message.order_reference)?;
        let (shared, access_point) = (self.shared.clone(), self.access_point.clone());
        let validate_only = message.validate_only;
        let done =
            self.carry_out(validate_only, move |desk| hold::release(desk, &shared, &access_point, &asked)).await?;
        let (referral, replayed) = done.map_or((None, false), |(referral, replayed)| (Some(referral), replayed));
        Ok(Response::new(pb::ReleaseHoldResponse { referral, replayed }))
    }
}
