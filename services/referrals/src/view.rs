//! Branches and referrals as the contract shows them.
//!
//! BASIC is what is left when everything about a person is taken away. What that is follows from the sensitivity of
//! the contract's fields alone: a test fills every field there is and finds no personal one in BASIC, and every other
//! one still there. Which branches somebody may see, and whether content may be shown, is decided elsewhere.

use jiff::Timestamp;
use nhipcau_domain::referral::{
    Basis, Branch, Condition, Danger, Effect, Entry, Kind, Part, RecordedWork, Side, View, write_basis,
    write_limit_refusal, write_telephone_acknowledgement, write_time, write_time_limit, write_unit,
    write_withdrawal_answer, write_work,
};
use nhipcau_messaging::pae;
use nhipcau_proto::referral::v1 as pb;
use prost::Message as _;
use uuid::Uuid;

use crate::content::Piece;

/// A branch, BASIC.
pub(crate) fn branch(branch: &Branch, now: Timestamp) -> pb::Branch {
    basic_branch(whole_branch(branch, now))
}

/// A referral, BASIC; `None` when there is no branch to show.
pub(crate) fn referral(branches: &[Branch], now: Timestamp) -> Option<pb::Referral> {
    whole(branches, now).map(basic)
}

/// A referral, FULL, with the content that may be shown; `None` when there is no branch to show.
pub(crate) fn full(
    branches: &[Branch],
    content: Option<pb::ReferralContent>,
    attachments: Vec<pb::AttachmentStanding>,
    now: Timestamp,
) -> Option<pb::Referral> {
    let referral = whole(branches, now)?;
    Some(pb::Referral { content, attachments, ..referral })
}

/// The name of a referral.
pub(crate) fn name(branch: &Branch) -> String {
    format!("parties/{}/referrals/{}", branch.unit(Side::Origin).party, branch.ids().referral)
}

/// Changes with every branch of a referral that the reader sees, and with nothing else.
pub(crate) fn etag<'b>(branches: impl IntoIterator<Item = &'b Branch>) -> String {
    let mark = |branch: &Branch| (branch.ids().branch, branch.view().etag());
    let mut marks: Vec<(Uuid, String)> = branches.into_iter().map(mark).collect();
    marks.sort();
    let pieces = marks.iter().flat_map(|(uid, etag)| [uid.as_bytes().as_slice(), etag.as_bytes()]);
    let pieces: Vec<&[u8]> = std::iter::once(b"nhipcau/1/referral-etags".as_slice()).chain(pieces).collect();
    hex::encode(pae::digest_of(&pieces).get(..16).unwrap_or_default())
}

/// The content that single parts give, each as it travelled. A part that cannot be read is left out.
pub(crate) fn content(pieces: &[Piece]) -> pb::ReferralContent {
    let mut content = pb::ReferralContent::default();
    for piece in pieces {
        let bytes = piece.bytes.as_slice();
        match piece.part {
            Part::Preview => content.preview = pb::ReferralPreview::decode(bytes).ok(),
            Part::Identity => content.identity = pb::ReferralIdentity::decode(bytes).ok(),
            Part::Narrative => content.narrative = pb::ReferralNarrative::decode(bytes).ok(),
            Part::Reporter => content.reporter = pb::ReferralReporter::decode(bytes).ok(),
            // Of each work its own is shown beside it.
            Part::Work | Part::Unrecognized(_) => {}
        }
    }
    content
}

/// The number of a condition in the contract.
pub(crate) const fn condition(condition: Condition) -> i32 {
    let number = match condition {
        Condition::Overdue => pb::BranchCondition::Overdue,
        Condition::Escalated => pb::BranchCondition::Escalated,
        Condition::Unacknowledged => pb::BranchCondition::Unacknowledged,
        Condition::Warned => pb::BranchCondition::Warned,
        Condition::RevocationRequested => pb::BranchCondition::RevocationRequested,
        Condition::EmergencyReleased => pb::BranchCondition::EmergencyReleased,
        Condition::ErasureDue => pb::BranchCondition::ErasureDue,
        Condition::LimitUnknown => pb::BranchCondition::LimitUnknown,
        Condition::HandBackRequested => pb::BranchCondition::HandBackRequested,
        Condition::WithdrawalUnanswered => pb::BranchCondition::WithdrawalUnanswered,
        Condition::LegalHold => pb::BranchCondition::LegalHold,
        Condition::AssignmentHeld => pb::BranchCondition::AssignmentHeld,
        Condition::AcknowledgedByTelephone => pb::BranchCondition::AcknowledgedByTelephone,
        Condition::Unattended => pb::BranchCondition::Unattended,
        Condition::HandOverHeld => pb::BranchCondition::HandOverHeld,
        Condition::HandedOver => pb::BranchCondition::HandedOver,
    };
    number as i32
}

/// Takes away what is about a person.
fn basic(referral: pb::Referral) -> pb::Referral {
    let lawful_basis = referral.lawful_basis.map(basic_basis);
    let branches = referral.branches.into_iter().map(basic_branch).collect();
    pb::Referral { lawful_basis, branches, content: None, attachments: Vec::new(), ..referral }
}

fn basic_branch(mut branch: pb::Branch) -> pb::Branch {
    branch.work.iter_mut().for_each(|recorded| recorded.details = None);
    pb::Branch { outcome: pb::Outcome::Unspecified as i32, ..branch }
}

