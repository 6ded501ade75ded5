//! The form by which somebody on duty says what was done in a case.
//!
//! What they write is not shown again from here: the page reads it back from the door, like everything.

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{TimeZone, offset},
};
use nhipcau_domain::referral::write_time;
use nhipcau_proto::referral::v1 as pb;

use super::words;

/// Fields of the form, beside those of every form.
pub(crate) const FIELDS: [&str; 8] =
    ["kind", "time", "harm", "access", "obstacles", "protection", "conclusion", "note"];
/// Longest note that the form takes, in characters; a calling system may say more.
pub(crate) const LONGEST_NOTE: usize = 300;

const CRITERIA: [pb::RiskCriterionCode; 4] = [
    pb::RiskCriterionCode::HarmStillSerious,
    pb::RiskCriterionCode::PerpetratorAccess,
    pb::RiskCriterionCode::ObstaclesInCare,
    pb::RiskCriterionCode::SelfProtection,
];

/// What was done, as the form has it. Not to be shown: it is about a person.
#[derive(Clone)]
pub(crate) struct Done {
    work: pb::Work,
    criteria: Vec<pb::RiskCriterion>,
    note: String,
}

impl Done {
    /// Reads the fields in their order; `None` when one is not as the form sends it. The door checks what they say.
    pub(crate) fn read(fields: [String; FIELDS.len()]) -> Option<Self> {
        let [kind, time, harm, access, obstacles, protection, conclusion, note] = fields;
        let (kind, conclusion) = (number(&kind)?, number(&conclusion)?);
        let graded = CRITERIA.into_iter().zip([harm, access, obstacles, protection]);
        let graded: Option<Vec<_>> = graded.map(|(criterion, level)| Some((criterion, number(&level)?))).collect();
        let graded = graded?.into_iter().filter(|(_, level)| *level != 0);
        let criteria = graded.map(|(criterion, level)| pb::RiskCriterion { criterion: criterion.into(), level });
        let is_short = note.chars().nth(LONGEST_NOTE).is_none();
        let work = pb::Work { kind, work_time: Some(write_time(read_time(&time)?)), role: String::new(), conclusion };
        is_short.then(|| Self { work, criteria: criteria.collect(), note })
    }

    /// The request for the door, without what is in every one.
    pub(crate) fn request(self, role: &str) -> pb::RecordWorkRequest {
        let work = pb::Work { role: role.to_owned(), ..self.work };
        pb::RecordWorkRequest { work: Some(work), criteria: self.criteria, note: self.note, ..Default::default() }
    }
}

/// Tells nothing of what was written.
impl std::fmt::Debug for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Done")
    }
}

/// A choice of a form; nothing chosen is zero.
fn number(text: &str) -> Option<i32> {
    if text.is_empty() { Some(0) } else { text.parse().ok() }
}

/// A time as the form has it, without a zone: that of Viet Nam.
fn read_time(text: &str) -> Option<Timestamp> {
    let local: DateTime = text.parse().ok()?;
    TimeZone::fixed(offset(7)).to_timestamp(local).ok()
}

/// A time as the form takes it: as text, because a field of dates is several to the keyboard, and none in old browsers.
pub(crate) fn local_time(now: Timestamp) -> String {
    TimeZone::fixed(offset(7)).to_datetime(now).strftime("%Y-%m-%d %H:%M").to_string()
}

/// What can be said to be done.
pub(crate) fn kinds() -> Vec<(i32, String)> {
    use pb::WorkKind::{
        EmergencyMeasure, InitialAssessment, Measure, PlanApproved, PlanDrafted, Review, SpecificAssessment,
    };
    [InitialAssessment, EmergencyMeasure, SpecificAssessment, PlanDrafted, PlanApproved, Measure, Review]
        .map(|kind| (kind.into(), words::work(kind.into())))
        .into()
}

/// What is graded, by the names of its fields.
pub(crate) fn criteria() -> Vec<(&'static str, String)> {
    let [_, _, fields @ .., _, _] = FIELDS;
    fields.into_iter().zip(CRITERIA.map(|criterion| words::criterion(criterion.into()))).collect()
}

/// The scale of form 06.
pub(crate) fn levels() -> Vec<(i32, String)> {
    use pb::RiskLevel::{High, Low, Medium};
    [High, Medium, Low].map(|level| (level.into(), words::risk(level.into()))).into()
}

/// What a review can come to.
pub(crate) fn conclusions() -> Vec<(i32, String)> {
    use pb::ReviewConclusion::{Close, NewPlan};
    [Close, NewPlan].map(|conclusion| (conclusion.into(), words::conclusion(conclusion.into()))).into()
}

/// A work in words.
pub(crate) fn line(recorded: &pb::RecordedWork) -> String {
    let work = recorded.work.clone().unwrap_or_default();
    let mut line = format!("{}: {}", words::time(work.work_time.as_ref()), words::work(work.kind));
    let graded = recorded.details.iter().flat_map(|details| &details.criteria);
    let said = graded.map(|it| format!("{}: {}", words::criterion(it.criterion), words::risk(it.level)));
    let conclusion = (work.conclusion != 0).then(|| words::conclusion(work.conclusion));
    let note = recorded.details.iter().map(|details| details.note.clone()).filter(|note| !note.is_empty());
    for more in conclusion.into_iter().chain(said).chain(note) {
        line.push_str("; ");
        line.push_str(&more);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(kind: &str, time: &str, level: &str, note: &str) -> [String; 8] {
        [kind, time, level, level, level, level, "2", note].map(str::to_owned)
    }

    #[test]
    fn a_form_says_what_was_done_and_nothing_else() {
        let done = Done::read(fields("7", "2026-11-30 06:15", "3", "ổn định")).unwrap();
        assert_eq!(format!("{done:?}"), "Done");
        let request = done.request("officer");
        let work = request.work.unwrap();
        assert_eq!((work.kind(), work.role.as_str()), (pb::WorkKind::Review, "officer"));
        assert_eq!(work.work_time.unwrap().seconds, "2026-11-29T23:15:00Z".parse::<Timestamp>().unwrap().as_second());
        assert_eq!((request.criteria.len(), request.note.as_str()), (4, "ổn định"));
        assert!(Done::read(fields("2", "2026-11-30 06:15", "", "")).unwrap().criteria.is_empty());
        for (kind, time, level, note) in [
            ("x", "2026-11-30 06:15", "3", String::new()),
            ("7", "yesterday", "3", String::new()),
            ("7", "2026-11-30 06:15", "high", String::new()),
            ("7", "2026-11-30 06:15", "3", "a".repeat(301)),
        ] {
            assert!(Done::read(fields(kind, time, level, &note)).is_none(), "{kind} {time} {level}");
        }
    }

    #[test]
    fn the_time_of_a_form_is_that_of_viet_nam() {
        let now: Timestamp = "2026-11-29T23:15:00Z".parse().unwrap();
        assert_eq!(local_time(now), "2026-11-30 06:15");
        assert_eq!(read_time(&local_time(now)), Some(now));
    }
}
