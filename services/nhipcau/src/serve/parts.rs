//! The services of this program, which of them a process has, and what each brings along: tables and a handler for
//! messaging, a door for callers, counters.
//!
//! A new service is a variant here, a field of [`Parts`] and its lines in [`Parts::bring`] and [`Parts::doors`].

use std::sync::Arc;

use jiff::SignedDuration;
use nhipcau_domain::{area::Areas, directory::Release, id::AccessPointId};
use nhipcau_gateway::Doors;
use nhipcau_indicators::{Indicators, Registry};
use nhipcau_messaging::handler::Handler;
use nhipcau_proto::{
    indicator::v1::{
        indicator_service_server::IndicatorServiceServer, indicator_watch_service_server::IndicatorWatchServiceServer,
    },
    placement::v1::placement_service_server::{PlacementService, PlacementServiceServer},
    referral::v1::{
        referral_attachment_service_server::ReferralAttachmentServiceServer,
        referral_decision_service_server::ReferralDecisionServiceServer,
        referral_hold_service_server::ReferralHoldServiceServer, referral_service_server::ReferralServiceServer,
        referral_steering_service_server::ReferralSteeringServiceServer,
        referral_watch_service_server::ReferralWatchServiceServer,
    },
    switchboard::v1::{
        alarm_service_server::AlarmServiceServer, contact_service_server::ContactServiceServer,
        handover_service_server::HandoverServiceServer,
    },
};
use nhipcau_referrals::Referrals;
use nhipcau_runtime::{
    access_point::{AccessPoint, Part},
    clock::Clock,
    config::{self, Config},
    rosters::Rosters,
    server::Services,
    waking::Notices,
};
use nhipcau_switchboard::{Switchboard, alarm};
use prometheus_client::registry::Registry as Counts;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::counted::Counted;
use crate::check::Finding;

/// A service, as `access_point.services` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Statistics.
    Indicators,
    /// Case referrals.
    Referrals,
    /// Contacts of a switchboard.
    Switchboard,
}

impl Service {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Indicators, Self::Referrals, Self::Switchboard];

    /// Its name in the configuration.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Indicators => "indicators",
            Self::Referrals => "referrals",
            Self::Switchboard => "switchboard",
        }
    }
}

/// What is named and not known.
pub(super) fn unknown(named: &[String]) -> Vec<Finding> {
    let known = Service::ALL.map(Service::name);
    let missing = named.iter().filter(|name| !known.contains(&name.as_str()));
    let problem = |_| {
        let what = "access_point.services names a service that this program does not have";
        Finding::problem("configuration", what, format!("name some of {}, or none for all", known.join(", ")))
    };
    missing.map(problem).collect()
}

/// The services that are named; all when none is.
pub(super) fn chosen(named: &[String]) -> Vec<Service> {
    let is_chosen = |service: &Service| named.is_empty() || named.iter().any(|name| name == service.name());
    Service::ALL.into_iter().filter(is_chosen).collect()
}

/// What services look things up in; newer ones with every release of the directory.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    /// Structures, code lists and dataflows.
    pub(super) registry: watch::Receiver<Arc<Registry>>,
    /// Administrative units and what became of them.
    pub(super) areas: watch::Receiver<Arc<Areas>>,
    /// Whose services they are.
    pub(super) access_point: AccessPointId,
    /// Who takes part.
    pub(super) releases: watch::Receiver<Arc<Release>>,
    /// Who is on duty, and how long whoever was told has.
    pub(super) duty: (watch::Receiver<Rosters>, SignedDuration),
}

/// The services of a process.
pub(super) struct Parts {
    indicators: Option<Indicators>,
    referrals: Option<Referrals>,
    switchboard: Option<Switchboard>,
}

impl Parts {
    /// The chosen services, which read by this clock.
    pub(super) fn new(chosen: &[Service], config: &Config, sources: Sources, clock: &Clock) -> Self {
        let Sources { registry, areas, access_point, releases, duty: (rosters, wait) } = sources;
        let has = |service| chosen.contains(&service);
        let config::Alarm { service, purpose, citation } = config.alarm.clone();
        let alarm = alarm::Settings { keys: config.keys.directory.clone(), service, purpose, citation };
        Self {
            indicators: has(Service::Indicators).then(|| Indicators::new(registry)),
            switchboard: has(Service::Switchboard)
                .then(|| Switchboard::new(access_point, releases.clone(), areas.clone(), alarm))
                .map(|service| service.with_rosters(rosters.clone(), wait).with_clock(clock.clone())),
            referrals: has(Service::Referrals)
                .then(|| Referrals::new(releases).with_areas(areas).with_rosters(rosters, wait))
                .map(|service| service.with_clock(clock.clone())),
        }
    }

