//! The key files of an access point: one key a file, one line of text that says what it is.
//!
//! `KIND ID HEX`: kind and format version, the key's id, 32 bytes in hexadecimal. The kind keeps a file from being
//! used for something else; the form is trivial to read for any other program, the verifier included. Files are never
//! overwritten and not read when others than their owner may read them.
//!
//! ```text
//! keys/signing.key   nhipcau-signing/1 ID HEX   Ed25519 seed
//! keys/id.key        nhipcau-id/1 ID HEX        HMAC key of message ids; never replaced
//! keys/sealing/*.key nhipcau-sealing/1 ID HEX   X25519 private keys, of the present and of past epochs
//! keys/start         two numbers                the last start, and how often its store had been opened then
//! keys/rotation.lock                            held while an epoch is made or destroyed
//! keys/sealing.doomed names                     private halves that are about to be destroyed
//! kek/*.key          nhipcau-kek/1 ID HEX       key-encryption keys; the last by name is used for new cases
//! keys/alarm/PARTY/*.key nhipcau-alarm/1 ID HEX alarm keys of a party; the last by name is used for new devices
//! keys/pseudonym/PARTY/*.key nhipcau-pseudonym/1 ID HEX find earlier contacts; the last two count
//! ```

mod rotation;
mod start;
#[cfg(test)]
mod tests;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nhipcau_domain::{
    alarm::AlarmKey,
    id::{KeyId, PartyId},
    pseudonym::PseudonymKey,
};
use nhipcau_messaging::{
    Entropy,
    crypto::{KeyError, rest::RestKey, seal, sign::SigningKey},
    keys::{KeyEncryptionKey, KeyRing, SealingSecret},
};
pub use rotation::{AHEAD, EPOCH, Epoch, KEPT, Occasion, Rotated, RotationError, rotate};
pub use start::{Start, StartError, next_start, was_started};
use zeroize::Zeroizing;

use crate::private_file;

const SIGNING: &str = "nhipcau-signing/1";
const SEALING: &str = "nhipcau-sealing/1";
const ID: &str = "nhipcau-id/1";
const KEK: &str = "nhipcau-kek/1";
const ALARM: &str = "nhipcau-alarm/1";
const PSEUDONYM: &str = "nhipcau-pseudonym/1";

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written, or others may read it.
    #[error("the key file {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: private_file::Error,
    },
    /// A file does not hold the key that its place says.
    #[error("the key file {path} is not one line of the form {kind} ID HEX")]
    Form {
        /// Which.
        path: PathBuf,
        /// The kind that was expected.
        kind: &'static str,
    },
    /// A directory cannot be listed.
    #[error("the directory {path} cannot be listed")]
    List {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A directory holds no key.
    #[error("the directory {0} holds no key")]
    None(PathBuf),
    /// New case keys are wrapped by it.
    #[error("{0} is the newest key-encryption key, which is used")]
    Newest(KeyId),
    /// The bytes are not a key.
    #[error("a key file holds bytes that are not a key")]
    Key(#[from] KeyError),
}

/// Reads every key of an access point.
///
/// # Errors
/// [`Error`] at the first file that cannot be used.
pub fn load(keys: &Path, kek: &Path) -> Result<KeyRing, Error> {
    let signing = signing(keys)?;
    let (_, id_key) = read(&keys.join("id.key"), ID)?;
    let sealing = sealing(keys)?;
    Ok(KeyRing { signing, sealing, id_key: *id_key, kek: key_encryption_keys(kek)? })
}

/// Reads the private halves of the sealing epochs.
///
/// # Errors
/// [`Error`] at the first file that cannot be used.
pub fn sealing(keys: &Path) -> Result<Vec<SealingSecret>, Error> {
    let secret = |path: &PathBuf| read(path, SEALING).map(|(id, private)| SealingSecret { id, private: *private });
    listed(&keys.join("sealing"))?.iter().map(secret).collect()
}

/// Reads the key-encryption keys, for whoever only opens what lies at rest.
///
/// # Errors
/// [`Error`] at the first file that cannot be used.
pub fn key_encryption_keys(kek: &Path) -> Result<Vec<KeyEncryptionKey>, Error> {
    let key = |path: &PathBuf| {
        let (id, key) = read(path, KEK)?;
        Ok(KeyEncryptionKey { id: id.as_str().to_owned(), key: RestKey::new(*key) })
    };
    listed(kek)?.iter().map(key).collect()
}

/// Reads the signing key of an access point, for whoever signs beside the writer.
///
/// # Errors
/// [`Error`] when it cannot be used.
pub fn signing(keys: &Path) -> Result<SigningKey, Error> {
    let (id, seed) = read(&keys.join("signing.key"), SIGNING)?;
    Ok(SigningKey::from_seed(id, &seed)?)
}

/// The public halves of new keys, for the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Public {
    /// The signing key.
    pub signing: [u8; 32],
    /// The sealing key.
    pub sealing: [u8; 32],
}

