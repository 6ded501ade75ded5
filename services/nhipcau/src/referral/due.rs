//! `nhipcau referral due`: what is due in a referral, when and why, from an access point or from its files.
//!
//! From files it needs no process: whoever holds the directory of an access point that has ended reads the same answer
//! that its door would have given. Writes nothing there, and needs no key: what is due says nothing about a person.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp, civil::Date};
use nhipcau_domain::{id::PartyId, limit::Start, referral::write_time};
use nhipcau_messaging::store::{Readers, Tx, operations};
use nhipcau_proto::referral::v1 as pb;
use nhipcau_referrals::{Error, explain_time_limits};
use nhipcau_runtime::{access_point::location, clock::Clock, directory};

use super::{
    code::shown,
    show::{time, unit},
    work,
};
use crate::{
    client::{Options, document},
    exit::{Code, Failure, OrExit as _},
    settings,
    terminal::{self, one_line},
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Referral, parties/PARTY/referrals/UUID.
    name: String,
    /// How the limits stand at this time by what is held now; now when left out.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Directory of an access point, with its nhipcau.toml: reads its store instead of calling it.
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// With --home, the party as which to look, where several that are served there see the referral.
    #[arg(long, value_name = "PARTY", requires = "home")]
    party: Option<PartyId>,
    /// Profile of the calling system: where it calls and with which certificate.
    #[arg(long, env = "NHIPCAU_PROFILE", value_name = "FILE", required_unless_present = "home")]
    profile: Option<PathBuf>,
    /// How many seconds a call is repeated while nobody answers.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=86_400))]
    patience: u64,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let answer = match (&args.home, &args.profile) {
        (Some(home), _) => Box::pin(held(home, &args)).await?,
        (None, Some(profile)) => Box::pin(called(profile, &args)).await?,
        (None, None) => return Err(Failure::because(Code::Usage, "name a profile or a home")),
    };
    if args.json { terminal::json(&document::write(&answer)?) } else { terminal::line(Due(&answer)) }
}

/// What an access point answers.
async fn called(profile: &Path, args: &Args) -> Result<pb::ExplainTimeLimitsResponse, Failure> {
    let connection = Options::new(profile, Duration::from_secs(args.patience)).connect()?;
    let request = pb::ExplainTimeLimitsRequest { name: args.name.clone(), at_time: args.at.map(write_time) };
    let answer = connection.call(&request, async |request| connection.referrals().explain_time_limits(request).await);
    Ok(Box::pin(answer).await?)
}

/// What the files of an access point say.
async fn held(home: &Path, args: &Args) -> Result<pb::ExplainTimeLimitsResponse, Failure> {
    let config = settings::home(home)?;
    let now = Clock::system().now();
    let release = directory::load(&config.directory, now, true).or_exit(Code::Configuration)?;
    let store = location(&config.store).or_exit(Code::Configuration)?;
    let path = store.to_string();
    let readers = Readers::open(store, 1).context(path).or_exit(Code::Configuration)?;
    let served = release.wire().access_points.iter().filter(|point| point.access_point == config.access_point.as_str());
    let parties: BTreeSet<_> = match &args.party {
        Some(party) => [party.clone()].into(),
        None => served.flat_map(|point| &point.parties).filter_map(|party| PartyId::new(party).ok()).collect(),
    };
    let (name, at) = (args.name.clone(), args.at.unwrap_or(now));
    let look = move |tx: &mut Tx<'_>| {
        let mut found = Vec::new();
        // Where referrals were never served there is nothing to find.
        if operations::has_table(tx, "referral_branch")? {
            for party in parties {
                match explain_time_limits(&name, &party, &release, at, tx) {
                    Ok(answer) => found.push((party, answer)),
                    Err(Error::AccessDenied) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(found)
    };
    let mut found = readers.read(look).await.context("the store").or_exit(Code::Failed)?;
    match (found.pop(), found.is_empty()) {
        (Some((_, answer)), true) => Ok(answer),
        (None, _) => Err(Failure::because(Code::Refused, "no party that is served there sees such a referral")),
        (Some((last, _)), false) => {
            let all: Vec<_> = found.iter().map(|(party, _)| party).chain([&last]).map(ToString::to_string).collect();
            let text = format!("several parties see the referral, name one by --party: {}", all.join(", "));
            Err(Failure::because(Code::Usage, text))
        }
    }
}

/// An answer as a person reads it.
struct Due<'a>(&'a pb::ExplainTimeLimitsResponse);

impl fmt::Display for Due<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(answer) = self;
        writeln!(f, "{}", answer.name)?;
        write!(f, "  at {} by release {} of the directory", time(answer.at_time.as_ref()), answer.directory_version)?;
        answer.branches.iter().try_for_each(|one| branch(f, one))
    }
}

