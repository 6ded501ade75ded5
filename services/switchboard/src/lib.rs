//! Contacts of a switchboard: records what was received, says who serves, has a referral submitted, keeps what was
//! answered, and hands a contact to another switchboard. Placement enquiries ([`placement`]), before there is a
//! case, of which whoever is on duty is told.
//! Devices with an alarm key ([`alarm`]), whose presses begin contacts.
//!
//! Owns the tables `switchboard_*`. Promises: a contact and the message by which it is sent are on disk together, and
//! what was sent is asked for until it was answered, so that a crash between the two loses neither; what is known of a
//! person lies under the key of the case and is read by nobody before an access record says so; whoever may not see a
//! contact does not learn that it exists.
//! Never: decides what the rules can decide, calls another service, or gives a contact up by itself, but for one that
//! went on from a hand-over, was not sent, and was given back. The referral that was sent is the referral service's;
//! what is disclosed later, its callers disclose.

mod access;
pub mod alarm;
mod change;
mod earlier;
mod error;
pub mod grpc;
pub mod handler;
mod handover;
mod list;
pub mod metrics;
mod page;
pub mod placement;
mod read;
mod record;
mod request;
mod routes;
mod sending;
mod store;

use std::sync::Arc;

use jiff::SignedDuration;
use nhipcau_domain::{
    area::Areas,
    directory::Release,
    id::{AccessPointId, ContractId},
};
use nhipcau_messaging::{store::Readers, writer};
use nhipcau_runtime::{clock::Clock, rosters::Rosters, waking::Duty};
use tokio::sync::watch as channel;

pub use self::{
    access::verify as verify_access,
    error::Error,
    store::{SCHEMA, notice::BOOK, word::WORDS},
};

/// The contract of this service.
pub const CONTRACT: &str = "nhipcau.switchboard.v1";
/// Its newest minor version here.
pub const MINOR: u32 = 0;

#[expect(clippy::expect_used, reason = "the texts are constants of the right form, which every test shows")]
fn contract_of(name: &str) -> ContractId {
    ContractId::new(name).expect("the name of a contract")
}

fn contract() -> ContractId {
    contract_of(CONTRACT)
}

/// What the two sides of the service share: the one in messaging and the one that callers see.
#[derive(Debug, Clone)]
pub struct Switchboard {
    access_point: AccessPointId,
    releases: channel::Receiver<Arc<Release>>,
    areas: channel::Receiver<Arc<Areas>>,
    routes: Arc<routes::Latest>,
    counters: Arc<metrics::Counters>,
    clock: Clock,
    alarm: Arc<alarm::Settings>,
    keys: Arc<alarm::Keys>,
    watch: Arc<alarm::Watch>,
    duty: Option<Duty>,
}

impl Switchboard {
    /// The service of an access point, which asks the newest release and these areas who serves where, and sends alarms
    /// as the settings say.
    #[must_use]
    pub fn new(
        access_point: AccessPointId,
        releases: channel::Receiver<Arc<Release>>,
        areas: channel::Receiver<Arc<Areas>>,
        alarm: alarm::Settings,
    ) -> Self {
        let (routes, counters, watch) = (Arc::default(), Arc::default(), Arc::default());
        let (keys, alarm) = (Arc::new(alarm::Keys::below(alarm.keys.clone())), Arc::new(alarm));
        Self { access_point, releases, areas, routes, counters, clock: Clock::system(), alarm, keys, watch, duty: None }
    }

    /// Has whoever is on duty at a desk told that something waits there, by these rosters, the next after a while.
    #[must_use]
    pub fn with_rosters(self, rosters: channel::Receiver<Rosters>, wait: SignedDuration) -> Self {
        Self { duty: Some(Duty::new(rosters, wait)), ..self }
    }

    /// Reads by this clock instead of the operating system's. What is written takes the time of the writer.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The side in messaging, for the engine.
    #[must_use]
    pub fn handler(&self) -> handler::Switchboard {
        handler::Switchboard::new(self.clone())
    }

    /// The side of placement enquiries in messaging, for the engine.
    #[must_use]
    pub fn placements(&self) -> placement::Placements {
        placement::Placements::new(self.clone())
    }

    /// The side that callers see.
    #[must_use]
    pub fn door(&self, writer: writer::Handle, readers: Readers) -> grpc::Door {
        let (access_point, teller) = (self.access_point.clone(), alarm::Teller::default());
        grpc::Door { shared: self.clone(), writer, readers, access_point, teller }
    }

    /// What the service counts.
    #[must_use]
    pub fn counters(&self) -> &metrics::Counters {
        &self.counters
    }

    fn release(&self) -> Arc<Release> {
        Arc::clone(&self.releases.borrow())
    }
}