/// Makes the keys of a new access point: signing key, first sealing epoch, id key and first key-encryption key.
///
/// # Errors
/// [`Error`], also when any of them exists.
pub fn generate(
    keys: &Path,
    kek: &Path,
    [signing, sealing, month]: [&KeyId; 3],
    entropy: &mut dyn Entropy,
) -> Result<Public, Error> {
    let directory = |path: &Path| {
        private_file::create_directory(path).map_err(|source| Error::File { path: path.to_owned(), source })
    };
    directory(&keys.join("sealing"))?;
    directory(kek)?;
    let seed = create(&keys.join("signing.key"), SIGNING, signing, entropy)?;
    create(&keys.join("id.key"), ID, signing, entropy)?;
    add_key_encryption_key(kek, month, entropy)?;
    Ok(Public {
        signing: SigningKey::from_seed(signing.clone(), &seed)?.public(),
        sealing: add_sealing_key(keys, sealing, entropy)?,
    })
}

/// Makes the key of another sealing epoch and gives its public half.
///
/// # Errors
/// [`Error`], also when a key of this id exists.
pub fn add_sealing_key(keys: &Path, id: &KeyId, entropy: &mut dyn Entropy) -> Result<[u8; 32], Error> {
    let private = create(&keys.join("sealing").join(format!("{id}.key")), SEALING, id, entropy)?;
    Ok(seal::public_key(&private)?)
}

/// Makes another key-encryption key; with an id such as `2026-12` it sorts behind the earlier ones and is used from
/// the next start on.
///
/// # Errors
/// [`Error`], also when a key of this id exists.
pub fn add_key_encryption_key(kek: &Path, id: &KeyId, entropy: &mut dyn Entropy) -> Result<(), Error> {
    create(&kek.join(format!("{id}.key")), KEK, id, entropy).map(|_| ())
}

/// Destroys a key-encryption key under which nothing lies any more.
///
/// # Errors
/// [`Error::Newest`] for the one that is used; [`Error::File`] when there is none of this name.
pub fn retire_key_encryption_key(kek: &Path, id: &KeyId) -> Result<(), Error> {
    let path = kek.join(format!("{id}.key"));
    if listed(kek)?.last() == Some(&path) {
        return Err(Error::Newest(id.clone()));
    }
    private_file::destroy(&path).map_err(|source| Error::File { path, source })
}

/// Reads the alarm keys of a party in the order of their names; none where none was made.
///
/// # Errors
/// [`Error`] at the first file that cannot be used.
pub fn alarm_keys(keys: &Path, party: &PartyId) -> Result<Vec<(KeyId, AlarmKey)>, Error> {
    let paths = of_party(&keys.join("alarm").join(party.as_str()))?;
    paths.iter().map(|path| read(path, ALARM).map(|(id, key)| (id, AlarmKey::new(*key)))).collect()
}

