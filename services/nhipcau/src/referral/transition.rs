//! The transitions of a branch: what its recipient answers and how its origin steers it.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use nhipcau_proto::referral::v1 as pb;
use serde_json::json;

use super::{Change, code, read, show::ShownBranch, submit, work};
use crate::{
    client::{Connection, Refused, document},
    exit::{Code, Failure, OrExit as _},
    terminal,
};

/// The transitions by command line.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Recipient: a person has seen it. A TRANSFER takes the child over with this.
    Acknowledge(Target),
    /// Recipient: will serve.
    Accept(Target),
    /// Recipient: will not serve.
    Reject {
        #[command(flatten)]
        target: Target,
        /// Why, such as no-capacity.
        #[arg(long, value_parser = code::parse::<pb::RejectionCode>)]
        code: pb::RejectionCode,
    },
    /// Recipient: advises another unit.
    Redirect {
        #[command(flatten)]
        target: Target,
        /// Why, such as outside-area.
        #[arg(long, value_parser = code::parse::<pb::RedirectReason>)]
        reason: pb::RedirectReason,
        /// Advised unit, where one is known.
        #[arg(long, value_name = "PARTY/UNIT", value_parser = unit)]
        advised: Option<pb::UnitRef>,
    },
    /// Recipient: the service began.
    Start(Target),
    /// Recipient: the service ended.
    Complete {
        #[command(flatten)]
        target: Target,
        /// How, such as resolved.
        #[arg(long, value_parser = code::parse::<pb::Outcome>)]
        outcome: pb::Outcome,
    },
    /// Recipient: answers the origin's request to stop.
    AnswerRevocation {
        #[command(flatten)]
        target: Target,
        /// Whether the service stops as asked.
        #[arg(long, action = clap::ArgAction::Set)]
        granted: bool,
    },
    /// Recipient: asks the origin to take the branch back, and answers for it until the origin has.
    HandBack {
        #[command(flatten)]
        target: Target,
        /// Why, such as outside-area.
        #[arg(long, value_parser = code::parse::<pb::HandBackReason>)]
        reason: pb::HandBackReason,
    },
    /// Recipient: says what was done in the case: an assessment, a measure, a plan, a review.
    RecordWork {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        done: work::Done,
    },
    /// Recipient whose unit is over: says which successor takes the branch, or has it tried again at once.
    HandOver {
        #[command(flatten)]
        target: Target,
        /// Successor, as the release names it.
        #[arg(long, value_name = "PARTY/UNIT", value_parser = unit)]
        to: pb::UnitRef,
    },
    /// Recipient: says that one's own systems have erased what an ended branch left. The access point has by itself.
    Erase(Target),
    /// Origin: goes on with an acceptance that waits for a person, and discloses what is due.
    Assign(Target),
    /// Origin: gives further details.
    Disclose {
        #[command(flatten)]
        target: Target,
        /// File with a ReferralContent as JSON; '-' reads standard input.
        #[arg(long, value_name = "FILE")]
        content: PathBuf,
        /// Releases it before acceptance: what is in danger (life, health). Alarms both sides.
        #[arg(long, value_name = "DANGER", requires = "citation", value_parser = code::parse::<pb::Danger>)]
        emergency: Option<pb::Danger>,
        /// Article that allows the emergency release.
        #[arg(long, requires = "emergency")]
        citation: Option<String>,
    },
    /// Origin: takes the branch back, or asks to stop once it is assigned.
    Revoke {
        #[command(flatten)]
        target: Target,
        /// Why, such as need-met.
        #[arg(long, value_parser = code::parse::<pb::RevocationReason>)]
        reason: pb::RevocationReason,
    },
    /// Origin: takes the branch back as its recipient asked, and answers for it from then on.
    TakeHandBack(Target),
    /// Origin: somebody at the unit said by telephone that they take it. Moves nothing; they confirm it by acknowledge.
    RecordTelephoneAcknowledgement {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        said: work::Said,
    },
    /// Origin: has noted the outcome.
    Close(Target),
}

