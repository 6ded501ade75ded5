//! What submissions are checked against: the data structures, dataflows and administrative units in force.
//!
//! Made by whoever reads the tables of a release; holds them in memory and reads no file. What a file names by its
//! dataflow is found by the structure that the dataflow has in the release.

use std::{collections::BTreeMap, sync::Arc};

use nhipcau_domain::{
    area::AreaList,
    indicator::{Checker, Dataset, Selection, Structure, StructureRef, Violations, sdmx_csv, wire},
};
use nhipcau_proto::indicator::v1 as pb;

use crate::error::Error;

/// The structures and areas of a directory release. Never changed: a newer release makes a new one.
#[derive(Debug, Default)]
pub struct Registry {
    structures: BTreeMap<StructureRef, Structure>,
    dataflows: BTreeMap<StructureRef, StructureRef>,
    areas: Arc<AreaList>,
}

impl Registry {
    /// Begins with the administrative units.
    #[must_use]
    pub fn new(areas: Arc<AreaList>) -> Self {
        Self { areas, ..Self::default() }
    }

    /// Adds a structure.
    #[must_use]
    pub fn structure(mut self, structure: Structure) -> Self {
        self.structures.insert(structure.reference().clone(), structure);
        self
    }

    /// Adds a dataflow of a structure.
    #[must_use]
    pub fn dataflow(mut self, dataflow: StructureRef, structure: StructureRef) -> Self {
        self.dataflows.insert(dataflow, structure);
        self
    }

    /// A structure by its reference.
    #[must_use]
    pub fn find(&self, reference: &StructureRef) -> Option<&Structure> {
        self.structures.get(reference)
    }

    /// The administrative units.
    #[must_use]
    pub fn areas(&self) -> &Arc<AreaList> {
        &self.areas
    }

    /// The structure that an artefact of a file stands for.
    #[must_use]
    pub fn artefact(&self, artefact: &sdmx_csv::Artefact) -> Option<&Structure> {
        match artefact.kind {
            sdmx_csv::ArtefactKind::Structure => self.find(&artefact.reference),
            sdmx_csv::ArtefactKind::Dataflow => self.find(self.dataflows.get(&artefact.reference)?),
        }
    }

    /// The structure of a submission, whose dataflow, where it names one, must be of that structure.
    pub(crate) fn followed(&self, structure: &StructureRef, dataflow: Option<&StructureRef>) -> Option<&Structure> {
        let fits = dataflow.is_none_or(|dataflow| self.dataflows.get(dataflow) == Some(structure));
        self.find(structure).filter(|_| fits)
    }

    /// Checks the datasets of a submission.
    pub(crate) fn check(&self, structure: &Structure, datasets: &[pb::Dataset]) -> Result<Vec<Dataset>, Violations> {
        let mut checker = Checker::new(structure, &self.areas);
        wire::read_datasets(datasets, &mut checker);
        checker.finish()
    }

    /// Reads what a reader asks for.
    pub(crate) fn selection(&self, selection: Option<&pb::Selection>) -> Result<Selection, Error> {
        let missing = Error::Field { field: "selection", reason: nhipcau_domain::reason::FIELD_REQUIRED };
        let selection = selection.ok_or(missing)?;
        let reference = selection.structure.parse().map_err(|_| Error::UnknownStructure)?;
        let structure = self.find(&reference).ok_or(Error::UnknownStructure)?;
        Selection::new(selection, structure).map_err(Error::Selection)
    }
}
