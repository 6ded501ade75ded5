//! The trusted root: the three offline signers, two of whom make a release. The first one is compared out of band
//! by its fingerprint; every later one is vouched for by the one before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use nhipcau_proto::directory::v1 as pb;

use super::error::Error;
use super::read;
use super::type_string;
use super::violation::{Problem, Violations};
use crate::id::KeyId;
use crate::pae::{pae, sha256};

/// Distinct signers that every root asks for.
const THRESHOLD: usize = 2;

/// Role of a signer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignerRole {
    /// One of the two parties that agreed on the programme.
    Party,
    /// The programme office.
    ProgrammeOffice,
}

/// One offline signer, without the private half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// Key id.
    pub id: KeyId,
    /// Organisation that keeps the key.
    pub holder: Box<str>,
    /// In which role.
    pub role: SignerRole,
    /// Ed25519 public key.
    pub public: [u8; 32],
}

/// Who may sign the next release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedRoot {
    programme: Box<str>,
    version: u64,
    signers: BTreeMap<KeyId, Signer>,
}

impl TrustedRoot {
    /// A root of three signers.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless there are two parties and the programme office, with distinct ids, holders and keys.
    pub fn new(programme: &str, version: u64, signers: &[Signer]) -> Result<Self, Error> {
        let wire =
            pb::Root { version, threshold: THRESHOLD as u32, signers: signers.iter().map(Signer::to_wire).collect() };
        let mut found = Violations::default();
        match Self::read(programme, Some(&wire), &mut found) {
            Some(root) if found.total() == 0 => Ok(root),
            _ => Err(Error::Invalid(found)),
        }
    }

    /// The root of a release file whose fingerprint was compared out of band.
    ///
    /// # Errors
    /// [`Error::FingerprintMismatch`] when it is another root; [`Error::UnderSigned`] when the file is not signed
    /// under it.
    pub fn pin(signed_bytes: &[u8], expected: &Fingerprint) -> Result<Self, Error> {
        let (root, signed) = Self::read_claimed(signed_bytes)?;
        if root.fingerprint() != *expected {
            return Err(Error::FingerprintMismatch);
        }
        let valid = root.count_signers(&signed);
        if valid < THRESHOLD {
            return Err(Error::UnderSigned { valid, needed: THRESHOLD });
        }
        Ok(root)
    }

    /// The root that a release file claims to have: for showing its fingerprint to a person who compares it, and
    /// for nothing else.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::Invalid`] when the file holds no root.
    pub fn claimed(signed_bytes: &[u8]) -> Result<Self, Error> {
        Self::read_claimed(signed_bytes).map(|(root, _)| root)
    }

    fn read_claimed(signed_bytes: &[u8]) -> Result<(Self, pb::SignedRelease), Error> {
        let signed = super::verify::decode_signed(signed_bytes)?;
        let wire = super::verify::decode_release(&signed.release)?;
        let mut found = Violations::default();
        match Self::read(&wire.programme, wire.root.as_ref(), &mut found) {
            Some(root) if found.total() == 0 => Ok((root, signed)),
            _ => Err(Error::Invalid(found)),
        }
    }

    /// Programme of the root.
    #[must_use]
    pub fn programme(&self) -> &str {
        &self.programme
    }

    /// Number of the root.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The signers in ascending order of key id.
    pub fn signers(&self) -> impl Iterator<Item = &Signer> {
        self.signers.values()
    }

