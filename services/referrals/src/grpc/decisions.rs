//! The door of the recipient: decide on the branches addressed to the caller's units.

use nhipcau_domain::referral::{
    Command, HandBack, Outcome, Redirection, Refusal as Broken, Rejection, Side, read_unit,
};
use nhipcau_messaging::desk::Counter;
use nhipcau_proto::referral::v1::{self as pb, referral_decision_service_server::ReferralDecisionService};
use nhipcau_runtime::{caller::Call, caller::Role, status::check};
use tonic::{Request, Response, Status};

use super::Door;
use crate::{
    act::{self, Asked},
    code,
    error::Error,
    name::BranchName,
    succession, work,
};

/// What is asked of a branch by its recipient.
fn asked(call: Call, name: &str, etag: &str) -> Result<Asked, Error> {
    Ok(Asked { call, name: BranchName::read(name)?, etag: etag.to_owned(), side: Side::Recipient })
}

impl Door {
    /// Carries out a command on a branch; nothing is answered to a call that only checks.
    pub(super) async fn act(
        &self,
        asked: Asked,
        command: Command,
        validate_only: bool,
    ) -> Result<(Option<pb::Branch>, bool), Status> {
        let shared = self.shared.clone();
        let done = self.carry_out(validate_only, move |desk| act::act(desk, &shared, &asked, command)).await?;
        Ok(done.map_or((None, false), |(branch, replayed)| (Some(branch), replayed)))
    }
}

/// A decision that needs nothing but its command.
macro_rules! decide {
    ($door:ident, $request:ident, $response:ident, $command:expr) => {{
        let message = $request.get_ref();
        let call = Call::permit(&$request, Role::Decide, &message.acting_person, &message.request_id)?;
        check(message)?;
        let command = $command(message)?;
        let asked = asked(call, &message.name, &message.etag)?;
        let (branch, replayed) = $door.act(asked, command, message.validate_only).await?;
        Ok(Response::new(pb::$response { branch, replayed }))
    }};
}

#[tonic::async_trait]
impl ReferralDecisionService for Door {
    async fn acknowledge_branch(
        &self,
        request: Request<pb::AcknowledgeBranchRequest>,
    ) -> Result<Response<pb::AcknowledgeBranchResponse>, Status> {
        decide!(self, request, AcknowledgeBranchResponse, |_: &pb::AcknowledgeBranchRequest| Ok::<_, Error>(
            Command::Acknowledge
        ))
    }

    async fn accept_branch(
        &self,
        request: Request<pb::AcceptBranchRequest>,
    ) -> Result<Response<pb::AcceptBranchResponse>, Status> {
        decide!(self, request, AcceptBranchResponse, |_: &pb::AcceptBranchRequest| Ok::<_, Error>(Command::Accept))
    }

    async fn reject_branch(
        &self,
        request: Request<pb::RejectBranchRequest>,
    ) -> Result<Response<pb::RejectBranchResponse>, Status> {
        decide!(self, request, RejectBranchResponse, reject)
    }

    async fn redirect_branch(
        &self,
        request: Request<pb::RedirectBranchRequest>,
    ) -> Result<Response<pb::RedirectBranchResponse>, Status> {
        decide!(self, request, RedirectBranchResponse, redirect)
    }

    async fn start_branch_service(
        &self,
        request: Request<pb::StartBranchServiceRequest>,
    ) -> Result<Response<pb::StartBranchServiceResponse>, Status> {
        decide!(self, request, StartBranchServiceResponse, |_: &pb::StartBranchServiceRequest| Ok::<_, Error>(
            Command::StartService
        ))
    }

    async fn complete_branch(
        &self,
        request: Request<pb::CompleteBranchRequest>,
    ) -> Result<Response<pb::CompleteBranchResponse>, Status> {
        decide!(self, request, CompleteBranchResponse, complete)
    }

