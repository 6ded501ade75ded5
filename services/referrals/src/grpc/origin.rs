//! The door of the origin: submit, withdraw, recall. Reading is answered by the reading half.

use nhipcau_proto::referral::v1::{self as pb, referral_service_server::ReferralService};
use tonic::{Request, Response, Status};

use super::Door;

#[tonic::async_trait]
impl ReferralService for Door {
    async fn submit_referral(
        &self,
        _: Request<pb::SubmitReferralRequest>,
    ) -> Result<Response<pb::SubmitReferralResponse>, Status> {
        Err(Status::unimplemented("under way"))
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

    async fn withdraw_consent(
        &self,
        _: Request<pb::WithdrawConsentRequest>,
    ) -> Result<Response<pb::WithdrawConsentResponse>, Status> {
        Err(Status::unimplemented("under way"))
    }

    async fn enter_referral_in_error(
        &self,
        _: Request<pb::EnterReferralInErrorRequest>,
    ) -> Result<Response<pb::EnterReferralInErrorResponse>, Status> {
        Err(Status::unimplemented("under way"))
    }
}
