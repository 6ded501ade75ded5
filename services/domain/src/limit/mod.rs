//! Time limits: from the rules and calendars of a directory and what is known of a need, the times that its branches
//! carry; and back, from a time that was carried, why it is the one.
//!
//! [`reckon()`] computes them once, when a branch is opened, and [`begun()`] those that begin with an answer; they then
//! travel signed and are never computed anew. What cannot be computed is refused with a reason and carried too: no hour
//! is guessed, and none vanishes. [`explain()`] shows one with the days that were counted. Whether a limit has passed
//! is for [`View`](crate::referral::View) to say, and what to do about it for [`climb()`].
//!
//! Pure: time comes in as [`Facts`] or in an event, and the rules of a time zone as a function.

mod calendar;
mod climb;
mod event;
mod explain;
mod ladder;
mod reckon;

#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;
use nhipcau_proto::directory::v1 as pb;

pub use calendar::{Day, DayKind};
pub use climb::{Asked, Climb, Level, climb, levels, own_time, told};
pub use event::{STOP_EVENTS, Start};
pub use explain::{Explanation, Standing, explain};
pub use reckon::{Facts, Reckoning, begun, reckon};

/// Most limits that one event carries, and most that could not be computed.
pub const LIMITS: usize = 16;
/// Most steps of a limit.
pub const STEPS: usize = 8;

/// What a release says about the time limits of one contract.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'r> {
    limits: &'r [pb::TimeLimit],
    calendars: &'r [pb::Calendar],
    contract: &'r str,
    zone: fn(&str) -> Option<TimeZone>,
}

impl<'r> Rules<'r> {
    /// The rules of a release for a contract. `zone` finds a time zone by its IANA name.
    #[must_use]
    pub fn of(release: &'r pb::Release, contract: &'r str, zone: fn(&str) -> Option<TimeZone>) -> Self {
        Self { limits: &release.time_limits, calendars: &release.calendars, contract, zone }
    }

    /// The rules of the contract.
    fn each(&self) -> impl Iterator<Item = &'r pb::TimeLimit> + use<'r> {
        let contract = self.contract;
        self.limits.iter().filter(move |rule| rule.contract == contract)
    }
}
