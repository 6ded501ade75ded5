//! What this service counts. Names and help texts are constants; no label carries what a caller wrote.

use std::sync::atomic::{AtomicU64, Ordering};

/// Name and help text of a counter.
pub type Metric = (&'static str, &'static str);

/// Contacts recorded.
pub const RECORDED: Metric = ("nhipcau_switchboard_contacts_recorded_total", "Contacts that were recorded.");
/// Contacts sent.
pub const SENT: Metric = ("nhipcau_switchboard_contacts_sent_total", "Times that a contact was sent.");
/// Contacts of which a referral stands.
pub const REFERRED: Metric = ("nhipcau_switchboard_contacts_referred_total", "Contacts of which a referral stands.");
/// Contacts that could not be sent.
pub const OBJECTED: Metric = (
    "nhipcau_switchboard_contacts_objected_total",
    "Times that a contact could not be sent as asked and a person must look.",
);
/// Contacts asked for again.
pub const ASKED_AGAIN: Metric =
    ("nhipcau_switchboard_sendings_asked_again_total", "Times that the sending of a contact was not answered in time.");
/// Messages refused.
pub const REFUSED: Metric = ("nhipcau_switchboard_messages_refused_total", "Messages that were refused here.");

/// Contacts offered.
pub const OFFERED: Metric =
    ("nhipcau_switchboard_handovers_offered_total", "Times that a contact was offered to another switchboard.");
/// Events of hand-overs stored.
pub const HANDOVER_EVENTS: Metric =
    ("nhipcau_switchboard_handover_events_total", "Events of hand-overs that were stored, of either side.");
/// Devices registered.
pub const DEVICES: Metric =
    ("nhipcau_switchboard_alarm_devices_total", "Devices with an alarm key that were registered.");
/// Presses heard.
pub const PRESSES: Metric = ("nhipcau_switchboard_presses_total", "Presses of alarm keys that were authentic.");
/// Presses refused.
pub const NO_PRESSES: Metric =
    ("nhipcau_switchboard_presses_refused_total", "Times that bytes were no press of a device of the party.");
/// Presses repeated.
pub const REPEATED: Metric =
    ("nhipcau_switchboard_presses_repeated_total", "Presses of alarm keys that had arrived before.");
/// Presses without effect.
pub const UNHEARD: Metric = (
    "nhipcau_switchboard_presses_unheard_total",
    "Presses of devices that were revoked or that nobody registered here.",
);
/// Alarms raised.
pub const ALARMS: Metric = ("nhipcau_switchboard_alarms_raised_total", "Alarms that presses raised.");
/// Alarms not sent.
pub const ALARMS_UNSENT: Metric = (
    "nhipcau_switchboard_alarms_unsent_total",
    "Alarms whose contact could not be sent as it was and a person must look.",
);
/// Alarms unplaced.
pub const ALARMS_UNPLACED: Metric =
    ("nhipcau_switchboard_alarms_unplaced_total", "Times that a person must look at a press that cannot be placed.");
/// Alarms ended.
pub const ALARMS_ENDED: Metric = ("nhipcau_switchboard_alarms_ended_total", "Alarms that a person ended.");
/// Placement enquiries.
pub const PLACEMENTS_ASKED: Metric =
    ("nhipcau_switchboard_placements_asked_total", "Times that an intake desk was asked from here.");
/// Events of placement enquiries.
pub const PLACEMENT_EVENTS: Metric =
    ("nhipcau_switchboard_placement_events_total", "Events of placement enquiries that came from another side.");
/// Placement enquiries over the limit.
pub const PLACEMENTS_OVER_LIMIT: Metric = (
    "nhipcau_switchboard_placements_over_limit_total",
    "Placement enquiries of a party that asks more often than it may in an hour.",
);
/// People on duty who were to be told of an enquiry.
pub const CALLED: Metric = (
    "nhipcau_switchboard_people_called_total",
    "Times that somebody was to be told of an enquiry or an answer to one.",
);
/// Nobody was left to tell of an enquiry.
pub const UNCALLED: Metric =
    ("nhipcau_switchboard_nobody_called_total", "Times that an enquiry waited and nobody was left to tell.");

/// The counters, shared by the handler and whoever shows them.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) recorded: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) referred: AtomicU64,
    pub(crate) objected: AtomicU64,
    pub(crate) asked_again: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) offered: AtomicU64,
    pub(crate) handover_events: AtomicU64,
    pub(crate) devices: AtomicU64,
    pub(crate) presses: AtomicU64,
    pub(crate) no_presses: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) unheard: AtomicU64,
    pub(crate) alarms: AtomicU64,
    pub(crate) alarms_unsent: AtomicU64,
    pub(crate) alarms_unplaced: AtomicU64,
    pub(crate) alarms_ended: AtomicU64,
    pub(crate) placements_asked: AtomicU64,
    pub(crate) placement_events: AtomicU64,
    pub(crate) placements_over_limit: AtomicU64,
    pub(crate) called: AtomicU64,
    pub(crate) uncalled: AtomicU64,
}

impl Counters {
    /// Every counter with its value.
    #[must_use]
    pub fn read(&self) -> [(Metric, u64); 22] {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            (RECORDED, read(&self.recorded)),
            (SENT, read(&self.sent)),
            (REFERRED, read(&self.referred)),
            (OBJECTED, read(&self.objected)),
            (ASKED_AGAIN, read(&self.asked_again)),
            (REFUSED, read(&self.refused)),
            (OFFERED, read(&self.offered)),
            (HANDOVER_EVENTS, read(&self.handover_events)),
            (DEVICES, read(&self.devices)),
            (PRESSES, read(&self.presses)),
            (NO_PRESSES, read(&self.no_presses)),
            (REPEATED, read(&self.repeated)),
            (UNHEARD, read(&self.unheard)),
            (ALARMS, read(&self.alarms)),
            (ALARMS_UNSENT, read(&self.alarms_unsent)),
            (ALARMS_UNPLACED, read(&self.alarms_unplaced)),
            (ALARMS_ENDED, read(&self.alarms_ended)),
            (PLACEMENTS_ASKED, read(&self.placements_asked)),
            (PLACEMENT_EVENTS, read(&self.placement_events)),
            (PLACEMENTS_OVER_LIMIT, read(&self.placements_over_limit)),
            (CALLED, read(&self.called)),
            (UNCALLED, read(&self.uncalled)),
        ]
    }
}

pub(crate) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
