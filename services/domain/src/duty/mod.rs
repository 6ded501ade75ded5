//! Who at a unit is told now: rosters that the access point of the unit signs, and the order in which people are told.
//!
//! A [`Roster`] exists only for what holds together; everything that is wrong with one is said at once.
//! [`next`](next()) names whom to tell, or why there is nobody to tell: nobody is told twice, and no roster is guessed.
//! Leaves out how people are told, how long is waited for them, and where rosters are kept.

mod error;
mod next;
mod read;
mod roster;
mod sign;

#[cfg(test)]
pub(crate) mod tests;

pub use error::Error;
pub use next::{Next, Nobody, Unusable, next, next_start};
pub use read::{LONGEST_AHEAD, MAX_ROSTER_BYTES, PEOPLE, Reader, SHIFTS, review};
pub use roster::{Gap, Person, Roster, Shift};
pub use sign::signed;
