//! The door of the origin for single branches: open a further one, assign, disclose, take back, close.

use nhipcau_domain::referral::{Command, Refusal as Broken, Revocation, Side, TelephoneAcknowledgement, read_unit};
use nhipcau_proto::referral::v1::{self as pb, referral_steering_service_server::ReferralSteeringService};
use nhipcau_runtime::{
    caller::Call,
    caller::Role,
    status::{Refusal, check},
};
use tonic::{Request, Response, Status};

use super::Door;
use crate::{
    act::{self, Asked},
    assign, code, disclose,
    error::Error,
    name::{BranchName, referral_name},
    open_branch,
};

/// What is asked of a branch by its origin.
fn asked(call: Call, name: &str, etag: &str) -> Result<Asked, Error> {
    Ok(Asked { call, name: BranchName::read(name)?, etag: etag.to_owned(), side: Side::Origin })
}

/// Whoever is not of the origin's party learns nothing, not even whether the request is well-formed.
fn of_origin(name: &str, call: &Call) -> Result<(), Status> {
    if act::is_of(name, &call.party) { Ok(()) } else { Err(Refusal::access_denied().into()) }
}

#[tonic::async_trait]
impl ReferralSteeringService for Door {
    async fn open_branch(
        &self,
        request: Request<pb::OpenBranchRequest>,
    ) -> Result<Response<pb::OpenBranchResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Submit, &message.acting_person, &message.request_id)?;
        of_origin(&message.name, &call)?;
        check(message)?;
        let mut broken = Broken::default();
        let recipient = read_unit(message.recipient.as_ref(), "recipient", &mut broken);
        let recipient = broken.or(recipient).map_err(Error::Content)?.ok_or_else(Refusal::access_denied)?;
        let (origin, referral) = referral_name(&message.name)?;
        let cause = Some(&message.cause_branch).filter(|name| !name.is_empty());
        let cause = cause.map(|name| BranchName::read(name)).transpose()?;
        let (etag, reopen, force) = (message.etag.clone(), message.reopen, message.force);
        let asked = open_branch::Asked { call, origin, referral, etag, recipient, cause, reopen, force };
        let (shared, validate_only) = (self.shared.clone(), message.validate_only);
        let done = self.carry_out(validate_only, move |desk| open_branch::open(desk, &shared, &asked)).await?;
        let (branch, replayed) = done.map_or((None, false), |(branch, replayed)| (Some(branch), replayed));
        Ok(Response::new(pb::OpenBranchResponse { branch, replayed }))
    }

    async fn assign_branch(
        &self,
        request: Request<pb::AssignBranchRequest>,
    ) -> Result<Response<pb::AssignBranchResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Decide, &message.acting_person, &message.request_id)?;
        of_origin(&message.name, &call)?;
        check(message)?;
        let asked = asked(call, &message.name, &message.etag)?;
        let (shared, validate_only) = (self.shared.clone(), message.validate_only);
        let done = self.carry_out(validate_only, move |desk| assign::assign(desk, &shared, &asked)).await?;
        let (branch, replayed) = done.map_or((None, false), |(branch, replayed)| (Some(branch), replayed));
        Ok(Response::new(pb::AssignBranchResponse { branch, replayed }))
    }

    async fn disclose_branch(
        &self,
        request: Request<pb::DiscloseBranchRequest>,
    ) -> Result<Response<pb::DiscloseBranchResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Submit, &message.acting_person, &message.request_id)?;
        of_origin(&message.name, &call)?;
        check(message)?;
        let given = disclose::Given::read(message)?;
        let asked = asked(call, &message.name, &message.etag)?;
        let (shared, validate_only) = (self.shared.clone(), message.validate_only);
        let done = self.carry_out(validate_only, move |desk| disclose::disclose(desk, &shared, &asked, &given)).await?;
        let (branch, replayed) = done.map_or((None, false), |(branch, replayed)| (Some(branch), replayed));
        Ok(Response::new(pb::DiscloseBranchResponse { branch, replayed }))
    }

    async fn revoke_branch(
        &self,
        request: Request<pb::RevokeBranchRequest>,
    ) -> Result<Response<pb::RevokeBranchResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Submit, &message.acting_person, &message.request_id)?;
        of_origin(&message.name, &call)?;
        check(message)?;
        let reason = code::known(Revocation::from_wire(message.reason), Revocation::is_known, "reason")?;
        let asked = asked(call, &message.name, &message.etag)?;
        let (branch, replayed) = self.act(asked, Command::Revoke { reason }, message.validate_only).await?;
        Ok(Response::new(pb::RevokeBranchResponse { branch, replayed }))
    }

    async fn take_hand_back(
        &self,
        request: Request<pb::TakeHandBackRequest>,
    ) -> Result<Response<pb::TakeHandBackResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Submit, &message.acting_person, &message.request_id)?;
        of_origin(&message.name, &call)?;
        check(message)?;
        let asked = asked(call, &message.name, &message.etag)?;
        let (branch, replayed) = self.act(asked, Command::TakeHandBack, message.validate_only).await?;
        Ok(Response::new(pb::TakeHandBackResponse { branch, replayed }))
    }

    async fn note_telephone_acknowledgement(
        &self,
        request: Request<pb::NoteTelephoneAcknowledgementRequest>,
    ) -> Result<Response<pb::NoteTelephoneAcknowledgementResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Decide, &message.acting_person, &message.request_id)?;
        of_origin(&message.name, &call)?;
        check(message)?;
        let mut broken = Broken::default();
        let said = message.acknowledgement.clone().unwrap_or_default();
        let said = TelephoneAcknowledgement::read(&said, "acknowledgement", &mut broken);
        let said = broken.or(said).map_err(Error::Content)?.ok_or_else(Refusal::access_denied)?;
        let asked = asked(call, &message.name, &message.etag)?;
        let command = Command::NoteTelephoneAcknowledgement(said);
        let (branch, replayed) = self.act(asked, command, message.validate_only).await?;
        Ok(Response::new(pb::NoteTelephoneAcknowledgementResponse { branch, replayed }))
    }

    async fn close_branch(
        &self,
        request: Request<pb::CloseBranchRequest>,
    ) -> Result<Response<pb::CloseBranchResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Submit, &message.acting_person, &message.request_id)?;
        of_origin(&message.name, &call)?;
        check(message)?;
        let asked = asked(call, &message.name, &message.etag)?;
        let (branch, replayed) = self.act(asked, Command::Close, message.validate_only).await?;
        Ok(Response::new(pb::CloseBranchResponse { branch, replayed }))
    }
}
