//! The offline keys: of signers of releases, and of parties that can only revoke. One key a file, one line that says
//! what it is, as the key files of an access point; never overwritten, not read when others may read them.

use std::path::{Path, PathBuf};

use aws_lc_rs::signature::Ed25519KeyPair;
use nhipcau_domain::{
    directory::{Signer, SignerRole, authoring},
    id::KeyId,
};
use nhipcau_messaging::Entropy;
use nhipcau_runtime::private_file;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::files;

/// What a key file is for; the word it begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Signs releases.
    Signer,
    /// Signs revocations of its party and nothing else.
    Recovery,
    /// An access point's own signing key, which can revoke as well.
    AccessPoint,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Signer => "nhipcau-signer/1",
            Self::Recovery => "nhipcau-recovery/1",
            Self::AccessPoint => "nhipcau-signing/1",
        }
    }
}

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It cannot be read or written, or others may read it.
    #[error("the key file {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: private_file::Error,
    },
    /// It holds something else.
    #[error("the key file {path} is not one line of the form {kind} ID HEX")]
    Form {
        /// Which.
        path: PathBuf,
        /// The word that was expected.
        kind: &'static str,
    },
}

/// A key with its id.
pub(crate) struct OfflineKey {
    /// Id of the key.
    pub(crate) id: KeyId,
    /// The pair.
    pub(crate) pair: Ed25519KeyPair,
}

impl OfflineKey {
    /// Makes a key and writes it to `directory/ID.key`.
    pub(crate) fn generate(
        directory: &Path,
        kind: Kind,
        id: &KeyId,
        entropy: &mut dyn Entropy,
    ) -> Result<(Self, PathBuf), Error> {
        let path = directory.join(format!("{id}.key"));
        let failed = |source| Error::File { path: path.clone(), source };
        private_file::create_directory(directory).map_err(failed)?;
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(seed.as_mut_slice());
        let pair = pair(&seed).ok_or(Error::Form { path: path.clone(), kind: kind.word() })?;
        let digits = Zeroizing::new(hex::encode(seed.as_slice()));
        let line = Zeroizing::new(format!("{} {id} {}\n", kind.word(), digits.as_str()));
        private_file::create(&path, line.as_bytes()).map_err(failed)?;
        Ok((Self { id: id.clone(), pair }, path))
    }

    /// Reads a key of this kind.
    pub(crate) fn read(path: &Path, kind: Kind) -> Result<Self, Error> {
        let bytes = private_file::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        parse(&bytes, kind).ok_or_else(|| Error::Form { path: path.to_owned(), kind: kind.word() })
    }

    /// The public half.
    pub(crate) fn public(&self) -> [u8; 32] {
        authoring::public_key(&self.pair)
    }
}

fn parse(bytes: &[u8], kind: Kind) -> Option<OfflineKey> {
    let line = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let mut words = line.split(' ');
    let (found, id, digits, None) = (words.next()?, words.next()?, words.next()?, words.next()) else { return None };
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, seed.as_mut_slice()).ok()?;
    (found == kind.word()).then_some(OfflineKey { id: id.parse().ok()?, pair: pair(&seed)? })
}

fn pair(seed: &[u8; 32]) -> Option<Ed25519KeyPair> {
    Ed25519KeyPair::from_seed_unchecked(seed).ok()
}

/// What a signer hands to whoever draws up the root: everything but the private half.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublicSigner {
    /// Id of the key.
    pub(crate) key_id: String,
    /// Organisation that keeps it.
    pub(crate) holder: String,
    /// `party` or `programme-office`.
    pub(crate) role: Role,
    /// 64 hexadecimal digits.
    pub(crate) public_key: String,
}

/// Role of a signer, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// One of the two parties that agreed on the programme.
    Party,
    /// The programme office.
    ProgrammeOffice,
}

impl PublicSigner {
    /// The public half of a key.
    pub(crate) fn of(key: &OfflineKey, holder: &str, role: Role) -> Self {
        let (key_id, public_key) = (key.id.to_string(), hex::encode(key.public()));
        Self { key_id, holder: holder.to_owned(), role, public_key }
    }

    /// The signer, if its id and key have the right form.
    pub(crate) fn signer(&self) -> Option<Signer> {
        let role = match self.role {
            Role::Party => SignerRole::Party,
            Role::ProgrammeOffice => SignerRole::ProgrammeOffice,
        };
        let public = hex::decode(&self.public_key).ok()?.try_into().ok()?;
        Some(Signer { id: self.key_id.parse().ok()?, holder: self.holder.as_str().into(), role, public })
    }

    /// Reads `ID.signer`.
    pub(crate) fn read(path: &Path) -> Result<Self, super::Error> {
        let text = files::read_text(path)?;
        toml::from_str(&text).map_err(|source| super::Error::Toml { path: path.to_owned(), source: Box::new(source) })
    }
}
