//! What a unit writes: one TOML file with its shifts, in each the people in the order in which they are told.
//!
//! ```toml
//! unit = "hanoi/00070"
//!
//! [[shift]]
//! start_time = 2026-11-30T17:00:00+07:00
//! end_time = 2026-12-01T07:30:00+07:00
//! people = [
//!   { person = "cb-17", role = "officer", channel = "sms", address = "+84 …" },
//!   { person = "cb-18", role = "leader", channel = "sms", address = "+84 …" },
//! ]
//! ```
//!
//! `version` is the next one of the unit when it is left out. Reading goes on after a mistake, so that all are listed;
//! where, and never what stands there.

use jiff::Timestamp;
use nhipcau_domain::{
    directory::Release,
    duty::{self, Roster},
    id::{AccessPointId, KeyId, PartyId, UnitId},
    referral::UnitRef,
};
use nhipcau_proto::directory::v1 as pb;
use serde::Deserialize;

use crate::directory::{
    problem::Problems,
    source::{File, Time, UnitName},
};

const NAME: &str = "the roster";
const FORMAT: u32 = 1;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shift {
    start_time: Time,
    end_time: Time,
    people: Vec<Person>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    person: String,
    role: String,
    channel: String,
    address: String,
}

impl From<Shift> for pb::Shift {
    fn from(entry: Shift) -> Self {
        let person =
            |it: Person| pb::DutyPerson { person: it.person, role: it.role, channel: it.channel, address: it.address };
        Self {
            start_time: Some(entry.start_time.into()),
            end_time: Some(entry.end_time.into()),
            people: entry.people.into_iter().map(person).collect(),
        }
    }
}

/// Draws a roster up and reviews it as the access point will, in place of what was `before`: the one in use of its
/// unit, and the highest version that ever was.
///
/// # Errors
/// [`Problems`]: everything that is wrong with it.
pub(super) fn draw_up<'r>(
    text: &str,
    (access_point, key): (&AccessPointId, &KeyId),
    release: &Release,
    before: impl Fn(&UnitRef) -> (Option<&'r Roster>, u64),
    now: Timestamp,
) -> Result<(pb::Roster, Roster), Problems> {
    let mut problems = Problems::default();
    let mut file = File::parse_discreetly(NAME, text, &mut problems);
    let unit: Option<pb::UnitRef> = file.value::<UnitName>("unit", &mut problems).map(Into::into);
    let (current, seen) = unit.as_ref().and_then(reference).map(|unit| before(&unit)).unwrap_or_default();
    let version = if file.has("version") {
        file.value("version", &mut problems).unwrap_or_default()
    } else {
        current.map_or(seen, |current| seen.max(current.version())).saturating_add(1)
    };
    let shifts = file.entries::<Shift, pb::Shift>("shift", &mut problems);
    file.close(&mut problems);
    let is_read = unit.is_some();
    let roster = pb::Roster {
        format: FORMAT,
        programme: release.root().programme().to_owned(),
        access_point: access_point.to_string(),
        unit,
        version,
        signing_key: key.to_string(),
        shifts,
    };
    match duty::review(&roster, release, current, now).and_then(|reviewed| reviewed.not_older(seen)) {
        Ok(reviewed) if problems.is_empty() => return Ok((roster, reviewed)),
        Ok(_) => {}
        // That there is no unit was said.
        Err(duty::Error::Invalid(found)) if is_read || !problems.is_empty() => {
            let section = |list: &str| (list == "shifts").then_some((NAME, "shift"));
            problems.add_review(&found, NAME, section);
        }
        Err(error) => problems.add(NAME, error),
    }
    Err(problems)
}

fn reference(unit: &pb::UnitRef) -> Option<UnitRef> {
    Some(UnitRef { party: PartyId::new(&unit.party).ok()?, unit: UnitId::new(&unit.unit).ok()? })
}
