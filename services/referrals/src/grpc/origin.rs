//! The door of the origin: submit, withdraw, recall. Reading is answered by the reading half.

use nhipcau_domain::referral::{Command, Mistake};
use nhipcau_proto::referral::v1::{self as pb, referral_service_server::ReferralService};
use nhipcau_runtime::{
    caller::Call,
    caller::Role,
    status::{Refusal, check},
};
use tonic::{Request, Response, Status};

use super::Door;
use crate::{
    act, code,
    name::referral_name,
    recall,
    submit::{self, Prepared},
};

#[tonic::async_trait]
impl ReferralService for Door {
    async fn submit_referral(
        &self,
        request: Request<pb::SubmitReferralRequest>,
    ) -> Result<Response<pb::SubmitReferralResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Submit, &message.acting_person, &message.request_id)?;
        if message.origin.as_ref().is_some_and(|origin| origin.party != call.party.as_str()) {
            return Err(Refusal::access_denied().into());
        }
        check(message)?;
        let prepared = Prepared::check(message, &self.shared, self.clock.now())?;
        let (shared, validate_only) = (self.shared.clone(), message.validate_only);
        let done = self.carry_out(validate_only, move |desk| submit::submit(desk, &shared, &call, &prepared)).await?;
        let (referral, replayed) = done.map_or((None, false), |(referral, replayed)| (Some(referral), replayed));
        Ok(Response::new(pb::SubmitReferralResponse { referral, replayed }))
    }

    async fn get_referral(
        &self,
        request: Request<pb::GetReferralRequest>,
    ) -> Result<Response<pb::GetReferralResponse>, Status> {
        self.get(request).await
    }

    async fn list_referrals(
        &self,
        request: Request<pb::ListReferralsRequest>,
    ) -> Result<Response<pb::ListReferralsResponse>, Status> {
        self.list(request).await
    }

    async fn explain_time_limits(
        &self,
        request: Request<pb::ExplainTimeLimitsRequest>,
    ) -> Result<Response<pb::ExplainTimeLimitsResponse>, Status> {
        self.explain(request).await
    }

    async fn withdraw_consent(
        &self,
        request: Request<pb::WithdrawConsentRequest>,
    ) -> Result<Response<pb::WithdrawConsentResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Submit, &message.acting_person, &message.request_id)?;
        if !act::is_of(&message.name, &call.party) {
            return Err(Refusal::access_denied().into());
        }
        check(message)?;
        let command = Command::WithdrawConsent {
            time: code::past(message.withdraw_time.as_ref(), "withdraw_time", self.clock.now())?,
        };
        let (name, shared, validate_only) = (referral_name(&message.name)?, self.shared.clone(), message.validate_only);
        let done = self
            .carry_out(validate_only, move |desk| recall::everywhere(desk, &shared, &call, &name, &command))
            .await?;
        let (referral, replayed) = done.map_or((None, false), |(referral, replayed)| (Some(referral), replayed));
        Ok(Response::new(pb::WithdrawConsentResponse { referral, replayed }))
    }

    async fn enter_referral_in_error(
        &self,
        request: Request<pb::EnterReferralInErrorRequest>,
    ) -> Result<Response<pb::EnterReferralInErrorResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Submit, &message.acting_person, &message.request_id)?;
        if !act::is_of(&message.name, &call.party) {
            return Err(Refusal::access_denied().into());
        }
        check(message)?;
        let reason = code::known(Mistake::from_wire(message.reason), Mistake::is_known, "reason")?;
        let command = Command::EnterInError { reason };
        let (name, shared, validate_only) = (referral_name(&message.name)?, self.shared.clone(), message.validate_only);
        let done = self
            .carry_out(validate_only, move |desk| recall::everywhere(desk, &shared, &call, &name, &command))
            .await?;
        let (referral, replayed) = done.map_or((None, false), |(referral, replayed)| (Some(referral), replayed));
        Ok(Response::new(pb::EnterReferralInErrorResponse { referral, replayed }))
    }
}