    async fn answer_revocation(
        &self,
        request: Request<pb::AnswerRevocationRequest>,
    ) -> Result<Response<pb::AnswerRevocationResponse>, Status> {
        decide!(self, request, AnswerRevocationResponse, answer)
    }

    async fn hand_back_branch(
        &self,
        request: Request<pb::HandBackBranchRequest>,
    ) -> Result<Response<pb::HandBackBranchResponse>, Status> {
        decide!(self, request, HandBackBranchResponse, hand_back)
    }

    async fn record_work(
        &self,
        request: Request<pb::RecordWorkRequest>,
    ) -> Result<Response<pb::RecordWorkResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Decide, &message.acting_person, &message.request_id)?;
        check(message)?;
        let done = work::Done::read(message)?;
        let asked = asked(call, &message.name, &message.etag)?;
        let (shared, validate_only) = (self.shared.clone(), message.validate_only);
        let done = self.carry_out(validate_only, move |desk| work::record(desk, &shared, &asked, &done)).await?;
        let (branch, replayed) = done.map_or((None, false), |(branch, replayed)| (Some(branch), replayed));
        Ok(Response::new(pb::RecordWorkResponse { branch, replayed }))
    }

    async fn hand_over_branch(
        &self,
        request: Request<pb::HandOverBranchRequest>,
    ) -> Result<Response<pb::HandOverBranchResponse>, Status> {
        let message = request.get_ref();
        let call = Call::permit(&request, Role::Decide, &message.acting_person, &message.request_id)?;
        check(message)?;
        let mut broken = Broken::default();
        let successor = read_unit(message.successor.as_ref(), "successor", &mut broken);
        let successor = broken.or(successor).map_err(Error::Content)?.ok_or(Error::AccessDenied)?;
        let asked = asked(call, &message.name, &message.etag)?;
        let shared = self.shared.clone();
        let work = move |desk: &mut Counter<'_, '_, '_>| succession::choose(desk, &shared, &asked, &successor);
        let done = self.carry_out(message.validate_only, work).await?;
        let (branch, replayed) = done.map_or((None, false), |(branch, replayed)| (Some(branch), replayed));
        Ok(Response::new(pb::HandOverBranchResponse { branch, replayed }))
    }

    async fn erase_branch(
        &self,
        request: Request<pb::EraseBranchRequest>,
    ) -> Result<Response<pb::EraseBranchResponse>, Status> {
        decide!(self, request, EraseBranchResponse, |_: &pb::EraseBranchRequest| Ok::<_, Error>(
            Command::ConfirmErasure
        ))
    }
}

fn reject(message: &pb::RejectBranchRequest) -> Result<Command, Error> {
    Ok(Command::Reject { code: code::known(Rejection::from_wire(message.code), Rejection::is_known, "code")? })
}

fn redirect(message: &pb::RedirectBranchRequest) -> Result<Command, Error> {
    let reason = code::known(Redirection::from_wire(message.reason), Redirection::is_known, "reason")?;
    let mut broken = Broken::default();
    let advice = message.advised_unit.as_ref().map(|unit| read_unit(Some(unit), "advised_unit", &mut broken));
    let advice = broken.or(advice.flatten()).map_err(Error::Content)?;
    Ok(Command::Redirect { reason, advice })
}

fn hand_back(message: &pb::HandBackBranchRequest) -> Result<Command, Error> {
    Ok(Command::HandBack { reason: code::known(HandBack::from_wire(message.reason), HandBack::is_known, "reason")? })
}

fn complete(message: &pb::CompleteBranchRequest) -> Result<Command, Error> {
    Ok(Command::Complete { outcome: code::known(Outcome::from_wire(message.outcome), Outcome::is_known, "outcome")? })
}

#[expect(clippy::unnecessary_wraps, reason = "has the form of the others")]
fn answer(message: &pb::AnswerRevocationRequest) -> Result<Command, Error> {
    Ok(if message.granted { Command::GrantRevocation } else { Command::RefuseRevocation })
}