fn branch(f: &mut fmt::Formatter<'_>, branch: &pb::BranchTimeLimits) -> fmt::Result {
    let state = shown::<pb::BranchState>(branch.state);
    write!(f, "\n  → {}: {state}\n    {}", unit(branch.recipient.as_ref()), branch.branch)?;
    if let Some(ahead) = &branch.clock_ahead {
        write!(f, "\n    the origin's clock was {} ahead: its times count so much earlier", length(Some(ahead)))?;
    }
    branch.limits.iter().try_for_each(|explained| limit(f, explained))?;
    for refused in &branch.refusals {
        let rule = if refused.rule.is_empty() { "a time limit" } else { &refused.rule };
        write!(f, "\n    {rule}: not computed, {}", refused.reason)?;
        if !refused.citation.is_empty() {
            write!(f, " ({})", one_line(&refused.citation))?;
        }
    }
    if let Some(told) = &branch.telephone_acknowledgement {
        work::telephoned(f, told)?;
    }
    if branch.limits.is_empty() && branch.refusals.is_empty() {
        write!(f, "\n    no time limit")?;
    }
    branch.ladder.iter().try_for_each(|rung| level(f, rung))
}

fn limit(f: &mut fmt::Formatter<'_>, explained: &pb::ExplainedTimeLimit) -> fmt::Result {
    let Some(limit) = &explained.limit else { return Ok(()) };
    write!(f, "\n    {} ({}): {}", limit.rule, one_line(&limit.citation), standing(explained))?;
    let start = if explained.start_event.is_empty() { "started" } else { &explained.start_event };
    write!(f, "\n      {start} {}", time(limit.start_time.as_ref()))?;
    let stop = shown::<pb::TimeLimitStop>(limit.stop);
    write!(f, ", stopped by {stop}")?;
    if explained.stopped_time.is_some() {
        write!(f, " {}", time(explained.stopped_time.as_ref()))?;
    }
    if let Some(ahead) = &explained.clock_ahead {
        write!(f, "\n      the recipient's clock was {} ahead: it counts so much earlier", length(Some(ahead)))?;
    }
    // What begins with an answer asks for none, and turns to nobody.
    let is_of_opening = !matches!(Start::of_event(&explained.start_event), Some(Start::Written(_)));
    for (what, at, _) in [
        ("a person acknowledges by", &limit.acknowledge_due_time, is_of_opening),
        ("warned", &limit.warn_time, true),
        ("escalated", &limit.escalate_time, is_of_opening),
        ("due", &limit.due_time, true),
    ]
    .into_iter()
    .filter(|(_, _, is_said)| *is_said)
    {
        write!(f, "\n      {what} {}", time(at.as_ref()))?;
    }
    explained.days.iter().filter(|day| is_skipped(day)).try_for_each(|day| {
        let kind = shown::<pb::CountedDayKind>(day.kind).to_lowercase();
        write!(f, "\n      skipped {}: {kind}, by {}", date(day.date.as_ref()), day.calendar)
    })?;
    if !explained.as_ruled {
        write!(f, "\n      the directory at hand would not say so; what was signed holds")?;
    }
    Ok(())
}

fn standing(explained: &pb::ExplainedTimeLimit) -> String {
    let span = length(explained.span.as_ref());
    match explained.standing() {
        pb::TimeLimitStanding::Running => format!("{span} left"),
        pb::TimeLimitStanding::Passed => format!("OVERDUE since {span}"),
        pb::TimeLimitStanding::Stopped => "stopped in time".to_owned(),
        pb::TimeLimitStanding::StoppedLate => format!("stopped {span} too late"),
        pb::TimeLimitStanding::Ended => "ended with the branch".to_owned(),
        pb::TimeLimitStanding::Unspecified => explained.standing.to_string(),
    }
}

fn level(f: &mut fmt::Formatter<'_>, rung: &pb::LadderLevel) -> fmt::Result {
    let to = rung.unit.as_ref().map_or_else(|| "the level above".to_owned(), |to| unit(Some(to)));
    let number = if rung.level == 0 { "level".to_owned() } else { format!("level {}", rung.level) };
    let of = if rung.rule.is_empty() { "what was not computed" } else { &rung.rule };
    let reached = if rung.reached { ", reached" } else { "" };
    write!(f, "\n    {number} {}: turn to {to} ({of}{reached})", time(rung.level_time.as_ref()))?;
    match &rung.put_off_time {
        Some(until) => write!(f, "\n      waits until {} for what was said by telephone", time(Some(until))),
        None => Ok(()),
    }
}

const fn is_skipped(day: &pb::CountedDay) -> bool {
    const REST: i32 = pb::CountedDayKind::Rest as i32;
    const HOLIDAY: i32 = pb::CountedDayKind::Holiday as i32;
    matches!(day.kind, REST | HOLIDAY)
}

/// A day with its weekday.
fn date(date: Option<&nhipcau_proto::google::r#type::Date>) -> String {
    let read = date.and_then(|date| {
        Date::new(date.year.try_into().ok()?, date.month.try_into().ok()?, date.day.try_into().ok()?).ok()
    });
    read.map_or_else(|| "unknown".to_owned(), |date| date.strftime("%a %F").to_string())
}

/// A length of time, to the second.
fn length(span: Option<&prost_types::Duration>) -> String {
    span.map_or_else(String::new, |span| format!("{:#}", SignedDuration::from_secs(span.seconds)))
}

#[cfg(test)]
mod tests;
