//! `nhipcau directory route`: which unit serves a service in an area at a time, by a signed directory.
//!
//! Says of every unit that was looked at why it fits or not. Where a person has to decide, it says between what, and
//! ends like a comparison that found differences.

use std::{fmt, path::PathBuf, sync::Arc};

use jiff::Timestamp;
use nhipcau_domain::{
    area::{AdminUnitRef, Areas},
    directory::Release,
    referral::UnitRef,
    route::{Asked, Considered, Decision, Question, Routes, Urgency, Verdict},
};
use nhipcau_runtime::clock::Clock;
use serde::Serialize;

use crate::{
    client::Profile,
    exit::{Code, Failure},
    registry::Place,
    terminal,
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Label of the service that is needed, such as child-protection.
    #[arg(long)]
    service: String,
    /// Where it is needed: an administrative unit by code and version of its list.
    #[arg(long, value_name = "CODE@VERSION")]
    area: AdminUnitRef,
    /// When; now when left out.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// It may lie until the unit opens: opening hours do not count.
    #[arg(long)]
    can_wait: bool,
    /// Profile of a calling system that names a signed directory.
    #[arg(long, env = "NHIPCAU_PROFILE", value_name = "FILE")]
    profile: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(self) -> Result<(), Failure> {
        let profile = self.profile.as_deref().map(Profile::read).transpose()?;
        let (release, tables) = self.place.open(profile.as_ref().and_then(Profile::directory))?;
        let at = self.at.unwrap_or_else(|| Clock::system().now());
        let urgency = if self.can_wait { Urgency::CanWait } else { Urgency::Now };
        let asked = Asked { service: &self.service, area: &self.area, at, urgency };
        let answer = ask(release, tables.areas, &asked);
        terminal::result(self.json, &answer)?;
        match answer.question {
            None => Ok(()),
            Some(_) => Err(Failure::because(Code::Differs, "no unit is certain; a person decides")),
        }
    }
}

/// Asks a release and its areas.
pub(super) fn ask(release: Release, areas: Arc<Areas>, asked: &Asked<'_>) -> Answer {
    let release = Arc::new(release);
    let routes = Routes::new(Arc::clone(&release), areas, asked.at);
    let route = routes.route(asked);
    let told = |it: &Considered| Told {
        unit: it.unit.to_string(),
        fits: it.verdict == Verdict::Fits,
        why: it.verdict.to_string(),
        hours: release.unit(&it.unit.party, &it.unit.unit).map(|unit| unit.hours.to_string()).unwrap_or_default(),
        handed_on_by: it.handed_on_by.as_ref().map(ToString::to_string),
    };
    let (unit, question, candidates) = match &route.decision {
        Decision::Unit(unit) => (Some(unit), None, Vec::new()),
        Decision::Person(Question::Nobody) => (None, Some("nobody"), Vec::new()),
        Decision::Person(Question::Several(units)) => {
            (None, Some("several"), units.iter().map(ToString::to_string).collect())
        }
        Decision::Person(Question::Split(areas)) => {
            (None, Some("area-split"), areas.iter().map(ToString::to_string).collect())
        }
        Decision::Person(Question::UnknownArea) => (None, Some("area-unknown"), Vec::new()),
    };
    let named = unit.and_then(|unit| release.unit(&unit.party, &unit.unit));
    let gives = |unit: &UnitRef| {
        let unit = release.unit(&unit.party, &unit.unit);
        unit.is_some_and(|unit| unit.services.contains(asked.service))
    };
    let unplaced = routes.unplaced().iter().filter(|(unit, _)| gives(unit));
    Answer {
        release: release.version(),
        service: asked.service.to_owned(),
        area: asked.area.to_string(),
        at: asked.at.to_string(),
        unit: unit.map(ToString::to_string),
        name: named.map(|unit| unit.names.vi.to_string()),
        question,
        candidates,
        considered: route.considered.iter().map(told).collect(),
        unplaced: unplaced.map(|(unit, area)| format!("{unit} {}@{}", area.code, area.version)).collect(),
    }
}

/// What is answered.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    release: u64,
    service: String,
    area: String,
    at: String,
    pub(super) unit: Option<String>,
    name: Option<String>,
    pub(super) question: Option<&'static str>,
    pub(super) candidates: Vec<String>,
    considered: Vec<Told>,
    /// Units of the service that name an area which lies nowhere for certain.
    pub(super) unplaced: Vec<String>,
}

/// What is said about a unit.
#[derive(Debug, Serialize)]
struct Told {
    unit: String,
    fits: bool,
    why: String,
    hours: String,
    handed_on_by: Option<String>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let candidates = self.candidates.join(", ");
        match (&self.unit, self.question) {
            (Some(unit), _) => write!(f, "{unit}: {}", self.name.as_deref().unwrap_or_default())?,
            (None, Some("several")) => write!(f, "a person decides: {candidates} fit equally")?,
            (None, Some("area-split")) => write!(f, "a person decides: the area was split into {candidates}")?,
            (None, Some("area-unknown")) => write!(f, "a person decides: no list says where the area is at that time")?,
            (None, _) => write!(f, "a person decides: no unit fits")?,
        }
        for it in &self.considered {
            write!(f, "\n  {} {}", it.unit, it.why)?;
            if !it.fits && !it.hours.is_empty() {
                write!(f, " (hours {})", it.hours)?;
            }
            if let Some(by) = &it.handed_on_by {
                write!(f, ", after {by}")?;
            }
        }
        self.unplaced.iter().try_for_each(|it| write!(f, "\n  {it}: the area lies nowhere for certain"))
    }
}
