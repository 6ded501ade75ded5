//! SDMX-CSV 2.0 in and out, on the side of whoever calls: a file becomes what `Submit` or a bulk load takes, and the
//! answers to a query become a file. Neither needs the store.

use std::io::{Read, Write};

use nhipcau_domain::indicator::{
    Structure, Violations,
    sdmx_csv::{self, Artefact, ArtefactKind, ExportError, Exporter, ImportError, Limits},
};
use nhipcau_proto::indicator::v1 as pb;
use prost::Message;

use crate::{content, registry::Registry};

/// A file that may be submitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// What it follows; without datasets.
    pub submission: pb::Submission,
    /// Its datasets as serialized Chunks, in order.
    pub chunks: Vec<Vec<u8>>,
    /// Observations that it names.
    pub observation_count: u64,
}

impl Import {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ImportError`] with every violation.
    pub fn read(input: impl Read, registry: &Registry, limits: Limits) -> Result<Self, ImportError> {
        let lookup = |artefact: &Artefact| registry.artefact(artefact);
        let import = sdmx_csv::import(input, lookup, registry.areas(), limits)?;
        let submission = pb::Submission {
            structure: import.structure.to_string(),
            dataflow: import.dataflow.map_or_else(String::new, |dataflow| dataflow.to_string()),
            ..pb::Submission::default()
        };
        let chunks = content::pieces(&import.datasets).iter().map(Message::encode_to_vec).collect();
        Ok(Self { submission, chunks, observation_count: content::count(&import.datasets) })
    }

    /// The whole as one submission, when it is small enough for `Submit`; else it is for a bulk load.
    #[must_use]
    pub fn whole(&self) -> Option<pb::Submission> {
        let [chunk] = self.chunks.as_slice() else { return None };
        let datasets = pb::Chunk::decode(chunk.as_slice()).ok()?.datasets;
        Some(pb::Submission { datasets, ..self.submission.clone() })
    }
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The output failed.
    #[error(transparent)]
    Output(#[from] ExportError),
    /// An answer does not fit the structure, or holds the same observation of two providers.
    #[error("the observations do not fit the structure")]
    Invalid(#[from] Violations),
}

/// Writes the answers to a query as one file. A file is of one provider, as it does not say whose figures they are.
pub struct Export<'s, W: Write> {
    exporter: Exporter<'s, W>,
    structure: &'s Structure,
    registry: &'s Registry,
}

impl<'s, W: Write> Export<'s, W> {
    /// Begins a file with its header.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub fn new(output: W, structure: &'s Structure, registry: &'s Registry) -> Result<Self, Error> {
        let artefact = Artefact { kind: ArtefactKind::Structure, reference: structure.reference().clone() };
        Ok(Self { exporter: Exporter::new(output, structure, &artefact)?, structure, registry })
    }

    /// Writes a page of an answer.
    ///
    /// # Errors
    /// [`Error`]; what was written is then not a complete file.
    pub fn page(&mut self, series: Vec<pb::SeriesObservations>) -> Result<(), Error> {
        if series.is_empty() {
            return Ok(());
        }
        let blocks = series.into_iter().filter_map(|series| series.block).collect();
        let dataset = pb::Dataset { action: pb::Action::Replace.into(), observations: Vec::new(), blocks };
        for dataset in self.registry.check(self.structure, &[dataset])? {
            self.exporter.dataset(&dataset)?;
        }
        Ok(())
    }

    /// Ends the file and gives the output back.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub fn finish(self) -> Result<W, Error> {
        Ok(self.exporter.finish()?)
    }
}
