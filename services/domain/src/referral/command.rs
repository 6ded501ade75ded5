//! Decisions: from what a side knows and what it is asked to do, the next event of its log or every reason why not.

use jiff::Timestamp;

use super::{
    basis::Basis,
    branch::Branch,
    code::{Giver, HandBack, Mistake, Outcome, Redirection, Rejection, Revocation},
    disclosure::{self, Stage},
    event::{Actor, Body, Digest, Draft, Event, Ids, Opening, PartDigest, ReceiptRef, UnitRef},
    guard,
    kind::{EventKind, Side},
    telephone::TelephoneAcknowledgement,
    view::View,
    violation::Refusal,
    withdrawal::WithdrawalAnswer,
    work::Work,
};
use crate::{limit::Reckoning, reason};

/// What a side is asked to do with a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Note the recipient's receipt for the opening.
    NoteReceipt(ReceiptRef),
    /// Note that the opening was refused for good.
    NoteReturn {
        /// Name of the refusal reason.
        reason: Box<str>,
        /// The receipt that refuses.
        receipt: ReceiptRef,
    },
    /// Choose the branch and disclose what is due.
    Assign(Vec<PartDigest>),
    /// Disclose further parts.
    Disclose(Vec<PartDigest>),
    /// Release parts before acceptance.
    ReleaseInEmergency {
        /// The vital interest.
        basis: Basis,
        /// The parts.
        parts: Vec<PartDigest>,
    },
    /// Turn to the next level.
    Escalate {
        /// Level from 1.
        level: u32,
    },
    /// Let the recipient go, because another branch was assigned.
    Relieve,
    /// Take the branch back; once it is assigned, ask for it.
    Revoke {
        /// Why.
        reason: Revocation,
    },
    /// Withdraw consent. Always wins, so that it needs no etag.
    WithdrawConsent {
        /// When it was withdrawn.
        time: Timestamp,
    },
    /// Recall. Always wins, so that it needs no etag.
    EnterInError {
        /// Why.
        reason: Mistake,
    },
    /// Close.
    Close,
    /// Take the branch back as its recipient asked.
    TakeHandBack,
    /// Record that somebody at the recipient took it by telephone.
    NoteTelephoneAcknowledgement(TelephoneAcknowledgement),
    /// Record that a person has seen it.
    Acknowledge,
    /// Accept.
    Accept,
    /// Reject.
    Reject {
        /// Why.
        code: Rejection,
    },
    /// Advise another unit.
    Redirect {
        /// Why.
        reason: Redirection,
        /// The advised unit, where one is known.
        advice: Option<UnitRef>,
    },
    /// Report that the service began.
    StartService,
    /// Report the outcome.
    Complete {
        /// How it ended.
        outcome: Outcome,
    },
    /// Stop as asked.
    GrantRevocation,
    /// Go on although asked to stop.
    RefuseRevocation,
    /// Confirm that what was left was erased.
    ConfirmErasure,
    /// Ask the origin to take the branch back.
    HandBack {
        /// Why.
        reason: HandBack,
    },
    /// Record what was done in the case.
    RecordWork {
        /// What.
        work: Work,
        /// What is said about the child beside it, if anything is.
        details: Vec<PartDigest>,
    },
    /// Hand the branch over to the unit that took over the duties.
    Move {
        /// That unit.
        successor: UnitRef,
    },
    /// Say that nobody at the unit is left to tell.
    ReportUnattended,
    /// Say what became of the content after consent was withdrawn.
    AnswerWithdrawal(WithdrawalAnswer),
}

/// A command with who gives it, when, and on what knowledge.
#[derive(Debug, Clone)]
pub struct Request {
    /// What to do.
    pub command: Command,
    /// Etag of the branch as the caller read it; `None` where the rules act by themselves.
    pub etag: Option<String>,
    /// Who acts.
    pub actor: Actor,
    /// The side's clock.
    pub now: Timestamp,
}

/// Decides on a command.
///
/// # Errors
/// A [`Refusal`] with every reason against it.
pub fn decide(branch: &Branch, side: Side, request: Request) -> Result<Draft, Refusal> {
    let view = branch.view();
    let mut refusal = Refusal::default();
    let always_wins = matches!(request.command, Command::WithdrawConsent { .. } | Command::EnterInError { .. });
    if !always_wins && request.etag.as_ref().is_some_and(|etag| *etag != view.etag()) {
        refusal.add("etag", reason::ETAG_STALE);
    }
    let draft = draft(branch, side, &view, request);
    for objection in guard::objections(&view, &draft) {
        refusal.add("branch", objection);
    }
    refusal.or(draft)
}

/// A branch that is to be opened.
#[derive(Debug, Clone)]
pub struct NewBranch {
    /// What it belongs to.
    pub ids: Ids,
    /// Opening unit.
    pub origin: UnitRef,
    /// Addressed unit.
    pub recipient: UnitRef,
    /// Basis.
    pub basis: Basis,
    /// What the opening says.
    pub opening: Opening,
    /// Parts of the first tier.
    pub parts: Vec<PartDigest>,
    /// Carers under suspicion; none of them may have consented.
    pub suspects: Vec<Giver>,
    /// Who acts.
    pub actor: Actor,
    /// The origin's clock.
    pub now: Timestamp,
}

