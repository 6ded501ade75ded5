//! A cursor: a place in a list of whatever is listed newest first.

use uuid::Uuid;

/// After this entry. What is held here on both sides is two entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// When it began here, microseconds since 1970.
    pub(crate) time: i64,
    pub(crate) uid: Uuid,
    /// Which side holds it, as the contract numbers them; 0 where there are none.
    pub(crate) side: i32,
}

/// What was found, each with its cursor.
pub(crate) type Found<L> = Vec<(Cursor, L)>;

impl Cursor {
    /// Before the newest.
    pub(crate) const START: Self = Self { time: i64::MAX, uid: Uuid::max(), side: i32::MAX };
}
