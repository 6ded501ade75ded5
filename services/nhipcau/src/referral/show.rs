//! Referrals as a person reads them: who asks whom for what, where each branch stands, who answers, until when.

use std::fmt;

use jiff::Timestamp;
use nhipcau_proto::referral::v1 as pb;

use super::{code::shown, work};
use crate::terminal::{self, one_line};

/// A referral with its branches.
pub(super) struct Shown<'r>(pub(super) &'r pb::Referral);

/// One branch.
pub(super) struct ShownBranch<'b>(pub(super) &'b pb::Branch);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(referral) = self;
        writeln!(f, "{}", referral.name)?;
        let (kind, origin) = (shown::<pb::ReferralKind>(referral.kind), unit(referral.origin.as_ref()));
        writeln!(f, "  {kind} of {origin}, submitted {}", time(referral.create_time.as_ref()))?;
        write!(f, "  case {}", referral.case_uid)?;
        referral.branches.iter().try_for_each(|branch| write!(f, "\n{}", ShownBranch(branch)))?;
        referral.attachments.iter().try_for_each(|standing| write!(f, "\n{}", attachment(standing)))
    }
}

impl fmt::Display for ShownBranch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(branch) = self;
        let state = shown::<pb::BranchState>(branch.state);
        writeln!(f, "  → {}: {state} since {}", unit(branch.recipient.as_ref()), time(branch.state_time.as_ref()))?;
        write!(f, "    {}", branch.name)?;
        if branch.kind() == pb::ReferralKind::Notification {
            write!(f, "\n    told only, nothing is asked")?;
        }
        write!(f, "\n    answers for the child: {}", shown::<pb::Side>(branch.responsible_side).to_lowercase())?;
        for (name, code) in [
            ("rejected", set::<pb::RejectionCode>(branch.rejection_code)),
            ("redirected", set::<pb::RedirectReason>(branch.redirect_reason)),
            ("revoked", set::<pb::RevocationReason>(branch.revocation_reason)),
            ("hand-back asked", set::<pb::HandBackReason>(branch.hand_back_reason)),
            ("outcome", set::<pb::Outcome>(branch.outcome)),
            ("conditions", listed::<pb::BranchCondition>(&branch.conditions)),
            ("disclosed", listed::<pb::ReferralPart>(&branch.disclosed_parts)),
        ] {
            code.map_or(Ok(()), |code| write!(f, "\n    {name}: {code}"))?;
        }
        if branch.advised_unit.is_some() {
            write!(f, "\n    advised: {}", unit(branch.advised_unit.as_ref()))?;
        }
        if branch.successor.is_some() {
            write!(f, "\n    handed over to: {}", unit(branch.successor.as_ref()))?;
        }
        for limit in &branch.time_limits {
            write!(f, "\n    {}: due {} ({})", limit.rule, time(limit.due_time.as_ref()), one_line(&limit.citation))?;
            for step in &limit.steps {
                let to = step.unit.as_ref().map_or_else(|| "the level above".to_owned(), |to| unit(Some(to)));
                write!(f, "\n      {} turn to {to}", time(step.step_time.as_ref()))?;
            }
        }
        for refused in &branch.limit_refusals {
            let rule = if refused.rule.is_empty() { "a time limit" } else { &refused.rule };
            write!(f, "\n    {rule}: not computed, {}", refused.reason)?;
        }
        if let Some(answer) = &branch.withdrawal_answer {
            withdrawal(f, answer)?;
        }
        if let Some(told) = &branch.telephone_acknowledgement {
            work::telephoned(f, told)?;
        }
        branch.work.iter().try_for_each(|recorded| work::recorded(f, recorded))?;
        for entry in &branch.history {
            let side = shown::<pb::Side>(entry.side).to_lowercase();
            let void = if entry.superseded { ", superseded" } else { "" };
            write!(f, "\n      {} {} ({side}{void})", time(entry.event_time.as_ref()), entry.event)?;
        }
        write!(f, "\n    etag {}", branch.etag)
    }
}

/// How far an attachment has come.
fn attachment(standing: &pb::AttachmentStanding) -> String {
    let (part, state) = (shown::<pb::ReferralPart>(standing.part), shown::<pb::AttachmentState>(standing.state));
    let digest: String = standing.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("  attached to {part}: {state}, {} bytes\n    {digest}\n    {}", standing.arrived_bytes, standing.branch)
}

/// What became of the content after consent was withdrawn.
fn withdrawal(f: &mut fmt::Formatter<'_>, answer: &pb::WithdrawalAnswered) -> fmt::Result {
    let erased = listed::<pb::ReferralPart>(&answer.erased_parts).unwrap_or_else(|| "nothing".to_owned());
    write!(f, "\n    stopped {}, erased: {erased}", time(answer.stopped_time.as_ref()))?;
    for kept in &answer.kept_parts {
        let part = shown::<pb::ReferralPart>(kept.part);
        match &kept.until_time {
            Some(until) => {
                let class = &kept.retention_class;
                write!(f, "\n    kept: {part} until {} as {class} ({})", time(Some(until)), one_line(&kept.citation))?;
            }
            None => write!(f, "\n    kept: {part} while a legal hold lasts ({})", one_line(&kept.citation))?,
        }
    }
    Ok(())
}

/// One line for a change of a branch.
pub(super) fn change(branch: &pb::Branch) -> String {
    let state = shown::<pb::BranchState>(branch.state);
    format!("{} {} {state}", time(branch.state_time.as_ref()), branch.name)
}

/// A unit as `party/unit`.
pub(crate) fn unit(unit: Option<&pb::UnitRef>) -> String {
    unit.map_or_else(|| "unknown".to_owned(), |unit| format!("{}/{}", unit.party, unit.unit))
}

pub(crate) fn time(time: Option<&prost_types::Timestamp>) -> String {
    let read = time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
    read.map_or_else(|| "unknown".to_owned(), terminal::time)
}

fn set<L: super::code::List>(number: i32) -> Option<String> {
    (number != 0).then(|| shown::<L>(number))
}

fn listed<L: super::code::List>(numbers: &[i32]) -> Option<String> {
    let names: Vec<_> = numbers.iter().map(|number| shown::<L>(*number)).collect();
    (!names.is_empty()).then(|| names.join(", "))
}
