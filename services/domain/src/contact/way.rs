//! Which unit serves a contact, and what a person must decide where none is certain.

use jiff::Timestamp;
use nhipcau_proto::switchboard::v1 as pb;

use super::Report;
use crate::{
    reason,
    referral::{Personal, Refusal, Timeframe, UnitRef, write_area, write_unit},
    route::{Asked, Considered, Decision, Question, Route, Routes, Urgency, Verdict},
};

/// Where a contact's area is named.
const AREA: &str = "details.incident_area";

/// Who gets a contact that asks for a service at that time; `None` while nobody stated an area.
#[must_use]
pub fn of(report: &Report, service: &str, at: Timestamp, routes: &Routes) -> Option<Route> {
    let asked = Asked { service, area: report.area()?, at, urgency: urgency(report.timeframe()) };
    Some(routes.route(&asked))
}

/// Whether somebody must be there at once: unless a day or more is time enough.
#[must_use]
pub const fn urgency(timeframe: Option<Timeframe>) -> Urgency {
    match timeframe {
        Some(Timeframe::OneDay | Timeframe::ThreeDays) => Urgency::CanWait,
        _ => Urgency::Now,
    }
}

/// The unit that serves; otherwise what a person must decide is added.
pub fn decided(route: &Route, refusal: &mut Refusal) -> Option<UnitRef> {
    match &route.decision {
        Decision::Unit(unit) => return Some(unit.clone()),
        Decision::Person(Question::Nobody) => refusal.add("recipients", reason::NO_UNIT_FITS),
        Decision::Person(Question::Several(_)) => refusal.add("recipients", reason::SEVERAL_UNITS_FIT),
        Decision::Person(Question::Split(areas)) => refusal.offer(AREA, reason::AREA_SPLIT, areas.clone()),
        Decision::Person(Question::UnknownArea) => refusal.add(AREA, reason::AREA_UNKNOWN),
    }
    None
}

/// Encodes a route, or that the area is missing.
#[must_use]
pub fn write(route: Option<&Route>) -> pb::ContactRoute {
    let mut value = pb::ContactRoute::default();
    let Some(route) = route else {
        value.question = pb::RouteQuestion::AreaMissing as i32;
        return value;
    };
    value.considered = route.considered.iter().map(considered).collect();
    match &route.decision {
        Decision::Unit(unit) => value.unit = Some(write_unit(unit)),
        Decision::Person(question) => {
            value.question = match question {
                Question::Nobody => pb::RouteQuestion::Nobody as i32,
                Question::Several(_) => pb::RouteQuestion::Several as i32,
                Question::Split(_) => pb::RouteQuestion::AreaSplit as i32,
                Question::UnknownArea => pb::RouteQuestion::AreaUnknown as i32,
            };
            match question {
                Question::Several(units) => value.candidate_units = units.iter().map(write_unit).collect(),
                Question::Split(areas) => {
                    let areas = areas.iter().map(|area| write_area(&Personal::new(area.clone())));
                    value.candidate_areas = areas.collect();
                }
                Question::Nobody | Question::UnknownArea => {}
            }
        }
    }
    value
}

fn considered(unit: &Considered) -> pb::ConsideredUnit {
    let verdict = match unit.verdict {
        Verdict::Fits => pb::UnitVerdict::Fits,
        Verdict::NotInForce => pb::UnitVerdict::NotInForce,
        Verdict::NoService => pb::UnitVerdict::NoService,
        Verdict::NotItsArea => pb::UnitVerdict::NotItsArea,
        Verdict::Closed => pb::UnitVerdict::Closed,
        Verdict::HoursMissing => pb::UnitVerdict::HoursMissing,
    };
    pb::ConsideredUnit {
        unit: Some(write_unit(&unit.unit)),
        verdict: verdict as i32,
        handed_on_by: unit.handed_on_by.as_ref().map(write_unit),
    }
}
