//! Why a command about rosters did not do what was asked. Nothing that stands in a roster is repeated.

use std::path::{Path, PathBuf};

use nhipcau_domain::duty;

use crate::{
    directory::problem::Problems,
    exit::{Code, Failure},
    terminal::counted,
};

/// A command that did not do what was asked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// What was written has mistakes.
    #[error("{0}")]
    Source(Problems),
    /// A signed roster is refused.
    #[error("{path} is refused ({reason})", reason = source.reason())]
    Refused {
        /// Which.
        path: PathBuf,
        /// Why.
        source: duty::Error,
    },
}

impl Error {
    /// Refuses a file.
    pub(super) fn refused(path: &Path) -> impl FnOnce(duty::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Refused { path, source }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::Source(_) => Self::new(Code::Configuration, error),
            Error::Refused { path, source: duty::Error::Invalid(found) } => {
                let listed: String = found.listed().iter().map(|violation| format!("\n  {violation}")).collect();
                let text = format!("{} is refused: {}{listed}", path.display(), counted(found.total(), "violation"));
                Self::because(Code::Differs, text)
            }
            Error::Refused { .. } => Self::new(Code::Differs, error),
        }
    }
}
