//! Which presses of a device have arrived: the highest counter, and which of the 63 before it. Two numbers hold it, a
//! press counts once, and one that was overtaken on its way still counts.

/// Counters that have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    highest: u64,
    /// Bit i stands for `highest - i`.
    mask: u64,
}

impl Seen {
    /// None.
    pub const NONE: Self = Self { highest: 0, mask: 0 };

    /// The highest.
    #[must_use]
    pub const fn highest(self) -> u64 {
        self.highest
    }

    /// True when it arrived, or comes more than 63 presses late, so that nobody can say.
    #[must_use]
    pub fn has(self, counter: u64) -> bool {
        match self.highest.checked_sub(counter) {
            None => false,
            Some(behind) => bit(behind).is_none_or(|bit| self.mask & bit != 0),
        }
    }

    /// True when it comes more than 63 presses late, so that nobody can say whether it arrived.
    #[must_use]
    pub const fn is_past(self, counter: u64) -> bool {
        self.highest.saturating_sub(counter) > 63
    }

    /// With a counter that arrived.
    #[must_use]
    pub fn with(self, counter: u64) -> Self {
        match counter.checked_sub(self.highest) {
            Some(ahead) => {
                let moved = u32::try_from(ahead).ok().and_then(|ahead| self.mask.checked_shl(ahead));
                Self { highest: counter, mask: moved.unwrap_or(0) | 1 }
            }
            None => Self { mask: self.mask | bit(self.highest - counter).unwrap_or(0), ..self },
        }
    }

    /// What is kept of it. Of two copies, as after a store was put back, the one with the higher counter holds.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.highest) << 64 | u128::from(self.mask)).to_be_bytes()
    }

    /// Reads what was kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self { highest: (both >> 64) as u64, mask: both as u64 }
    }
}

fn bit(behind: u64) -> Option<u64> {
    1_u64.checked_shl(u32::try_from(behind).ok()?)
}
