//! Statistics in the SDMX model: what an observation is, when a submission is well-formed against its structure, and
//! what a sequence of submissions makes of each value.
//!
//! Values and attribute texts are kept exactly as they came. Checking is all or nothing and reports every violation
//! with its place. Storing, publishing and deciding who may submit are not done here.

mod check;
mod codelist;
mod dataset;
mod decimal;
mod key;
mod known;
mod period;
mod published;
mod revision;
pub mod sdmx_csv;
mod selection;
mod structure;
mod structure_file;
mod violation;
pub mod wire;

pub use check::{Checker, MAX_TEXT, Raw};
pub use codelist::{Code, CodeList, CodeLists};
pub use dataset::{Action, Attributes, Dataset, Deletion, Observation, Parts};
pub use decimal::{Decimal, InvalidDecimal, Value};
pub use key::{InvalidKeyPattern, Key, KeyPattern};
pub use period::{Granularity, InvalidPeriod, Period, PeriodRange};
pub use published::{Content, InvalidPublished, Published, SubmissionName};
pub use revision::{History, OutOfOrder, Revision, Stamp, State};
pub use selection::{InvalidSelection, Selection};
pub use structure::{Attribute, Dimension, InvalidStructureRef, Structure, StructureRef};
pub use violation::{MAX_LISTED, Place, Violation, Violations};

#[cfg(test)]
mod tests;
