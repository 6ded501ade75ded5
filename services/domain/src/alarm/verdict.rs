//! What an authentic press does.
//!
//! In doubt it is an alarm. Only what arrived before is none, what a revoked device sends, and a press that is marked
//! as a test, says nothing else but that the battery is low, and comes while a test is open and no alarm is. An old
//! press that is played again raises none, so that nobody can do so with presses that he recorded; but a child may hold
//! a device that lost its counter and sends the same bytes, so it is never silent: a person is told.

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    device::{Device, State},
    frame::{Flags, Frame},
    note::Note,
    raised::{Alarm, is_recent},
};
use crate::area::AreaList;

/// How far ahead a counter may go before somebody should look at the device.
pub const FARTHEST: u64 = 1_000;

/// What a press does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It raises an alarm.
    Dispatch,
    /// It belongs to this alarm, which is open.
    Joins(Uuid),
    /// It is a test.
    Test,
    /// It is the last press again, on another way or because no answer came.
    Repeat,
    /// It arrived before.
    Replay,
    /// It may be an old press that is played again, or a new one of a device that does not count any more: it is more
    /// than 63 below the highest; or it arrived before, while no alarm takes it and it does not repeat a test just
    /// made; or it is the highest that there is, again. It raises nothing by itself: what [`Device::report`] and the
    /// notes say is put before a person of the unit, who decides whether it is an alarm; presses of one device within
    /// [`JOINING`](super::JOINING) may be put so as one. Its device is registered anew.
    Stale,
    /// Its device is revoked.
    Revoked,
    /// The party's key made it, and no such device is registered here: the operator is told at once.
    Unknown,
}

/// A press as it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What it does.
    pub verdict: Verdict,
    /// What a person should know of it, each once.
    pub notes: Vec<Note>,
    /// The device as it is to be kept; `None` where nothing about it changes.
    pub device: Option<Device>,
}

impl Judgement {
    const fn idle(verdict: Verdict) -> Self {
        Self { verdict, notes: Vec::new(), device: None }
    }
}

impl Device {
    /// Says what a press does to its device, if there is one, whose newest alarm is `open` if nobody ended it. The rate
    /// of presses plays no part. `areas` is the list in which an area that it names is looked up.
    #[must_use]
    pub fn judge(
        device: Option<&Self>,
        open: Option<&Alarm>,
        frame: &Frame,
        areas: &AreaList,
        now: Timestamp,
    ) -> Judgement {
        let Some(device) = device.filter(|device| device.id == frame.device) else {
            return Judgement::idle(Verdict::Unknown);
        };
        if device.state == State::Revoked {
            return Judgement::idle(Verdict::Revoked);
        }
        if device.is_stale(open, frame, now) {
            return Judgement { notes: device.notes(frame, areas, false), ..Judgement::idle(Verdict::Stale) };
        }
        if device.seen.has(frame.counter) {
            let is_last = frame.counter == device.seen.highest();
            return Judgement::idle(if is_last { Verdict::Repeat } else { Verdict::Replay });
        }
        let open = open.filter(|alarm| alarm.is_open());
        let seen = device.seen.with(frame.counter);
        let is_test = device.is_test(frame, now) && open.is_none();
        let verdict = match open.filter(|alarm| alarm.takes(now)) {
            _ if is_test => Verdict::Test,
            Some(alarm) => Verdict::Joins(alarm.uid),
            None => Verdict::Dispatch,
        };
        let tested = if is_test { Some(now) } else { device.tested };
        Judgement {
            verdict,
            notes: device.notes(frame, areas, is_test),
            device: Some(Self { seen, tested, ..device.clone() }),
        }
    }

    /// Nobody can say whether it arrived before; or it did, and a device that counts would not repeat it now.
    fn is_stale(&self, open: Option<&Alarm>, frame: &Frame, now: Timestamp) -> bool {
        let is_last = frame.counter == self.seen.highest();
        let is_tested = frame.is_test() && is_last && self.tested.is_some_and(|tested| is_recent(tested, now));
        let is_awaited = is_tested || open.is_some_and(|alarm| alarm.takes(now));
        // None follows the highest counter that there is: a device that stays there seems to repeat each press.
        let is_end = frame.counter == u64::MAX;
        self.seen.is_past(frame.counter) || (self.seen.has(frame.counter) && (is_end || !is_awaited))
    }

    fn is_test(&self, frame: &Frame, now: Timestamp) -> bool {
        frame.is_test() && self.test_until.is_some_and(|until| now < until)
    }

    fn notes(&self, frame: &Frame, areas: &AreaList, is_test: bool) -> Vec<Note> {
        let has = |flag| frame.flags.has(flag);
        let notes = [
            (Note::CounterJumped, frame.counter.saturating_sub(self.seen.highest()) > FARTHEST),
            (Note::Late, frame.counter < self.seen.highest()),
            (Note::TestNotOpen, has(Flags::TEST) && !is_test),
            (Note::CancelAsked, has(Flags::CANCEL_ASKED)),
            (Note::Silent, has(Flags::SILENT)),
            (Note::BatteryLow, has(Flags::BATTERY_LOW)),
            (Note::AreaRefused, self.area_of(frame, areas).is_none()),
            (Note::FlagsUnknown, !frame.flags.only(Flags::KNOWN)),
        ];
        notes.into_iter().filter(|(_, holds)| *holds).map(|(note, _)| note).collect()
    }
}
