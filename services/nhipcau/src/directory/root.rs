//! The root as a file that people read: the three signers whose keys a release must be signed with, two of them.
//!
//! The first root is not signed by anything before it. It counts by its fingerprint, which every operator compares by
//! telephone or on paper, and by the release that carries it and that its own signers sign.

use std::path::Path;

use nhipcau_domain::directory::TrustedRoot;
use serde::{Deserialize, Serialize};

use super::{Error, files, key_file::PublicSigner};

/// The content of `root.toml`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RootFile {
    programme: String,
    version: u64,
    #[serde(rename = "signer")]
    signers: Vec<PublicSigner>,
}

impl RootFile {
    /// A root of these signers.
    pub(crate) fn new(programme: &str, version: u64, signers: Vec<PublicSigner>) -> Self {
        Self { programme: programme.to_owned(), version, signers }
    }

    /// The root, if it is one: two parties and the programme office, with distinct ids, holders and keys.
    pub(crate) fn trusted(&self) -> Result<TrustedRoot, Error> {
        let signers: Option<Vec<_>> = self.signers.iter().map(PublicSigner::signer).collect();
        let signers = signers.ok_or(Error::SignerForm)?;
        TrustedRoot::new(&self.programme, self.version, &signers).map_err(Error::Root)
    }

    /// The text of the file.
    pub(crate) fn text(&self) -> Result<String, Error> {
        let root = self.trusted()?;
        let body = toml::to_string(self).map_err(|source| Error::Text(Box::new(source)))?;
        Ok(format!("# Fingerprint, to be compared out of band: {}\n{body}", root.fingerprint()))
    }

    /// Reads `root.toml`.
    pub(crate) fn read(path: &Path) -> Result<TrustedRoot, Error> {
        let text = files::read_text(path)?;
        let file: Self =
            toml::from_str(&text).map_err(|source| Error::Toml { path: path.to_owned(), source: Box::new(source) })?;
        file.trusted()
    }
}