fn basic_basis(mut basis: pb::LawfulBasis) -> pb::LawfulBasis {
    if let Some(interest) = &mut basis.vital_interest {
        interest.danger = pb::Danger::Unspecified as i32;
    }
    basis
}

/// Everything but the content.
fn whole(branches: &[Branch], now: Timestamp) -> Option<pb::Referral> {
    let opened = |branch: &Branch| branch.log(Side::Origin).at(1).map(|opening| opening.time);
    let mut branches: Vec<&Branch> = branches.iter().collect();
    branches.sort_by_key(|branch| (opened(branch), branch.ids().branch));
    let first = *branches.first()?;
    let ids = first.ids();
    let basis = branches.iter().map(|branch| branch.view().basis).find(is_whole);
    Some(pb::Referral {
        name: name(first),
        uid: ids.referral.to_string(),
        case_uid: ids.case.to_string(),
        kind: kind(branches.iter().copied()).to_wire(),
        origin: Some(write_unit(first.unit(Side::Origin))),
        create_time: opened(first).map(write_time),
        lawful_basis: Some(write_basis(&basis.unwrap_or_else(|| first.view().basis))),
        branches: branches.iter().map(|branch| whole_branch(branch, now)).collect(),
        content: None,
        etag: etag(branches),
        attachments: Vec::new(),
    })
}

/// What a referral was submitted as: whoever is only told of it stands beside that.
pub(crate) fn kind<'b>(branches: impl Iterator<Item = &'b Branch>) -> Kind {
    let kinds = branches.map(|branch| branch.opening().kind);
    kinds.reduce(|kind, other| if kind == Kind::Notification { other } else { kind }).unwrap_or(Kind::Notification)
}

/// False when the danger was left out: one branch may have ended while another, on the same basis, goes on.
const fn is_whole(basis: &Basis) -> bool {
    !matches!(basis, Basis::VitalInterest { danger: Danger::Unrecognized(0), .. })
}

fn whole_branch(branch: &Branch, now: Timestamp) -> pb::Branch {
    let view = branch.view();
    let uid = branch.ids().branch;
    pb::Branch {
        name: format!("{}/branches/{uid}", name(branch)),
        uid: uid.to_string(),
        group_uid: branch.opening().group.to_string(),
        recipient: Some(write_unit(branch.unit(Side::Recipient))),
        state: view.state.to_wire(),
        conditions: view.conditions(now).into_iter().map(condition).collect(),
        responsible_side: view.responsible().to_wire(),
        etag: view.etag(),
        disclosed_parts: view.disclosed.iter().map(Part::to_wire).collect(),
        time_limits: view.time_limits.iter().map(write_time_limit).collect(),
        state_time: Some(write_time(view.state_time)),
        rejection_code: view.rejection.map_or(0, |code| code.to_wire()),
        redirect_reason: view.redirection.map_or(0, |reason| reason.to_wire()),
        advised_unit: view.advice.as_ref().map(write_unit),
        revocation_reason: view.revocation.map_or(0, |reason| reason.to_wire()),
        outcome: view.outcome.map_or(0, |outcome| outcome.to_wire()),
        history: history(branch, &view),
        limit_refusals: view.limit_refusals.iter().map(write_limit_refusal).collect(),
        hand_back_reason: view.hand_back.map_or(0, |reason| reason.to_wire()),
        work: view.work.iter().map(work).collect(),
        telephone_acknowledgement: telephoned(&view),
        withdrawal_answer: view.withdrawal_answer.as_ref().map(write_withdrawal_answer),
        successor: branch.last_move().and(branch.recipients().last()).map(write_unit),
        kind: branch.opening().kind.to_wire(),
    }
}

/// A work without what is said about the child beside it.
fn work(recorded: &RecordedWork) -> pb::RecordedWork {
    pb::RecordedWork {
        ordinal: recorded.ordinal,
        record_time: Some(write_time(recorded.recorded)),
        person: recorded.person.as_ref().map_or_else(String::new, |person| person.as_str().to_owned()),
        work: Some(write_work(&recorded.work)),
        details: None,
    }
}

/// What was said by telephone, and by when a person has to confirm it.
pub(crate) fn telephoned(view: &View) -> Option<pb::RecordedTelephoneAcknowledgement> {
    let said = view.telephoned.as_ref()?;
    Some(pb::RecordedTelephoneAcknowledgement {
        acknowledgement: Some(write_telephone_acknowledgement(&said.acknowledgement)),
        recorded_by: said.by.as_ref().map_or_else(String::new, |person| person.as_str().to_owned()),
        record_time: Some(write_time(said.recorded)),
        confirmation_due_time: view.confirmation_due().map(write_time),
    })
}

fn history(branch: &Branch, view: &View) -> Vec<pb::HistoryEntry> {
    let entry = |entry: &Entry| pb::HistoryEntry {
        event: entry.event.name().to_owned(),
        side: entry.side.to_wire(),
        ordinal: entry.ordinal,
        event_time: Some(write_time(entry.time)),
        superseded: matches!(entry.effect, Effect::Superseded(_)),
        unit: branch.log(entry.side).at(entry.ordinal).map(|event| write_unit(&event.owner)),
    };
    view.history.iter().map(entry).collect()
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