/// Decides on opening a branch. Agreements and areas are checked by who holds the directory.
///
/// # Errors
/// A [`Refusal`] with every reason against it.
pub fn open(new: NewBranch) -> Result<Draft, Refusal> {
    let mut refusal = Refusal::default();
    for objection in new.basis.objections(&new.suspects, new.now) {
        refusal.add("lawful_basis", objection);
    }
    for (index, _) in new.opening.time_limits.iter().enumerate().filter(|(_, limit)| !limit.is_ordered()) {
        refusal.add(format!("time_limits[{index}]"), reason::TIME_LIMIT_ORDER);
    }
    let parts: Vec<_> = new.parts.iter().map(|entry| entry.part).collect();
    let stage = Stage { kind: new.opening.kind, state: None, event: EventKind::Opened };
    for objection in disclosure::objections(stage, &parts, &new.basis, new.now) {
        if !refusal.has(objection) {
            refusal.add("content", objection);
        }
    }
    refusal.or(Draft {
        ids: new.ids,
        side: Side::Origin,
        owner: new.origin,
        counterpart: new.recipient,
        ordinal: 1,
        previous: Digest::ZERO,
        seen: None,
        time: new.now,
        actor: new.actor,
        basis: Some(new.basis),
        parts: new.parts,
        body: Body::Opened(new.opening),
        salt: None,
        begun: Reckoning::default(),
    })
}

fn draft(branch: &Branch, side: Side, view: &View, request: Request) -> Draft {
    let (body, parts, basis) = body(request.command, view);
    let draft = Draft {
        ids: branch.ids(),
        side,
        owner: branch.unit(side).clone(),
        counterpart: branch.unit(side.other()).clone(),
        ordinal: 0,
        previous: Digest::ZERO,
        seen: None,
        time: request.now,
        actor: request.actor,
        basis,
        parts,
        body,
        salt: None,
        begun: Reckoning::default(),
    };
    behind(branch, draft)
}

/// An event as the next of its log.
fn behind(branch: &Branch, draft: Draft) -> Draft {
    let log = branch.log(draft.side);
    Draft {
        ordinal: log.next_ordinal(),
        previous: log.head().map_or(Digest::ZERO, |mark| mark.digest),
        seen: branch.log(draft.side.other()).head(),
        ..draft
    }
}

/// An event that has lost its place in its log, as it was said and when, behind what stands there.
///
/// # Errors
/// A [`Refusal`] with every reason against it, by what is known now.
pub fn again(branch: &Branch, event: &Event) -> Result<Draft, Refusal> {
    let draft = behind(branch, Draft::clone(event));
    let mut refusal = Refusal::default();
    for objection in guard::objections(&branch.view(), &draft) {
        refusal.add("branch", objection);
    }
    refusal.or(draft)
}

fn body(command: Command, view: &View) -> (Body, Vec<PartDigest>, Option<Basis>) {
    let body = match command {
        Command::Assign(parts) => return (Body::Assigned, parts, None),
        Command::Disclose(parts) => return (Body::DisclosureAdded, parts, None),
        Command::ReleaseInEmergency { basis, parts } => return (Body::EmergencyReleased, parts, Some(basis)),
        Command::RecordWork { work, details } => return (Body::WorkRecorded(work), details, None),
        Command::NoteReceipt(receipt) => Body::Received(receipt),
        Command::NoteReturn { reason, receipt } => Body::Returned { reason, receipt },
        Command::Escalate { level } => Body::Escalated { level },
        Command::Relieve => Body::Relieved,
        Command::Revoke { reason } if view.state.is_assigned() => Body::RevocationRequested { reason },
        Command::Revoke { reason } => Body::Revoked { reason },
        Command::WithdrawConsent { time } => Body::ConsentWithdrawn { time },
        Command::EnterInError { reason } => Body::EnteredInError { reason },
        Command::Close => Body::Closed,
        Command::TakeHandBack => Body::HandBackTaken,
        Command::NoteTelephoneAcknowledgement(said) => Body::TelephoneRecorded(said),
        Command::Acknowledge => Body::Acknowledged,
        Command::Accept => Body::Accepted,
        Command::Reject { code } => Body::Rejected { code },
        Command::Redirect { reason, advice } => Body::Redirected { reason, advice },
        Command::StartService => Body::ServiceStarted,
        Command::Complete { outcome } => Body::Completed { outcome },
        Command::GrantRevocation => Body::RevocationGranted,
        Command::RefuseRevocation => Body::RevocationRefused,
        Command::ConfirmErasure => Body::Erased,
        Command::HandBack { reason } => Body::HandBackRequested { reason },
        Command::Move { successor } => Body::Moved { successor },
        Command::ReportUnattended => Body::Unattended,
        Command::AnswerWithdrawal(answer) => Body::WithdrawalAnswered(answer),
    };
    (body, Vec::new(), None)
}
