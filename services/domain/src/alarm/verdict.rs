//! What an authentic press does.
//!
//! In doubt it is an alarm. Only what arrived before is none, what a revoked device sends, and a press that is marked
//! as a test, says nothing else, and comes while a test is open and no alarm is.

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    device::{Device, State},
    frame::{Flags, Frame},
    note::Note,
    raised::Alarm,
};

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
    /// It arrived before, or so long ago that nobody can say.
    Replay,
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
    /// of presses plays no part.
    #[must_use]
    pub fn judge(device: Option<&Self>, open: Option<&Alarm>, frame: &Frame, now: Timestamp) -> Judgement {
        let Some(device) = device.filter(|device| device.id == frame.device) else {
            return Judgement::idle(Verdict::Unknown);
        };
        if device.state == State::Revoked {
            return Judgement::idle(Verdict::Revoked);
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
            notes: device.notes(frame, is_test),
            device: Some(Self { seen, tested, ..device.clone() }),
        }
    }

    /// Marked as a test and as nothing else that somebody may mean, while a test is open.
    fn is_test(&self, frame: &Frame, now: Timestamp) -> bool {
        let is_more = frame.flags.has(Flags::ALARM) || frame.flags.has(Flags::CANCEL_ASKED);
        frame.flags.has(Flags::TEST) && !is_more && self.test_until.is_some_and(|until| now < until)
    }

    fn notes(&self, frame: &Frame, is_test: bool) -> Vec<Note> {
        let has = |flag| frame.flags.has(flag);
        let notes = [
            (Note::CounterJumped, frame.counter.saturating_sub(self.seen.highest()) > FARTHEST),
            (Note::Late, frame.counter < self.seen.highest()),
            (Note::TestNotOpen, has(Flags::TEST) && !is_test),
            (Note::CancelAsked, has(Flags::CANCEL_ASKED)),
            (Note::Silent, has(Flags::SILENT)),
            (Note::BatteryLow, has(Flags::BATTERY_LOW)),
            (Note::AreaRefused, self.area_of(frame).is_none()),
        ];
        notes.into_iter().filter(|(_, holds)| *holds).map(|(note, _)| note).collect()
    }
}
