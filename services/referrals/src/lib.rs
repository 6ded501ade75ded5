//! Case referrals of an access point: opens branches for calling systems, carries both sides' events, discloses what is
//! due and not before, and answers and tells readers.
//!
//! Owns the tables `referral_*`. Promises: a state is nothing but what the two logs say; an event and the message that
//! carries it are on disk together; before this store holds the recipient's acceptance no later tier is sealed, queued
//! or sent; who may not see a case does not learn that it exists; what an ended branch left at its recipient is erased,
//! unless a retention class or a legal hold keeps it, and whoever withdrew consent is told which.
//! Whoever accepts faster than was agreed waits for a person.
//! Never: decides what the rules can decide, writes in the other side's log, or keeps content, or what an event says
//! about a person, outside the key of its case. While nobody answers, the origin turns to the next level by
//! itself, and the recipient has whoever is on duty told, if the unit has a roster.

mod access;
mod act;
mod area;
mod assign;
mod attachment;
mod code;
mod content;
mod disclose;
mod erase;
mod error;
mod event;
pub mod evidence;
mod explain;
mod get;
mod group;
pub mod grpc;
pub mod handler;
mod hold;
mod ladder;
mod limits;
mod list;
pub mod metrics;
mod name;
mod notified;
mod onward;
mod open_branch;
mod page;
mod recall;
mod receive;
mod recover;
mod regained;
mod request;
mod requested;
mod send;
mod store;
mod submit;
mod succession;
mod view;
mod waking;
mod watch;
mod work;

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
use tokio_util::sync::CancellationToken;

pub use self::{
    access::verify as verify_access,
    error::Error,
    explain::explain as explain_time_limits,
    store::{SCHEMA, notice::BOOK},
};

/// The contract of this service.
pub const CONTRACT: &str = "nhipcau.referral.v1";
/// Its newest minor version here.
pub const MINOR: u32 = 4;

/// The first minor version whose readers know attachments. An older one would show a part without them.
const ATTACHMENTS_MINOR: u32 = 2;

/// The message that travels.
const EVENT_MESSAGE: &str = "nhipcau.referral.v1.ReferralEvent";
/// The message to oneself by which another service of this access point has a referral submitted.
const REQUEST_MESSAGE: &str = "nhipcau.referral.v1.SubmissionRequested";

/// Most branches of a referral: what reads it as a whole stays small whatever a peer sends.
const BRANCHES: u64 = 64;

/// Most branches of a case that one party opens, whatever referrals they belong to: what looks at a case as a whole
/// stays small, and no party can use up what another may open in the same case.
const BRANCHES_OF_A_CASE: u64 = 256;

#[expect(clippy::expect_used, reason = "the text is a constant of the right form, which every test shows")]
fn contract() -> ContractId {
    ContractId::new(CONTRACT).expect("the name of a contract")
}

/// The newest minor version of the contract that the directory lets be sent.
fn minor_in_use(release: &Release) -> u32 {
    release.contract(&contract()).unwrap_or_default()
}

/// What the two sides of the service share: the one in messaging and the one that callers see.
#[derive(Debug, Clone)]
pub struct Referrals {
    releases: channel::Receiver<Arc<Release>>,
    areas: Option<channel::Receiver<Arc<Areas>>>,
    duty: Option<Duty>,
    newcomers: Arc<waking::Newcomers>,
    changes: channel::Sender<()>,
    counters: Arc<metrics::Counters>,
    clock: Clock,
}

impl Referrals {
    /// A service that asks the newest release who serves where.
    #[must_use]
    pub fn new(releases: channel::Receiver<Arc<Release>>) -> Self {
        Self {
            releases,
            areas: None,
            duty: None,
            newcomers: Arc::default(),
            changes: channel::Sender::new(()),
            counters: Arc::default(),
            clock: Clock::system(),
        }
    }

    /// Looks areas up in these lists and their crosswalks. Without lists only the syntax of an area is checked.
    #[must_use]
    pub fn with_areas(self, areas: channel::Receiver<Arc<Areas>>) -> Self {
        Self { areas: Some(areas), ..self }
    }

    /// Has whoever is on duty at a unit told that something waits there, by these rosters, the next after a while.
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
    pub fn handler(&self) -> handler::Referrals {
        handler::Referrals::new(self.clone())
    }

    /// The side that callers see. Streams end when `closing` is cancelled.
    #[must_use]
    pub fn door(
        &self,
        writer: writer::Handle,
        readers: Readers,
        access_point: AccessPointId,
        closing: CancellationToken,
    ) -> grpc::Door {
        grpc::Door { shared: self.clone(), writer, readers, access_point, closing, clock: self.clock.clone() }
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
