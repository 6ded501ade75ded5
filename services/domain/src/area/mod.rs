//! Administrative units with the dates between which each was in force, and what became of the old ones.
//!
//! A code alone means nothing: codes were used again for other units in 2025. Every lookup therefore takes a list
//! version or a date. A reference of an older list is resolved over the reforms since. Where a unit was split, people
//! decide: they are given every candidate.

mod crosswalk;
mod error;
mod list;
mod resolve;
mod table;
mod unit;
mod validity;

pub use crosswalk::{Candidate, Crosswalk, Extent};
pub use error::{ErrorKind, FileError};
pub use list::{AreaList, UnknownArea, Version};
pub(crate) use resolve::OFFSET_HOURS;
pub use resolve::{Areas, RepeatedReform, Resolution, day_of};
pub(crate) use table::Table;
pub use unit::{AdminUnit, AdminUnitRef, InvalidAdminUnitRef, Kind, Level};
pub use validity::Validity;

/// Identifier of the code list of administrative units in a directory.
pub const CODE_LIST: &str = "VN-UNITS";

#[cfg(test)]
mod tests;
