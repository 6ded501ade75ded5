//! The directory: who takes part, under which keys, and who may send what to whom.
//!
//! A [`Release`] exists only for bytes that two of three offline signers of the [`TrustedRoot`] have signed and
//! whose every reference resolves; it never changes. Versions only rise. What no agreement allows is denied. Leaves
//! out how releases travel and where they are kept. What a party signs alone between releases, bulletins and
//! revocations, stands over a release and is carried over to the next.

mod attachment;
pub mod authoring;
mod bulletin;
mod code_list;
mod data_structure;
mod error;
mod freshness;
mod hours;
mod index;
mod key;
mod notices;
mod participant;
pub(crate) mod read;
mod release;
mod retention;
mod revocation;
mod root;
mod succession;
mod time_limit;
mod type_string;
mod verify;
mod violation;

#[cfg(test)]
mod tests;

pub use bulletin::{Bulletin, LONGEST_EPOCH, MAX_BULLETIN_BYTES, SEALING_KEYS};
pub use code_list::MAX_FILE_BYTES;
pub use error::Error;
pub use freshness::{EXPIRY_WARNING, Freshness};
pub use hours::Hours;
pub use key::{AccessPoint, Key, Sealing, SealingKey, Signing, SigningKey};
pub use notices::{Heard, MAX_NOTICES_BYTES};
pub use participant::{AreaRef, Party, Unit};
pub use read::{Names, Validity};
pub use release::Release;
pub use revocation::{Revocation, RevocationSigner};
pub(crate) use root::is_signature;
pub use root::{Fingerprint, InvalidFingerprint, Signer, SignerRole, TrustedRoot};
pub use succession::{Heir, Succession};
pub(crate) use type_string::ROSTER;
pub use verify::MAX_RELEASE_BYTES;
pub use violation::{LISTED_VIOLATIONS, Problem, Violation, Violations};