    /// Their side in messaging. What they count is shown from now on.
    pub(super) fn bring(&self, counts: &mut Counts) -> Vec<Part> {
        let part = |tables, handler: Box<dyn Handler>| Part { tables: vec![tables], handlers: vec![handler] };
        let mut parts = Vec::new();
        if let Some(service) = &self.indicators {
            let counted = service.clone();
            Counted::register(counts, move || counted.counters().read().to_vec());
            parts.push(part(nhipcau_indicators::SCHEMA, Box::new(service.handler())));
        }
        if let Some(service) = &self.referrals {
            let counted = service.clone();
            Counted::register(counts, move || counted.counters().read().to_vec());
            parts.push(part(nhipcau_referrals::SCHEMA, Box::new(service.handler())));
        }
        if let Some(service) = &self.switchboard {
            let counted = service.clone();
            Counted::register(counts, move || counted.counters().read().to_vec());
            let handlers: Vec<Box<dyn Handler>> = vec![Box::new(service.handler()), Box::new(service.placements())];
            parts.push(Part { tables: vec![nhipcau_switchboard::SCHEMA], handlers });
        }
        parts
    }

    /// Whom to tell that something waits for them.
    pub(super) fn notices(&self, access_point: &AccessPoint) -> Option<Notices> {
        let referrals = self.referrals.as_ref().map(|_| &nhipcau_referrals::BOOK);
        let switchboard = self.switchboard.as_ref();
        let (asked, words) = (&nhipcau_switchboard::BOOK, &nhipcau_switchboard::WORDS);
        let books = [referrals, switchboard.map(|_| asked), switchboard.map(|_| words)];
        let books: Vec<_> = books.into_iter().flatten().collect();
        (!books.is_empty()).then(|| Notices::new(books, access_point.handle(), access_point.readers()))
    }

    /// What the duty page asks. Streams end with `ending`.
    pub(super) fn duty_doors(
        &self,
        config: &Config,
        access_point: &AccessPoint,
        ending: &CancellationToken,
    ) -> Option<Doors> {
        let service = self.referrals.as_ref()?;
        let (writer, readers) = (access_point.handle(), access_point.readers());
        let placements = self.switchboard.as_ref().map(|service| service.door(writer.clone(), readers.clone()));
        let placements = placements.map(|door| Arc::new(door) as Arc<dyn PlacementService>);
        let door = Arc::new(service.door(writer, readers, config.access_point.clone(), ending.clone()));
        Some(Doors { referrals: door.clone(), decisions: door, placements })
    }

    /// Their side that callers see, and that of whoever operates the access point. Streams end with `ending`.
    pub(super) fn doors(self, config: &Config, access_point: &AccessPoint, ending: &CancellationToken) -> Services {
        let limit = config.server.message_bytes;
        let me = || (access_point.handle(), access_point.readers(), config.access_point.clone(), ending.clone());
        let operations = access_point.operations().server().max_decoding_message_size(limit);
        let mut services = Services::default().with(operations);
        if let Some(service) = self.indicators {
            let (writer, readers, id, ending) = me();
            let door = service.door(writer, readers, id, ending);
            services = services
                .with(IndicatorServiceServer::new(door.clone()).max_decoding_message_size(limit))
                .with(IndicatorWatchServiceServer::new(door).max_decoding_message_size(limit));
        }
        if let Some(service) = self.referrals {
            let (writer, readers, id, ending) = me();
            let door = service.door(writer, readers, id, ending);
            services = services
                .with(ReferralServiceServer::new(door.clone()).max_decoding_message_size(limit))
                .with(ReferralSteeringServiceServer::new(door.clone()).max_decoding_message_size(limit))
                .with(ReferralDecisionServiceServer::new(door.clone()).max_decoding_message_size(limit))
                .with(ReferralAttachmentServiceServer::new(door.clone()).max_decoding_message_size(limit))
                .with(ReferralHoldServiceServer::new(door.clone()).max_decoding_message_size(limit))
                .with(ReferralWatchServiceServer::new(door).max_decoding_message_size(limit));
        }
        if let Some(service) = self.switchboard {
            let (writer, readers, ..) = me();
            let door = service.door(writer, readers).telling(access_point.alarm());
            services = services
                .with(ContactServiceServer::new(door.clone()).max_decoding_message_size(limit))
                .with(AlarmServiceServer::new(door.clone()).max_decoding_message_size(limit))
                .with(HandoverServiceServer::new(door.clone()).max_decoding_message_size(limit))
                .with(PlacementServiceServer::new(door).max_decoding_message_size(limit));
        }
        services
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_means_every_service() {
        assert_eq!(chosen(&[]), Service::ALL);
        assert_eq!(chosen(&["indicators".to_owned()]), [Service::Indicators]);
    }

    #[test]
    fn no_two_books_of_notices_make_one_id() {
        let books = [&nhipcau_referrals::BOOK, &nhipcau_switchboard::BOOK, &nhipcau_switchboard::WORDS];
        let causes: std::collections::BTreeSet<_> = books.iter().map(|book| book.cause).collect();
        assert_eq!(causes.len(), books.len());
    }

    #[test]
    fn every_unknown_name_is_a_problem_and_none_is_repeated() {
        let named = ["indicators", "indicator", "secret"].map(str::to_owned);
        let problems = unknown(&named);
        assert_eq!(problems.len(), 2);
        assert!(problems.iter().all(|problem| !problem.to_string().contains("secret")));
        assert!(unknown(&[]).is_empty());
    }
}
