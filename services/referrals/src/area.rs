//! Areas that a content names, looked up in the lists through time: where it happened on the day of the report or
//! today, the others today.
//!
//! What is accepted stays as it was given: an older reference that one unit holds whole is as good as the new one.
//! Which of several is meant is not decided here; a person is told the candidates.

use jiff::Timestamp;
use nhipcau_domain::{
    area::{Areas, Resolution, day_of},
    reason,
    referral::{Content, Refusal},
};

/// Where it happened: the one area of the preview.
const INCIDENT: &str = "content.preview.incident_area";

/// Adds a violation for each area that means no unit, none that is certain, or none on its day; for that of the preview
/// only if it is new.
pub(crate) fn check(content: &Content, is_preview_new: bool, areas: &Areas, now: Timestamp, refusal: &mut Refusal) {
    let (reported, today) = (day_of(content.preview.reception.time), day_of(now));
    for (path, area) in content.areas() {
        if path == INCIDENT && (!is_preview_new || areas.resolve(area, reported).whole().is_some()) {
            continue;
        }
        match areas.resolve(area, today) {
            Resolution::In(_) | Resolution::Became(_) => {}
            Resolution::Split(units) => {
                let candidates = units.iter().filter_map(|unit| areas.reference(unit, today)).collect();
                refusal.offer(path, reason::AREA_SPLIT, candidates);
            }
            Resolution::Gone | Resolution::NotYet => refusal.add(path, reason::AREA_NOT_IN_FORCE),
            Resolution::Unknown(_) => refusal.add(path, reason::AREA_UNKNOWN),
        }
    }
}
