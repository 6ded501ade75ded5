//! Areas that a content names, looked up in the lists in force: where it happened on the day of the report, the others
//! today.

use jiff::{Timestamp, civil::Date, tz};
use nhipcau_domain::{
    area::AreaList,
    reason,
    referral::{Content, Refusal},
};

/// Hours by which Viet Nam's clocks are ahead of UTC, the whole year.
const OFFSET_HOURS: i8 = 7;

/// Adds a violation for each area that does not exist or is not in force.
pub(crate) fn check(content: &Content, lists: &AreaList, now: Timestamp, refusal: &mut Refusal) {
    let (reported, today) = (day(content.preview.reception.time), day(now));
    for (path, area) in content.areas() {
        let on = if path == "content.preview.incident_area" { reported } else { today };
        match lists.unit(area) {
            Err(_) => refusal.add(path, reason::AREA_UNKNOWN),
            Ok(unit) if !unit.validity.contains(on) => refusal.add(path, reason::AREA_NOT_IN_FORCE),
            Ok(_) => {}
        }
    }
}

fn day(time: Timestamp) -> Date {
    tz::offset(OFFSET_HOURS).to_datetime(time).date()
}
