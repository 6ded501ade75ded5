//! What is due in a referral, when and why: each limit with its rule, its source, what started it, the days that were
//! counted and how it stands; and what could not be computed.
//!
//! The times are those that were signed by the side with whose event the limit began, at either side, and the directory
//! at hand only shows where they come from. Has nothing about a person, and tells nobody of what is not theirs to see:
//! whoever reads an access point's store without its process gets what its door would have answered.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::Release,
    id::PartyId,
    limit::{Asked, Day, DayKind, Level, Rules, Standing, explain as explained, levels},
    referral::{Branch, Cause, Side, TimeLimit, View, write_limit_refusal, write_time, write_time_limit, write_unit},
};
use nhipcau_messaging::store::Tx;
use nhipcau_proto::{google::r#type::Date, referral::v1 as pb};

use crate::{
    error::Error,
    get::{self, Name},
    limits,
    store::reading::Held,
    view,
};

/// Explains the limits of a referral as a party sees it, how they stand at a time by what is held now.
///
/// # Errors
/// [`Error::AccessDenied`] when there is no such referral or it is not the party's.
pub fn explain(
    name: &str,
    party: &PartyId,
    release: &Release,
    at: Timestamp,
    tx: &mut Tx<'_>,
) -> Result<pb::ExplainTimeLimitsResponse, Error> {
    let mut seen = get::named(&Name::read(name)?, party, tx)?;
    seen.sort_by_key(|(held, branch)| (branch.opening_time(), held.branch));
    let rules = limits::rules(release);
    Ok(pb::ExplainTimeLimitsResponse {
        name: name.to_owned(),
        at_time: Some(write_time(at)),
        directory_version: release.version(),
        branches: seen.iter().map(|one| branch(one, &seen, &rules, at)).collect(),
    })
}

fn branch(
    (held, branch): &(Held, Branch),
    seen: &[(Held, Branch)],
    rules: &Rules<'_>,
    at: Timestamp,
) -> pb::BranchTimeLimits {
    let view = branch.view();
    pb::BranchTimeLimits {
        branch: format!("{}/branches/{}", view::name(branch), held.branch),
        recipient: Some(write_unit(branch.unit(Side::Recipient))),
        state: view.state.to_wire(),
        limits: view.time_limits.iter().map(|it| limit(it, &view, rules, at)).collect(),
        refusals: view.limit_refusals.iter().map(write_limit_refusal).collect(),
        ladder: ladder(*held, branch, seen),
        escalation_level: view.escalation,
        telephone_acknowledgement: view::telephoned(&view),
        clock_ahead: ahead(view.ahead),
    }
}

/// The ladder of the need of a branch. Its levels are numbered over all branches of the need, which only the origin
/// holds; the recipient knows the numbers where it has the one that began it.
fn ladder(held: Held, branch: &Branch, seen: &[(Held, Branch)]) -> Vec<pb::LadderLevel> {
    let (is_origin, group) = (held.side == Side::Origin, branch.opening().group);
    let need = seen.iter().map(|(_, branch)| branch).filter(|other| other.opening().group == group);
    let need: Vec<_> = if is_origin { need.map(Asked::new).collect() } else { vec![Asked::new(branch)] };
    let is_told = is_origin || !matches!(branch.opening().cause, Cause::Redirect | Cause::Escalation);
    levels(&need).into_iter().map(|rung| level(rung, is_told)).collect()
}

fn level(Level { level, time, unit, stop, rule, is_reached, put_off }: Level, is_told: bool) -> pb::LadderLevel {
    pb::LadderLevel {
        level: if is_told { level } else { 0 },
        level_time: Some(write_time(time)),
        unit: unit.as_ref().map(write_unit),
        rule: rule.into(),
        stop: stop.to_wire(),
        reached: is_told && is_reached,
        put_off_time: put_off.map(write_time),
    }
}

fn limit(limit: &TimeLimit, view: &View, rules: &Rules<'_>, at: Timestamp) -> pb::ExplainedTimeLimit {
    use pb::TimeLimitStanding as Wire;
    let explained = explained(limit, view, rules, at);
    let (standing, length, stopped) = match explained.standing {
        Standing::Running(left) => (Wire::Running, Some(left), None),
        Standing::Passed(since) => (Wire::Passed, Some(since), None),
        Standing::Stopped { at, late: None } => (Wire::Stopped, None, Some(at)),
        Standing::Stopped { at, late } => (Wire::StoppedLate, late, Some(at)),
        Standing::Ended => (Wire::Ended, None, None),
    };
    pb::ExplainedTimeLimit {
        limit: Some(write_time_limit(limit)),
        start_event: explained.start_event.map_or_else(String::new, |start| start.name().to_owned()),
        days: explained.days.iter().map(day).collect(),
        standing: standing.into(),
        span: length.map(span),
        stopped_time: stopped.map(write_time),
        as_ruled: explained.is_as_ruled,
        clock_ahead: view.begun.iter().find(|begun| begun.rule == limit.rule).and_then(|begun| ahead(begun.ahead)),
    }
}

fn day(day: &Day) -> pb::CountedDay {
    let kind = match day.kind {
        DayKind::Worked => pb::CountedDayKind::Worked,
        DayKind::WorkedInstead => pb::CountedDayKind::WorkedInstead,
        DayKind::Rest => pb::CountedDayKind::Rest,
        DayKind::Holiday => pb::CountedDayKind::Holiday,
    };
    let date = Date { year: day.date.year().into(), month: day.date.month().into(), day: day.date.day().into() };
    pb::CountedDay { date: Some(date), kind: kind.into(), calendar: day.calendar.to_string() }
}

fn ahead(by: SignedDuration) -> Option<prost_types::Duration> {
    (!by.is_zero()).then(|| span(by))
}

fn span(length: SignedDuration) -> prost_types::Duration {
    prost_types::Duration { seconds: length.as_secs(), nanos: length.subsec_nanos() }
}
