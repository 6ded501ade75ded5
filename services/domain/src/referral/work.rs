//! Work on a case: what a unit says that it did, in what order it may say so, and its form in the contract.
//!
//! No state follows from it. What the rules ask for is in the event; what is said about the child is in a part beside
//! it, which is sealed, and erased with the case. Of the forms of Decree 56/2017/NĐ-CP only the criteria of form 06 are
//! here: the fields of the others were not read.

use jiff::Timestamp;
use nhipcau_proto::referral::v1 as pb;

use super::{
    branch::CLOCK_TOLERANCE,
    code::{Conclusion, Criterion, Part, RiskLevel, WorkKind},
    content::{Salt, criteria, write_criterion},
    event::{Draft, Event, PersonRef},
    kind::EventKind,
    personal::Personal,
    text::Text,
    view::View,
    violation::Refusal,
    wire,
};
use crate::{id::is_label, reason};

/// Works of a branch after which none is taken, but a review that ends an open one.
pub const MOST_WORK: usize = 100;
/// Longest note, in characters.
const LONGEST_NOTE: usize = 1_000;
const MOST_CRITERIA: usize = 4;

/// Work that was done, by the word of the unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// What was done.
    pub kind: WorkKind,
    /// When, as the unit says.
    pub done: Timestamp,
    /// As what the acting person did it.
    pub role: Box<str>,
    /// What a review came to; nothing else comes to anything.
    pub conclusion: Option<Conclusion>,
}

/// What is said about the child beside a work. Not printable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkDetails {
    /// Random bytes of the part.
    pub salt: Salt,
    /// Criteria of form 06 as they were graded.
    pub criteria: Personal<Vec<(Criterion, RiskLevel)>>,
    /// In words; may be empty.
    pub note: Personal<Text>,
}

/// Work as it stands in the log of the recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedWork {
    /// Position there.
    pub ordinal: u64,
    /// By the recipient's clock.
    pub recorded: Timestamp,
    /// Who acted.
    pub person: Option<PersonRef>,
    /// What was done.
    pub work: Work,
    /// Digest of what is said about the child, if anything is.
    pub details: Option<[u8; 32]>,
}

impl Work {
    /// Reads a work; every violation is added under `path`.
    pub fn read(value: &pb::Work, path: &str, refusal: &mut Refusal) -> Option<Self> {
        let at = |field: &str| format!("{path}.{field}");
        let kind = wire::known(WorkKind::from_wire(value.kind), WorkKind::is_known, &at("kind"), refusal);
        let done = wire::timestamp(value.work_time.as_ref(), &at("work_time"), refusal);
        let role = role(&value.role, &at("role"), refusal);
        let stated = Conclusion::from_wire(value.conclusion);
        let conclusion = stated.and_then(|it| wire::known(Some(it), Conclusion::is_known, &at("conclusion"), refusal));
        if kind.is_some_and(|kind| (kind == WorkKind::Review) != stated.is_some()) {
            let reason = if stated.is_some() { reason::FIELD_FORMAT } else { reason::FIELD_REQUIRED };
            refusal.add(at("conclusion"), reason);
        }
        Some(Self { kind: kind?, done: done?, role: role?, conclusion })
    }

    /// Checks what is said about the child beside this work: a review has every criterion graded, and only an
    /// assessment or a review has any.
    pub fn check(&self, details: Option<&WorkDetails>, refusal: &mut Refusal) {
        let graded = details.map_or(0, |details| details.criteria.expose().len());
        match self.kind {
            WorkKind::Review if graded < MOST_CRITERIA => refusal.add("criteria", reason::FIELD_REQUIRED),
            WorkKind::Review | WorkKind::InitialAssessment | WorkKind::SpecificAssessment => {}
            _ if graded > 0 => refusal.add("criteria", reason::FIELD_FORMAT),
            _ => {}
        }
    }
}

