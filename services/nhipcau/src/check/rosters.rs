//! The rosters of the units that the access point serves, and the ways by which people are told. What is wrong with one
//! keeps nothing from starting: a case waits then as where there is none, and its origin's ladder stands behind it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::Release,
    duty::{Reader, Roster},
    referral::UnitRef,
};
use nhipcau_runtime::{config::Config, rosters::Rosters, telemetry::chain};

use super::Finding;

const CHECK: &str = "duty";
/// How long before its end a roster should be followed by the next.
const SOON: SignedDuration = SignedDuration::from_hours(72);

/// Looks at every roster, and at the units that have none.
pub(super) fn look(config: &Config, release: &Release, now: Timestamp) -> Vec<Finding> {
    let by = Reader { access_point: &config.access_point, release };
    let (rosters, refused) = Rosters::load(&config.duty.rosters, by, None, now);
    let advice = "correct what `nhipcau duty check` lists, sign it again and install it";
    let mut found: Vec<Finding> =
        refused.iter().map(|error| Finding::warning(CHECK, chain(error).to_string(), advice)).collect();
    for (unit, roster) in rosters.units() {
        found.extend(roster.map(|roster| of_unit(config, unit, roster, now)));
    }
    let served = release.wire().units.iter().filter_map(|unit| {
        let unit = UnitRef { party: unit.party.parse().ok()?, unit: unit.unit.parse().ok()? };
        (release.serves(&config.access_point, &unit.party, &unit.unit) && rosters.of(&unit).is_none()).then_some(unit)
    });
    let without: Vec<String> = served.map(|unit| unit.to_string()).collect();
    if !without.is_empty() {
        let what = format!("nobody is told when something waits at {}: no roster", listed(&without));
        found.push(Finding::good(CHECK, what));
    }
    found
}

fn of_unit(config: &Config, unit: &UnitRef, roster: &Roster, now: Timestamp) -> Finding {
    let people = roster.shifts().iter().flat_map(|shift| &shift.people);
    let unknown = people.filter(|person| !config.duty.notifiers.contains_key(&*person.channel));
    let unknown: BTreeSet<&str> = unknown.map(|person| &*person.channel).collect();
    if roster.end() <= now + SOON {
        let what = format!("the roster of {unit} ends {}", roster.end());
        return Finding::warning(CHECK, what, "ask the unit for its next one: without it nobody there is told");
    }
    if !unknown.is_empty() {
        let what = format!("the roster of {unit} names {} by which nobody is reached", unknown.len());
        let what = what.replace(" by which", if unknown.len() == 1 { " way by which" } else { " ways by which" });
        return Finding::warning(CHECK, what, "add it to [notifiers], or have the roster name one that is there");
    }
    Finding::good(CHECK, format!("the roster of {unit} lasts until {}", roster.end()))
}

/// A few of many.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
}
