//! When an operator is told of a flood: of bytes that no device of the party made, and of presses that arrived before.
//! Nothing is put off or dropped by it.

use jiff::Timestamp;

/// More than this in a minute is a flood.
const A_MINUTE: u32 = 30;

/// How many there were in the present minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Burst {
    minute: i64,
    count: u32,
}

impl Burst {
    /// With one more, and whether the operator is told now: once a minute, with the first that is too many.
    #[must_use]
    pub fn more(self, now: Timestamp) -> (Self, bool) {
        let minute = now.as_second().div_euclid(60);
        let count = if minute == self.minute { self.count.saturating_add(1) } else { 1 };
        (Self { minute, count }, count == A_MINUTE + 1)
    }
}
