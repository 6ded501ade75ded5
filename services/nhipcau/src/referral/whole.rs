//! What is done with a whole referral, whatever the states of its branches: at its origin a further branch, a need
//! opened again, withdrawal of consent, recall; at either side a legal hold.

use clap::Subcommand;
use jiff::Timestamp;
use nhipcau_proto::referral::v1 as pb;
use serde_json::json;

use super::{Change, code, read, show, transition};
use crate::{
    client::{Connection, Refused, document},
    exit::Failure,
    terminal,
};

/// What is done by command line.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Origin: turns to a further unit, after a redirect or hand-back or without an answer.
    Open {
        #[command(flatten)]
        target: Target,
        /// Unit to address.
        #[arg(long, value_name = "PARTY/UNIT", value_parser = transition::unit)]
        to: pb::UnitRef,
        /// Branch whose redirect, hand-back or silence leads to this one; a new need when left out.
        #[arg(long, value_name = "BRANCH", default_value = "", hide_default_value = true)]
        cause: String,
        /// Addresses the unit although the need was there, or was redirected so often that it should go up a level.
        #[arg(long, requires = "cause")]
        force: bool,
        /// Etag of the referral as it was read; the present one when left out.
        #[arg(long)]
        etag: Option<String>,
    },
    /// Origin: opens a need again that was over, at the same unit or another.
    Reopen {
        /// Branch that ended, parties/PARTY/referrals/UUID/branches/UUID.
        branch: String,
        /// Reference of the acting person in one's own system, never a name.
        #[arg(long, value_name = "REF")]
        person: String,
        /// Unit to address.
        #[arg(long, value_name = "PARTY/UNIT", value_parser = transition::unit)]
        to: pb::UnitRef,
        /// Etag of the referral as it was read; the present one when left out.
        #[arg(long)]
        etag: Option<String>,
        #[command(flatten)]
        change: Change,
    },
    /// Origin: consent was withdrawn. Ends every branch, whatever its state.
    WithdrawConsent {
        #[command(flatten)]
        target: Target,
        /// When it was withdrawn; now when left out.
        #[arg(long, value_name = "TIME")]
        time: Option<Timestamp>,
    },
    /// Origin: it never should have been sent. Recalls every branch, whatever its state.
    EnterInError {
        #[command(flatten)]
        target: Target,
        /// Why, such as wrong-person.
        #[arg(long, value_parser = code::parse::<pb::ErrorReason>)]
        reason: pb::ErrorReason,
    },
    /// Either side: a legal order. Nothing of the case is erased here until it is released.
    Hold {
        #[command(flatten)]
        target: Target,
        /// Reference of the order, such as its number.
        #[arg(long, value_name = "REFERENCE")]
        order: String,
        /// By what right it is ordered; told to whoever withdraws consent.
        #[arg(long)]
        citation: String,
    },
    /// Either side: releases a legal hold. What only it kept is erased.
    Release {
        #[command(flatten)]
        target: Target,
        /// Reference of the order.
        #[arg(long, value_name = "REFERENCE")]
        order: String,
    },
}

/// The referral and who acts.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// Referral, parties/PARTY/referrals/UUID.
    name: String,
    /// Reference of the acting person in one's own system, never a name.
    #[arg(long, value_name = "REF")]
    person: String,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Open { target, to, cause, force, etag } => {
            let how = How { cause_branch: cause, reopen: false, force };
            open(target, to, how, etag).await
        }
        Command::Reopen { branch, person, to, etag, change } => {
            let name = transition::referral(&branch)?.to_owned();
            let how = How { cause_branch: branch, reopen: true, force: false };
            open(Target { name, person, change }, to, how, etag).await
        }
        Command::WithdrawConsent { target, time } => {
            let (connection, request_id) = target.change.begin()?;
            let time = time.unwrap_or_else(Timestamp::now);
            // Part of the request: a repetition has to say the same.
            terminal::progress(format_args!("time {time}"));
            let withdraw_time =
                Some(prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() });
            let request = pb::WithdrawConsentRequest {
                request_id,
                name: target.name,
                acting_person: target.person,
                withdraw_time,
                validate_only: target.change.validate_only,
            };
            let answer = withdraw_consent(&request, &connection).await?;
            tell(&target.change, answer.referral, answer.replayed, &request.request_id)
        }
        Command::Hold { target, order, citation } => hold(target, order, citation).await,
        Command::Release { target, order } => release(target, order).await,
        Command::EnterInError { target, reason } => {
            let (connection, request_id) = target.change.begin()?;
            let request = pb::EnterReferralInErrorRequest {
                request_id,
                name: target.name,
                acting_person: target.person,
                reason: reason.into(),
                validate_only: target.change.validate_only,
            };
            let answer = connection
                .call(&request, async |request| connection.referrals().enter_referral_in_error(request).await);
            let answer = Box::pin(answer).await?;
            tell(&target.change, answer.referral, answer.replayed, &request.request_id)
        }
    }
}

