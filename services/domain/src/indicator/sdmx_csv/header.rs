//! The first row: which column holds what.

use std::sync::Arc;

use super::{ACTION, STRUCTURE, STRUCTURE_ID};
use crate::{
    indicator::{Checker, Place, Structure, StructureRef},
    reason,
};

/// What a row says its figures follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    /// Structure or dataflow.
    pub kind: ArtefactKind,
    /// Its name.
    pub reference: StructureRef,
}

/// The kinds of artefact that a file may name. Provision agreements are refused: who provides is known from the
/// caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArtefactKind {
    /// `datastructure`.
    Structure,
    /// `dataflow`.
    Dataflow,
}

impl ArtefactKind {
    /// The word in the STRUCTURE column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Structure => "datastructure",
            Self::Dataflow => "dataflow",
        }
    }
}

impl Artefact {
    pub(super) fn parse(kind: &str, reference: &str) -> Option<Self> {
        let kind = [ArtefactKind::Structure, ArtefactKind::Dataflow].into_iter().find(|k| k.as_str() == kind)?;
        Some(Self { kind, reference: reference.parse().ok()? })
    }
}

/// The columns of a file that follows one structure.
#[derive(Debug)]
pub(super) struct Columns {
    /// Per dimension of the structure its column.
    pub(super) dimensions: Vec<Option<usize>>,
    pub(super) period: Option<usize>,
    pub(super) value: Option<usize>,
    /// Column and id of each attribute that the file has.
    pub(super) attributes: Vec<(usize, Arc<str>)>,
}

/// Whether the file begins as SDMX-CSV 2.0 must: STRUCTURE, STRUCTURE_ID, ACTION.
pub(super) fn is_sdmx(header: &csv::StringRecord) -> bool {
    header.iter().take(3).eq([STRUCTURE, STRUCTURE_ID, ACTION])
}

impl Columns {
    /// Finds every component's column. Reports columns that the structure does not have or that stand twice.
    pub(super) fn find(header: &csv::StringRecord, checker: &mut Checker<'_>) -> Self {
        let structure = checker.structure();
        let mut columns = Self {
            dimensions: vec![None; structure.dimensions().len()],
            period: None,
            value: None,
            attributes: Vec::new(),
        };
        for (index, id) in header.iter().enumerate().skip(3) {
            let dimension = structure.dimensions().iter().position(|dimension| *dimension.id == *id);
            let twice = if let Some(slot) = dimension.and_then(|at| columns.dimensions.get_mut(at)) {
                slot.replace(index).is_some()
            } else if id == Structure::TIME_PERIOD {
                columns.period.replace(index).is_some()
            } else if id == Structure::OBS_VALUE {
                columns.value.replace(index).is_some()
            } else if let Some(attribute) = structure.attribute(id) {
                let twice = columns.attributes.iter().any(|(_, other)| *other == attribute.id);
                columns.attributes.push((index, Arc::clone(&attribute.id)));
                twice
            } else {
                // The header is the caller's text: named by its position, not repeated.
                let column: Arc<str> = format!("column {}", index + 1).into();
                checker.violation(reason::COMPONENT_UNKNOWN, Place::Line(1), Some(&column));
                false
            };
            if twice {
                checker.violation(reason::COMPONENT_REPEATED, Place::Line(1), Some(&id.into()));
            }
        }
        columns
    }
}
