//! Positions in sum: how many, and a digest over what stands there.

use crate::{
    pae::{self, Digest},
    store::positions::Position,
};

/// Rows hashed at a time.
const BLOCK: usize = 1024;
const ROW_BYTES: usize = 8 + 16 + 32;

/// The sum of positions that come in ascending order.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum {
    pub(super) count: u64,
    pub(super) unreceipted: u64,
    value: Digest,
    rows: Vec<u8>,
}

impl Sum {
    pub(super) fn add(&mut self, position: &Position) {
        self.count += 1;
        self.unreceipted += u64::from(position.unreceipted);
        self.rows.extend_from_slice(&position.sequence.to_le_bytes());
        self.rows.extend_from_slice(&position.id.0);
        self.rows.extend_from_slice(&position.digest);
        if self.rows.len() >= BLOCK * ROW_BYTES {
            self.close();
        }
    }

    /// The digest of all that was added.
    pub(super) fn digest(mut self) -> Digest {
        self.close();
        self.value
    }

    fn close(&mut self) {
        if !self.rows.is_empty() {
            self.value = pae::digest_of(&[pae::POSITIONS, &self.value, &self.rows]);
            self.rows.clear();
        }
    }
}
