//! What was done in a case, and what was said by telephone: as people give it by command line, and as they read it.
//!
//! What is said about the child beside a work comes from a file: arguments of a command can be read by others.

use std::{fmt, path::PathBuf};

use jiff::Timestamp;
use nhipcau_domain::referral::write_time;
use nhipcau_proto::referral::v1 as pb;

use super::{
    code::{self, shown},
    show::time,
    submit,
};
use crate::{
    exit::Failure,
    terminal::{self, one_line},
};

/// What was done.
#[derive(Debug, clap::Args)]
pub(super) struct Done {
    /// What, such as initial-assessment.
    #[arg(long, value_parser = code::parse::<pb::WorkKind>)]
    kind: pb::WorkKind,
    /// As what the acting person did it, such as officer.
    #[arg(long)]
    role: String,
    /// When; now when left out.
    #[arg(long, value_name = "TIME")]
    done: Option<Timestamp>,
    /// What a review came to: close or new-plan.
    #[arg(long, value_parser = code::parse::<pb::ReviewConclusion>)]
    conclusion: Option<pb::ReviewConclusion>,
    /// File with a WorkDetails as JSON, graded criteria and a note; '-' reads standard input.
    #[arg(long, value_name = "FILE")]
    details: Option<PathBuf>,
}

/// Who said that they take it.
#[derive(Debug, clap::Args)]
pub(super) struct Said {
    /// Reference of who said so, as they stated it, never a name.
    #[arg(long, value_name = "REF")]
    by: String,
    /// As what, as they stated it, such as officer.
    #[arg(long)]
    role: String,
    /// When they said so; now when left out.
    #[arg(long, value_name = "TIME")]
    time: Option<Timestamp>,
}

impl Done {
    /// What was done, and what is said about the child beside it; read here, before anything is sent.
    pub(super) fn read(self) -> Result<(pb::Work, pb::WorkDetails), Failure> {
        let details = self.details.as_deref().map(submit::file::<pb::WorkDetails>).transpose()?;
        let work = pb::Work {
            kind: self.kind.into(),
            work_time: Some(write_time(told(self.done))),
            role: self.role,
            conclusion: self.conclusion.map_or(0, Into::into),
        };
        Ok((work, details.unwrap_or_default()))
    }
}

impl From<Said> for pb::TelephoneAcknowledgement {
    fn from(said: Said) -> Self {
        Self { person: said.by, role: said.role, acknowledge_time: Some(write_time(told(said.time))) }
    }
}

/// A time, told because it is part of the request: a repetition has to say the same.
fn told(time: Option<Timestamp>) -> Timestamp {
    let time = time.unwrap_or_else(Timestamp::now);
    terminal::progress(format_args!("time {time}"));
    time
}

/// A work as a person reads it.
pub(super) fn recorded(f: &mut fmt::Formatter<'_>, recorded: &pb::RecordedWork) -> fmt::Result {
    let work = recorded.work.clone().unwrap_or_default();
    let kind = shown::<pb::WorkKind>(work.kind);
    write!(f, "\n    done {}: {kind} by {} as {}", time(work.work_time.as_ref()), recorded.person, work.role)?;
    if work.conclusion != 0 {
        write!(f, ", {}", shown::<pb::ReviewConclusion>(work.conclusion))?;
    }
    let Some(details) = &recorded.details else { return Ok(()) };
    for graded in &details.criteria {
        let (criterion, level) =
            (shown::<pb::RiskCriterionCode>(graded.criterion), shown::<pb::RiskLevel>(graded.level));
        write!(f, "\n      {criterion}: {level}")?;
    }
    if details.note.is_empty() { Ok(()) } else { write!(f, "\n      {}", one_line(&details.note)) }
}

/// What was said by telephone as a person reads it, and what it puts off.
pub(super) fn telephoned(f: &mut fmt::Formatter<'_>, told: &pb::RecordedTelephoneAcknowledgement) -> fmt::Result {
    let said = told.acknowledgement.clone().unwrap_or_default();
    let at = time(said.acknowledge_time.as_ref());
    write!(f, "\n    taken by telephone {at} by {} as {}", said.person, said.role)?;
    write!(f, ", says {} of the origin {}", told.recorded_by, time(told.record_time.as_ref()))?;
    match &told.confirmation_due_time {
        Some(due) => write!(f, "\n      a person there confirms it by {}", time(Some(due))),
        None => write!(f, "\n      puts nothing off: no time limit of the branch lets it"),
    }
}