/// The branch and who acts.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// Branch, parties/PARTY/referrals/UUID/branches/UUID.
    branch: String,
    /// Reference of the acting person in one's own system, never a name.
    #[arg(long, value_name = "REF")]
    person: String,
    /// Etag of the branch as it was read; the present one when left out.
    #[arg(long)]
    etag: Option<String>,
    #[command(flatten)]
    change: Change,
}

/// A transition. Not to be shown: what it discloses is about a person.
#[derive(Clone)]
pub(crate) enum Transition {
    Acknowledge,
    Accept,
    Reject(pb::RejectionCode),
    Redirect { reason: pb::RedirectReason, advised: Option<pb::UnitRef> },
    Start,
    Complete(pb::Outcome),
    AnswerRevocation { granted: bool },
    HandBack(pb::HandBackReason),
    RecordWork { work: pb::Work, details: pb::WorkDetails },
    HandOver(pb::UnitRef),
    Erase,
    Assign,
    Disclose { content: Box<pb::ReferralContent>, emergency: Option<pb::VitalInterest> },
    Revoke(pb::RevocationReason),
    TakeHandBack,
    NoteTelephoneAcknowledgement(pb::TelephoneAcknowledgement),
    Close,
}

/// What a transition is made with.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    /// The branch.
    pub(crate) name: String,
    /// The branch as it was read.
    pub(crate) etag: String,
    /// Who acts.
    pub(crate) person: String,
    /// Repeated when the call is repeated.
    pub(crate) request_id: String,
    /// Changes nothing.
    pub(crate) validate_only: bool,
}

/// The branch after a transition.
#[derive(Debug)]
pub(crate) struct Made {
    /// The branch.
    pub(crate) branch: pb::Branch,
    /// Whether this answer was given before.
    pub(crate) replayed: bool,
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    let (target, transition) = command.split()?;
    let (connection, request_id) = target.change.begin()?;
    let etag = match target.etag {
        Some(etag) => etag,
        None => etag(&target.branch, &connection).await?,
    };
    // Part of the request: a repetition has to say the same.
    terminal::progress(format_args!("etag {etag}"));
    let validate_only = target.change.validate_only;
    let given = Given { name: target.branch, etag, person: target.person, request_id, validate_only };
    let Made { branch, replayed } = make(transition, given.clone(), &connection).await?;
    if target.change.json {
        let branch = document::write(&branch)?;
        return terminal::json(&json!({ "branch": branch, "replayed": replayed, "request_id": given.request_id }));
    }
    if validate_only {
        return terminal::line("would be accepted; nothing was changed");
    }
    if replayed {
        terminal::progress("made before under the same request id");
    }
    terminal::line(ShownBranch(&branch))
}

impl Command {
    /// Branch and transition; files are read here, before anything is sent.
    fn split(self) -> Result<(Target, Transition), Failure> {
        Ok(match self {
            Self::Acknowledge(target) => (target, Transition::Acknowledge),
            Self::Accept(target) => (target, Transition::Accept),
            Self::Reject { target, code } => (target, Transition::Reject(code)),
            Self::Redirect { target, reason, advised } => (target, Transition::Redirect { reason, advised }),
            Self::Start(target) => (target, Transition::Start),
            Self::Complete { target, outcome } => (target, Transition::Complete(outcome)),
            Self::AnswerRevocation { target, granted } => (target, Transition::AnswerRevocation { granted }),
            Self::HandBack { target, reason } => (target, Transition::HandBack(reason)),
            Self::RecordWork { target, done } => {
                let (work, details) = done.read()?;
                (target, Transition::RecordWork { work, details })
            }
            Self::HandOver { target, to } => (target, Transition::HandOver(to)),
            Self::Erase(target) => (target, Transition::Erase),
            Self::Assign(target) => (target, Transition::Assign),
            Self::Disclose { target, content, emergency, citation } => {
                let emergency = emergency
                    .map(|danger| pb::VitalInterest { citation: citation.unwrap_or_default(), danger: danger.into() });
                (target, Transition::Disclose { content: Box::new(submit::file(&content)?), emergency })
            }
            Self::Revoke { target, reason } => (target, Transition::Revoke(reason)),
            Self::TakeHandBack(target) => (target, Transition::TakeHandBack),
            Self::RecordTelephoneAcknowledgement { target, said } => {
                (target, Transition::NoteTelephoneAcknowledgement(said.into()))
            }
            Self::Close(target) => (target, Transition::Close),
        })
    }
}