/// Withdraws consent.
pub(crate) async fn withdraw_consent(
    request: &pb::WithdrawConsentRequest,
    connection: &Connection,
) -> Result<pb::WithdrawConsentResponse, Refused> {
    let answer = connection.call(request, async |request| connection.referrals().withdraw_consent(request).await);
    Box::pin(answer).await
}

async fn hold(target: Target, order_reference: String, citation: String) -> Result<(), Failure> {
    let (connection, request_id) = target.change.begin()?;
    let request = pb::HoldCaseRequest {
        request_id,
        name: target.name,
        acting_person: target.person,
        validate_only: target.change.validate_only,
        order_reference,
        citation,
    };
    let answer = connection.call(&request, async |request| connection.holds().hold_case(request).await);
    let answer = Box::pin(answer).await?;
    tell(&target.change, answer.referral, answer.replayed, &request.request_id)
}

async fn release(target: Target, order_reference: String) -> Result<(), Failure> {
    let (connection, request_id) = target.change.begin()?;
    let request = pb::ReleaseHoldRequest {
        request_id,
        name: target.name,
        acting_person: target.person,
        validate_only: target.change.validate_only,
        order_reference,
    };
    let answer = connection.call(&request, async |request| connection.holds().release_hold(request).await);
    let answer = Box::pin(answer).await?;
    tell(&target.change, answer.referral, answer.replayed, &request.request_id)
}

/// After which branch a further one is opened, and how.
struct How {
    cause_branch: String,
    reopen: bool,
    force: bool,
}

async fn open(target: Target, to: pb::UnitRef, how: How, etag: Option<String>) -> Result<(), Failure> {
    let (connection, request_id) = target.change.begin()?;
    let etag = match etag {
        Some(etag) => etag,
        None => read::get(&target.name, None, &connection).await?.etag,
    };
    terminal::progress(format_args!("etag {etag}"));
    let request = pb::OpenBranchRequest {
        request_id,
        name: target.name,
        etag,
        acting_person: target.person,
        validate_only: target.change.validate_only,
        recipient: Some(to),
        cause_branch: how.cause_branch,
        reopen: how.reopen,
        force: how.force,
    };
    let answer = open_branch(&request, &connection).await?;
    let branch = answer.branch.unwrap_or_default();
    if target.change.json {
        let (branch, id) = (document::write(&branch)?, &request.request_id);
        return terminal::json(&json!({ "branch": branch, "replayed": answer.replayed, "request_id": id }));
    }
    if request.validate_only {
        return terminal::line("would be accepted; nothing was changed");
    }
    terminal::line(show::ShownBranch(&branch))
}

/// Opens a further branch.
pub(crate) async fn open_branch(
    request: &pb::OpenBranchRequest,
    connection: &Connection,
) -> Result<pb::OpenBranchResponse, Refused> {
    let answer = connection.call(request, async |request| connection.steering().open_branch(request).await);
    Box::pin(answer).await
}

fn tell(change: &Change, referral: Option<pb::Referral>, replayed: bool, id: &str) -> Result<(), Failure> {
    let referral = referral.unwrap_or_default();
    if change.json {
        let referral = document::write(&referral)?;
        return terminal::json(&json!({ "referral": referral, "replayed": replayed, "request_id": id }));
    }
    if change.validate_only {
        return terminal::line("would be accepted; nothing was changed");
    }
    if replayed {
        terminal::progress("made before under the same request id");
    }
    terminal::line(show::Shown(&referral))
}
