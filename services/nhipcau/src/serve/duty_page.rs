//! The duty page of a process: whom it takes to be on duty, how it calls units, and which doors it opens.
//!
//! Nothing is decided here; both follow from what is in use when they are asked for.

use std::sync::Arc;

use jiff::Timestamp;
use nhipcau_domain::{
    directory::Release,
    duty,
    id::{PartyId, UnitId},
    referral::{PersonRef, UnitRef},
};
use nhipcau_gateway::{Doors, Needs, Roll, Server};
use nhipcau_proto::referral::v1 as pb;
use nhipcau_runtime::{clock::Clock, config::Config, notify::Notifiers, rosters::Rosters};
use tokio::sync::watch;

use super::parts::{Service, chosen};
use crate::check::Finding;

/// A page and what it needs.
pub(super) type Page = (Server, Needs);

/// That the page would have nothing to show.
pub(super) fn unserved(config: &Config) -> Option<Finding> {
    let is_served = config.duty.page.is_none() || chosen(&config.services).contains(&Service::Referrals);
    let what = "duty_page.listen is set, and access_point.services does not name referrals";
    (!is_served).then(|| Finding::problem("configuration", what, "name referrals too, or take duty_page.listen away"))
}

/// What the page needs.
pub(super) fn needs(
    doors: Doors,
    (rosters, releases): (watch::Receiver<Rosters>, watch::Receiver<Arc<Release>>),
    notifiers: Notifiers,
    clock: &Clock,
) -> Needs {
    Needs { doors, roll: Arc::new(InUse { rosters, releases }), notifiers, clock: clock.clone() }
}

/// The rosters and the release in use.
struct InUse {
    rosters: watch::Receiver<Rosters>,
    releases: watch::Receiver<Arc<Release>>,
}

impl Roll for InUse {
    fn on_duty(&self, unit: &UnitRef, person: &PersonRef, at: Timestamp) -> Option<duty::Person> {
        let rosters = self.rosters.borrow();
        rosters.of(unit)??.on_duty(at).find(|it| it.person == *person).cloned()
    }

    fn name(&self, unit: &pb::UnitRef) -> Option<String> {
        let (party, unit) = (PartyId::new(&unit.party).ok()?, UnitId::new(&unit.unit).ok()?);
        let release = self.releases.borrow();
        Some(release.unit(&party, &unit)?.names.vi.to_string())
    }
}