/// Reads the keys by which a party finds earlier contacts, in the order of their names, the last two; none where none
/// was made.
///
/// # Errors
/// [`Error`] at the first file that cannot be used.
pub fn pseudonym_keys(keys: &Path, party: &PartyId) -> Result<Vec<PseudonymKey>, Error> {
    let paths = of_party(&keys.join("pseudonym").join(party.as_str()))?;
    let last = paths.iter().skip(paths.len().saturating_sub(2));
    last.map(|path| read(path, PSEUDONYM).map(|(_, key)| PseudonymKey::new(*key))).collect()
}

/// The key files of a party; none where none was made.
fn of_party(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    match listed(directory) {
        Err(Error::None(_)) => Ok(Vec::new()),
        Err(Error::List { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        found => found,
    }
}

/// Makes an alarm key of a party; with an id such as `a-2026-12-01` it sorts behind the earlier ones and is used for
/// new devices. Those before it are kept as long as a device has one.
///
/// # Errors
/// [`Error`], also when a key of this id exists.
pub fn add_alarm_key(keys: &Path, party: &PartyId, id: &KeyId, entropy: &mut dyn Entropy) -> Result<(), Error> {
    add(&keys.join("alarm").join(party.as_str()), ALARM, id, entropy)
}

/// Makes a key by which a party finds earlier contacts; with an id such as `p-2026-12-01` it sorts behind the earlier
/// ones. From then on contacts are recorded by it, and the one before it still finds.
///
/// # Errors
/// [`Error`], also when a key of this id exists.
pub fn add_pseudonym_key(keys: &Path, party: &PartyId, id: &KeyId, entropy: &mut dyn Entropy) -> Result<(), Error> {
    add(&keys.join("pseudonym").join(party.as_str()), PSEUDONYM, id, entropy)
}

fn add(directory: &Path, kind: &str, id: &KeyId, entropy: &mut dyn Entropy) -> Result<(), Error> {
    let made = private_file::create_directory(directory);
    made.map_err(|source| Error::File { path: directory.to_owned(), source })?;
    create(&directory.join(format!("{id}.key")), kind, id, entropy).map(|_| ())
}

fn create(path: &Path, kind: &str, id: &KeyId, entropy: &mut dyn Entropy) -> Result<Zeroizing<[u8; 32]>, Error> {
    let mut bytes = Zeroizing::new([0; 32]);
    entropy.fill(bytes.as_mut_slice());
    let digits = Zeroizing::new(hex::encode(bytes.as_slice()));
    let line = Zeroizing::new(format!("{kind} {id} {}\n", digits.as_str()));
    private_file::create(path, line.as_bytes()).map_err(|source| Error::File { path: path.to_owned(), source })?;
    Ok(bytes)
}

fn read(path: &Path, kind: &'static str) -> Result<(KeyId, Zeroizing<[u8; 32]>), Error> {
    let file = private_file::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    parse(&file, kind).ok_or_else(|| Error::Form { path: path.to_owned(), kind })
}

fn parse(file: &[u8], kind: &str) -> Option<(KeyId, Zeroizing<[u8; 32]>)> {
    let line = std::str::from_utf8(file).ok()?.strip_suffix('\n')?;
    let mut words = line.split(' ');
    let (found, id, digits, None) = (words.next()?, words.next()?, words.next()?, words.next()) else { return None };
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, bytes.as_mut_slice()).ok()?;
    (found == kind).then_some((id.parse().ok()?, bytes))
}

/// The `.key` files of a directory by name; at least one.
fn listed(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let list = || -> io::Result<Vec<PathBuf>> { fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect() };
    let mut paths = list().map_err(|source| Error::List { path: directory.to_owned(), source })?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "key"));
    paths.sort();
    if paths.is_empty() { Err(Error::None(directory.to_owned())) } else { Ok(paths) }
}
