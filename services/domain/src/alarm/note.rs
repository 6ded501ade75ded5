//! What a person should know of a press, and why a person ended an alarm.

use nhipcau_proto::switchboard::v1 as pb;

/// What a person should know of a press.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Note {
    /// The counter went more than [`FARTHEST`](super::FARTHEST) ahead.
    CounterJumped,
    /// It arrived after a later press.
    Late,
    /// It was marked as a test and is none: no test was open, an alarm was, or it said something else as well.
    TestNotOpen,
    /// Whoever presses asks to end the alarm.
    CancelAsked,
    /// Whoever presses must not be called back or answered aloud.
    Silent,
    /// The battery is low.
    BatteryLow,
    /// The named area is finer than it may be, cannot be read, or is not in the list; the registered one holds.
    AreaRefused,
    /// It has flags that this build does not know.
    FlagsUnknown,
}

impl Note {
    /// Every note, in contract order.
    pub const ALL: [Self; 8] = [
        Self::CounterJumped,
        Self::Late,
        Self::TestNotOpen,
        Self::CancelAsked,
        Self::Silent,
        Self::BatteryLow,
        Self::AreaRefused,
        Self::FlagsUnknown,
    ];

    /// The number in the contract.
    #[must_use]
    pub const fn to_wire(self) -> i32 {
        match self {
            Self::CounterJumped => pb::AlarmNote::CounterJumped as i32,
            Self::Late => pb::AlarmNote::Late as i32,
            Self::TestNotOpen => pb::AlarmNote::TestNotOpen as i32,
            Self::CancelAsked => pb::AlarmNote::CancelAsked as i32,
            Self::Silent => pb::AlarmNote::Silent as i32,
            Self::BatteryLow => pb::AlarmNote::BatteryLow as i32,
            Self::AreaRefused => pb::AlarmNote::AreaRefused as i32,
            Self::FlagsUnknown => pb::AlarmNote::FlagsUnknown as i32,
        }
    }

    /// Reads the contract's number; `None` for one that this build does not know.
    #[must_use]
    pub fn from_wire(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|note| note.to_wire() == number)
    }
}

/// Why a person ended an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CancelReason {
    /// Help came, or what was asked for was done.
    Done,
    /// Pressed by mistake.
    Mistake,
    /// A trial for which no test was open.
    Trial,
    /// Another alarm or contact stands for it.
    Duplicate,
    /// Another reason.
    Other,
    /// A number that this build does not know.
    Unrecognized(i32),
}

impl CancelReason {
    /// Reads the contract's number; `None` for the value that is never sent.
    #[must_use]
    pub fn from_wire(number: i32) -> Option<Self> {
        match pb::AlarmCancelReason::try_from(number) {
            Ok(pb::AlarmCancelReason::Unspecified) => None,
            Ok(pb::AlarmCancelReason::Done) => Some(Self::Done),
            Ok(pb::AlarmCancelReason::Mistake) => Some(Self::Mistake),
            Ok(pb::AlarmCancelReason::Trial) => Some(Self::Trial),
            Ok(pb::AlarmCancelReason::Duplicate) => Some(Self::Duplicate),
            Ok(pb::AlarmCancelReason::Other) => Some(Self::Other),
            Err(_) => Some(Self::Unrecognized(number)),
        }
    }

    /// The number in the contract.
    #[must_use]
    pub const fn to_wire(self) -> i32 {
        match self {
            Self::Done => pb::AlarmCancelReason::Done as i32,
            Self::Mistake => pb::AlarmCancelReason::Mistake as i32,
            Self::Trial => pb::AlarmCancelReason::Trial as i32,
            Self::Duplicate => pb::AlarmCancelReason::Duplicate as i32,
            Self::Other => pb::AlarmCancelReason::Other as i32,
            Self::Unrecognized(number) => number,
        }
    }
}
