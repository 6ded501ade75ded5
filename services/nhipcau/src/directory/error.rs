//! Why a command about the directory did not do what was asked, each with what to do about it.

use std::path::PathBuf;

use nhipcau_domain::directory as rules;
use nhipcau_runtime::directory as kept;

use super::{files, key_file, problem::Problems};
use crate::{
    exit::{Code, Failure},
    terminal::counted,
};

/// A command that did not do what was asked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] files::Error),
    /// A key file cannot be used.
    #[error(transparent)]
    Key(#[from] key_file::Error),
    /// Not TOML, or not of the form that the file has.
    #[error("{path} is not of the expected form")]
    Toml {
        /// Which.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// What was made cannot be written as text.
    #[error("it cannot be written as text")]
    Text(#[source] Box<toml::ser::Error>),
    /// A signer's id or key has not the form of one.
    #[error("a signer's key_id must be 1 to 32 of a-z, 0-9 and '-', and its public_key 64 hexadecimal digits")]
    SignerForm,
    /// Not a root.
    #[error(
        "a root needs two signers of the role party and one of the programme office, with distinct ids, holders and keys"
    )]
    Root(#[source] rules::Error),
    /// The source has mistakes.
    #[error("{0}")]
    Source(Problems),
    /// A release, revocation or table is refused.
    #[error("{path} is refused ({reason})", reason = source.reason())]
    Refused {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rules::Error,
    },
    /// The release has structures of statistics where no access point reads them.
    #[error(
        "{0} has data structures inside, which access points would not read: put each into a table beside the release"
    )]
    InlineStructures(PathBuf),
    /// A directory is refused, or its disk fails.
    #[error("the directory cannot be used")]
    Directory(#[source] kept::Error),
    /// The key is none of the root's.
    #[error("the key {0} is none of the signers of the release's root, nor of the root before it")]
    NotASigner(String),
    /// A table that the release vouches for is not beside it.
    #[error(
        "{path} is missing or not the table that the release vouches for; bring the attachments/ that came with it"
    )]
    Table {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is a file already.
    #[error("{0} exists with other content and is never overwritten; choose another name")]
    Exists(PathBuf),
    /// An identifier or time of the command line has not its form.
    #[error("{0}")]
    Argument(String),
}

impl Error {
    /// Refuses a file.
    pub(crate) fn refused(path: impl Into<PathBuf>) -> impl FnOnce(rules::Error) -> Self {
        let path = path.into();
        move |source| Self::Refused { path, source }
    }

    fn code(&self) -> Code {
        match self {
            Self::Argument(_) => Code::Usage,
            // Of the disk, not of what lies there.
            Self::Directory(kept::Error::Read { .. } | kept::Error::Write { .. }) => Code::Failed,
            Self::Refused { .. } | Self::InlineStructures(_) | Self::Directory(_) | Self::Table { .. } => Code::Differs,
            Self::Key(_) | Self::Toml { .. } | Self::SignerForm | Self::Root(_) | Self::Source(_) => {
                Code::Configuration
            }
            Self::File(_) | Self::Text(_) | Self::NotASigner(_) | Self::Exists(_) => Code::Failed,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = error.code();
        // All violations of a refused release, not the first alone.
        if let Error::Refused { path, source: rules::Error::Invalid(found) } = &error {
            let listed: String = found.listed().iter().map(|violation| format!("\n  {violation}")).collect();
            let text = format!("{} is refused: {}{listed}", path.display(), counted(found.total(), "violation"));
            return Self::because(code, text);
        }
        Self::new(code, error)
    }
}