/// The referral of a branch.
pub(super) fn referral(branch: &str) -> Result<&str, Failure> {
    let names = branch.split_once("/branches/").context("not the name of a branch").or_exit(Code::Usage)?;
    Ok(names.0)
}

/// The present etag of a branch.
async fn etag(branch: &str, connection: &Connection) -> Result<String, Failure> {
    let referral = read::get(referral(branch)?, None, connection).await?;
    let found = referral.branches.into_iter().find(|known| known.name == branch);
    // The access point says it as it says everything that is not to be known.
    let unknown = "the referral has no such branch, or not for this party";
    found.map(|branch| branch.etag).context(unknown).or_exit(Code::Refused)
}

/// Makes a transition.
pub(crate) async fn make(transition: Transition, given: Given, connection: &Connection) -> Result<Made, Refused> {
    macro_rules! call {
        ($service:ident.$method:ident($request:ident { $($field:ident: $value:expr),* })) => {{
            let Given { name, etag, person: acting_person, request_id, validate_only } = given;
            let request =
                pb::$request { request_id, name, etag, acting_person, validate_only, $($field: $value),* };
            let answer = connection.call(&request, async |request| connection.$service().$method(request).await);
            let answer = Box::pin(answer).await?;
            Made { branch: answer.branch.unwrap_or_default(), replayed: answer.replayed }
        }};
    }
    Ok(match transition {
        Transition::Acknowledge => call!(decisions.acknowledge_branch(AcknowledgeBranchRequest {})),
        Transition::Accept => call!(decisions.accept_branch(AcceptBranchRequest {})),
        Transition::Reject(code) => call!(decisions.reject_branch(RejectBranchRequest { code: code.into() })),
        Transition::Redirect { reason, advised } => {
            call!(decisions.redirect_branch(RedirectBranchRequest { reason: reason.into(), advised_unit: advised }))
        }
        Transition::Start => call!(decisions.start_branch_service(StartBranchServiceRequest {})),
        Transition::Complete(outcome) => {
            call!(decisions.complete_branch(CompleteBranchRequest { outcome: outcome.into() }))
        }
        Transition::AnswerRevocation { granted } => {
            call!(decisions.answer_revocation(AnswerRevocationRequest { granted: granted }))
        }
        Transition::HandBack(reason) => {
            call!(decisions.hand_back_branch(HandBackBranchRequest { reason: reason.into() }))
        }
        Transition::RecordWork { work, details: pb::WorkDetails { criteria, note, .. } } => {
            call!(decisions.record_work(RecordWorkRequest { work: Some(work), criteria: criteria, note: note }))
        }
        Transition::HandOver(to) => {
            call!(decisions.hand_over_branch(HandOverBranchRequest { successor: Some(to) }))
        }
        Transition::Erase => call!(decisions.erase_branch(EraseBranchRequest {})),
        Transition::Assign => call!(steering.assign_branch(AssignBranchRequest {})),
        Transition::Disclose { content, emergency } => {
            call!(steering.disclose_branch(DiscloseBranchRequest { content: Some(*content), emergency: emergency }))
        }
        Transition::Revoke(reason) => call!(steering.revoke_branch(RevokeBranchRequest { reason: reason.into() })),
        Transition::TakeHandBack => call!(steering.take_hand_back(TakeHandBackRequest {})),
        Transition::NoteTelephoneAcknowledgement(said) => {
            let acknowledgement = Some(said);
            call!(steering.note_telephone_acknowledgement(NoteTelephoneAcknowledgementRequest {
                acknowledgement: acknowledgement
            }))
        }
        Transition::Close => call!(steering.close_branch(CloseBranchRequest {})),
    })
}

/// Reads `PARTY/UNIT`.
pub(crate) fn unit(text: &str) -> Result<pb::UnitRef, String> {
    let (party, unit) = text.split_once('/').ok_or("expected PARTY/UNIT")?;
    let unit = pb::UnitRef { party: party.to_owned(), unit: unit.to_owned() };
    if nhipcau_proto::violations(&unit).is_empty() { Ok(unit) } else { Err("expected PARTY/UNIT".to_owned()) }
}