impl WorkDetails {
    /// Reads what is said about the child; every violation is added under `path`.
    pub fn read(value: &pb::WorkDetails, path: &str, refusal: &mut Refusal) -> Option<Self> {
        let at = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
        let salt = Salt::read(&value.salt, &at("salt"), refusal);
        if value.criteria.is_empty() && value.note.is_empty() {
            refusal.add(at("note"), reason::FIELD_REQUIRED);
        }
        let criteria = criteria(&value.criteria, &at("criteria"), refusal);
        for (index, (criterion, level)) in criteria.iter().enumerate() {
            if !criterion.is_known() || !matches!(level, RiskLevel::High | RiskLevel::Medium | RiskLevel::Low) {
                refusal.add(format!("{}[{index}]", at("criteria")), reason::CODE_UNKNOWN);
            }
        }
        let note = Text::read_or_empty(&value.note, LONGEST_NOTE, &at("note"), refusal);
        Some(Self { salt: salt?, criteria: Personal::new(criteria), note: Personal::new(note?) })
    }

    /// Reads what a calling system says about the child, with fresh random bytes in place of its own.
    pub fn given(value: pb::WorkDetails, salt: Salt, refusal: &mut Refusal) -> Option<Self> {
        Self::read(&pb::WorkDetails { salt: salt.write(), ..value }, "", refusal)
    }

    /// Encodes the part.
    #[must_use]
    pub fn write(&self) -> pb::WorkDetails {
        pb::WorkDetails {
            salt: self.salt.write(),
            criteria: self.criteria.expose().iter().map(write_criterion).collect(),
            note: self.note.expose().as_str().to_owned(),
        }
    }
}

impl RecordedWork {
    pub(super) fn of(event: &Event, work: &Work) -> Self {
        let details = event.parts.iter().find(|entry| entry.part == Part::Work);
        Self {
            ordinal: event.ordinal,
            recorded: event.time,
            person: event.actor.person.clone(),
            work: work.clone(),
            details: details.map(|entry| entry.digest),
        }
    }
}

impl View {
    /// Whether a review asked for a new plan and no later one has said that the case may be brought to its end.
    #[must_use]
    pub fn has_open_review(&self) -> bool {
        let conclusions = self.work.iter().rev().filter_map(|recorded| recorded.work.conclusion);
        conclusions.take(1).any(|conclusion| conclusion == Conclusion::NewPlan)
    }

    /// Whether this ends a review that is open. It always has room: nothing else lets the case go on to its end.
    pub(super) fn is_ended_by(&self, work: &Work) -> bool {
        self.has_open_review() && work.conclusion == Some(Conclusion::Close)
    }
}

/// Every reason against recording a work in this view, beside the transition table.
pub(super) fn objections(view: &View, event: &Draft, work: &Work) -> Vec<&'static str> {
    let is_drafted = || view.work.iter().any(|recorded| recorded.work.kind == WorkKind::PlanDrafted);
    let found = [
        (reason::PERSON_REQUIRED, event.actor.person.is_none()),
        (reason::TIME_IN_FUTURE, work.done.duration_since(event.time) > CLOCK_TOLERANCE),
        (reason::PLAN_MISSING, work.kind == WorkKind::PlanApproved && !is_drafted()),
        (reason::PART_MISSING, work.kind == WorkKind::Review && event.parts.is_empty()),
        (reason::TOO_MANY, view.work.len() >= MOST_WORK && !view.is_ended_by(work)),
        // With the assignment the case is at its end: a review behind it would be open for ever.
        (reason::WRONG_STATE, view.waits_for_assignment(EventKind::Completed)),
    ];
    found.into_iter().filter_map(|(reason, holds)| holds.then_some(reason)).collect()
}

/// What somebody acts as, `[a-z0-9-]{1,32}`.
pub(super) fn role(role: &str, path: &str, refusal: &mut Refusal) -> Option<Box<str>> {
    wire::formatted(is_label(role).then(|| role.into()).ok_or(()), path, refusal)
}

/// Encodes a work.
#[must_use]
pub fn write_work(work: &Work) -> pb::Work {
    pb::Work {
        kind: work.kind.to_wire(),
        work_time: Some(wire::write_time(work.done)),
        role: work.role.to_string(),
        conclusion: work.conclusion.map_or(0, Conclusion::to_wire),
    }
}
