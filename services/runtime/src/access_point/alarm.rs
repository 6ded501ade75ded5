//! The alarms of this process: logged, counted and remembered, so that whoever comes later still sees them.
//!
//! Bounded: the oldest are forgotten first. What raised them stays in the store and is found again at the next start.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use nhipcau_domain::id::AccessPointId;
use nhipcau_messaging::engine::{Alarm, AlarmKind};

use crate::{clock::Clock, metrics::Alarms as Counter};

/// Alarms remembered.
const REMEMBERED: usize = 1000;

/// An alarm as it was raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// Counts the alarms of this process, from 1.
    pub number: u64,
    /// When.
    pub time: Timestamp,
    /// What.
    pub alarm: Alarm,
}

/// The alarms of a process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Alarms(Arc<Mutex<Log>>);

#[derive(Debug, Default)]
struct Log {
    raised: u64,
    remembered: VecDeque<Raised>,
}

impl Alarms {
    /// The alarms that are remembered, newest first.
    #[must_use]
    pub fn newest(&self) -> Vec<Raised> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remembered.iter().cloned().collect()
    }

    fn remember(&self, time: Timestamp, alarm: Alarm) {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.raised += 1;
        let number = log.raised;
        log.remembered.push_front(Raised { number, time, alarm });
        log.remembered.truncate(REMEMBERED);
    }

    /// What the writer tells its alarms to.
    pub(super) fn seam(&self, clock: Clock, counter: Counter) -> Box<dyn FnMut(Alarm) + Send> {
        let alarms = self.clone();
        Box::new(move |alarm| {
            let reason = reason(alarm.kind);
            let peer = alarm.peer.as_ref().map(AccessPointId::as_str);
            tracing::error!(reason, peer, "Somebody must look at this.");
            counter.raised(reason);
            alarms.remember(clock.now(), alarm);
        })
    }
}

/// The kind as contracts, logs and metrics write it: `RolledBack` is `ROLLED_BACK`.
#[must_use]
pub fn reason(kind: AlarmKind) -> String {
    let mut name = String::new();
    for letter in format!("{kind:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_are_remembered_newest_first_and_bounded() {
        let alarms = Alarms::default();
        let clock = Clock::new(|| Timestamp::UNIX_EPOCH);
        let mut raise = alarms.seam(clock, Counter::register(&mut crate::metrics::registry()));
        for _ in 0..REMEMBERED {
            raise(Alarm { kind: AlarmKind::Skipped, peer: None });
        }
        raise(Alarm { kind: AlarmKind::RolledBack, peer: None });
        let newest = alarms.newest();
        assert_eq!((newest.len(), newest[0].number), (REMEMBERED, 1001));
        assert_eq!(reason(newest[0].alarm.kind), "ROLLED_BACK");
        assert_eq!(newest.last().unwrap().number, 2);
    }
}