    /// What people compare.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let version = self.version.to_string();
        let threshold = THRESHOLD.to_string();
        let mut pieces: Vec<&[u8]> =
            vec![type_string::ROOT, self.programme.as_bytes(), version.as_bytes(), threshold.as_bytes()];
        for signer in self.signers.values() {
            pieces.extend([
                signer.id.as_str().as_bytes(),
                signer.holder.as_bytes(),
                signer.role.decimal(),
                signer.public.as_slice(),
            ]);
        }
        Fingerprint(sha256(&pae(&pieces)))
    }

    pub(super) fn threshold(&self) -> usize {
        THRESHOLD
    }

    /// How many distinct signers of this root have signed. Whoever signs twice counts once, a stranger not at all.
    pub(super) fn count_signers(&self, signed: &pb::SignedRelease) -> usize {
        let message = pae(&[type_string::RELEASE, &signed.release]);
        let valid: BTreeSet<&KeyId> = signed
            .signatures
            .iter()
            .filter_map(|signature| {
                let signer = self.signers.get(&KeyId::new(&signature.signer).ok()?)?;
                is_signature(&signer.public, &message, &signature.signature).then_some(&signer.id)
            })
            .collect();
        valid.len()
    }

    pub(super) fn to_wire(&self) -> pb::Root {
        pb::Root {
            version: self.version,
            threshold: THRESHOLD as u32,
            signers: self.signers.values().map(Signer::to_wire).collect(),
        }
    }

    /// Reads a root; the result is to be used only if no violation was found.
    pub(super) fn read(programme: &str, wire: Option<&pb::Root>, found: &mut Violations) -> Option<Self> {
        found.require(read::is_label(programme), Problem::Syntax, format_args!("programme"));
        let Some(wire) = wire else {
            found.add(Problem::Missing, format_args!("root"));
            return None;
        };
        found.require(wire.version > 0, Problem::Range, format_args!("root.version"));
        found.require(wire.threshold as usize == THRESHOLD, Problem::Range, format_args!("root.threshold"));
        let mut signers = BTreeMap::new();
        for (i, signer) in wire.signers.iter().enumerate() {
            let Some(signer) = Signer::read(signer, i, found) else {
                continue;
            };
            let repeats = |other: &Signer| {
                other.id == signer.id || other.holder == signer.holder || other.public == signer.public
            };
            found.require(!signers.values().any(repeats), Problem::Repeated, format_args!("root.signers[{i}]"));
            signers.insert(signer.id.clone(), signer);
        }
        let offices = signers.values().filter(|s| s.role == SignerRole::ProgrammeOffice).count();
        let complete = wire.signers.len() == 3 && signers.len() == 3 && offices == 1;
        found.require(complete, Problem::Range, format_args!("root.signers"));
        Some(Self { programme: programme.into(), version: wire.version, signers })
    }
}

impl Signer {
    fn read(wire: &pb::Signer, i: usize, found: &mut Violations) -> Option<Self> {
        let id = read::id(&wire.key_id, found, format_args!("root.signers[{i}].key_id"));
        let public = read::key(&wire.public_key, found, format_args!("root.signers[{i}].public_key"));
        found.require(read::is_label(&wire.holder), Problem::Syntax, format_args!("root.signers[{i}].holder"));
        let role = match wire.role() {
            pb::SignerRole::Party => Some(SignerRole::Party),
            pb::SignerRole::ProgrammeOffice => Some(SignerRole::ProgrammeOffice),
            pb::SignerRole::Unspecified => None,
        };
        found.require(role.is_some(), Problem::Range, format_args!("root.signers[{i}].role"));
        Some(Self { id: id?, holder: wire.holder.as_str().into(), role: role?, public: public? })
    }

    fn to_wire(&self) -> pb::Signer {
        pb::Signer {
            key_id: self.id.to_string(),
            holder: self.holder.to_string(),
            role: match self.role {
                SignerRole::Party => pb::SignerRole::Party,
                SignerRole::ProgrammeOffice => pb::SignerRole::ProgrammeOffice,
            }
            .into(),
            public_key: self.public.to_vec(),
        }
    }
}

impl SignerRole {
    /// Its number in the contract, as the fingerprint has it.
    fn decimal(self) -> &'static [u8] {
        match self {
            Self::Party => b"1",
            Self::ProgrammeOffice => b"2",
        }
    }
}

pub(crate) fn is_signature(public: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
}

/// Fingerprint of a root, shown as sixteen groups of four hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// The text is not a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a fingerprint: expected 64 hexadecimal digits, in groups or not")]
pub struct InvalidFingerprint;

impl Fingerprint {
    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, pair) in self.0.chunks(2).enumerate() {
            let gap = if i == 0 { "" } else { " " };
            write!(f, "{gap}{}", hex::encode(pair))?;
        }
        Ok(())
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let bytes = hex::decode(digits).map_err(|_| InvalidFingerprint)?;
        bytes.try_into().map(Self).map_err(|_| InvalidFingerprint)
    }
}
