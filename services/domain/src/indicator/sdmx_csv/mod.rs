//! SDMX-CSV 2.0, both ways: a file of observations in, the same observations out.
//!
//! One file is one submission, all or nothing, its rows applied in the order in which they stand; a change of action
//! begins a new dataset (field guide, "Further details for data actions"). Narrower than the standard where a guess
//! would be needed: comma and UTF-8 only, ACTION required, one structure per file, no labels, no multi-valued
//! components, no columns that the structure does not have, Information and Append refused.

mod header;
mod reader;
mod writer;

pub use header::{Artefact, ArtefactKind};
pub use reader::{Import, ImportError, Limits, import};
pub use writer::{ExportError, Exporter};

pub(super) const STRUCTURE: &str = "STRUCTURE";
pub(super) const STRUCTURE_ID: &str = "STRUCTURE_ID";
pub(super) const ACTION: &str = "ACTION";
/// What marks a value or attribute as present in a deletion, where its text does not matter.
pub(super) const PRESENT: &str = "-";
