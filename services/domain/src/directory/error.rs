//! Why a release, a revocation, a bulletin or an attached file is refused, in kinds that a caller can act on.

use super::violation::Violations;
use crate::reason;

/// A refusal. Nothing of the refused bytes has taken effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not the message it should be, or over its size limit.
    #[error("not a well-formed directory file within its size limit")]
    Malformed,
    /// Written in a format of a later time.
    #[error("directory format {0} is not known")]
    UnknownFormat(u32),
    /// Too few signers of the trusted root.
    #[error("{valid} valid signatures of distinct signers where {needed} are needed")]
    UnderSigned {
        /// Distinct signers whose signature verifies.
        valid: usize,
        /// Distinct signers that the root asks for.
        needed: usize,
    },
    /// The release brings a root that too few of its own signers have signed.
    #[error("{valid} valid signatures of the new root's signers where {needed} are needed")]
    RootUnderSigned {
        /// Distinct signers of the new root whose signature verifies.
        valid: usize,
        /// Distinct signers that the new root asks for.
        needed: usize,
    },
    /// The release brings another root whose version does not rise.
    #[error("the root changes without a higher root version")]
    RootRolledBack,
    /// The fingerprint that was compared out of band is another.
    #[error("the root does not have the expected fingerprint")]
    FingerprintMismatch,
    /// Of another programme than the trusted root.
    #[error("of another programme")]
    WrongProgramme,
    /// Older than the release in use.
    #[error("release {offered} is older than release {current} in use")]
    RolledBack {
        /// Version offered.
        offered: u64,
        /// Version in use.
        current: u64,
    },
    /// The version in use, with other content. Two signers have signed two contents: an alarm, not an accident.
    #[error("release {0} is in use with other content")]
    Conflict(u64),
    /// Follows another release than the one in use. As grave as a conflict.
    #[error("release {0} does not follow the release in use")]
    Forked(u64),
    /// Properly signed, but not usable as it stands.
    #[error("{0}")]
    Invalid(Violations),
    /// Expired, and there is no release in use that it could succeed.
    #[error("the release has expired and there is none that it succeeds")]
    Expired,
    /// Not signed by the key that it names.
    #[error("the revocation is not signed by the key that it names")]
    RevocationUnsigned,
    /// Names a key that is not, or not here yet, one of the party that may revoke.
    #[error("the revocation names no key of the party that may revoke")]
    RevocationSignerUnknown,
    /// Not signed by the key that it names.
    #[error("the bulletin is not signed by the key that it names")]
    BulletinUnsigned,
    /// Names a signing key that is revoked, or that the release does not list for this access point of this party.
    #[error("the bulletin names no signing key in force of an access point of its party")]
    BulletinSignerUnknown,
    /// Older than the bulletin in use.
    #[error("bulletin {offered} is older than bulletin {current} in use")]
    BulletinRolledBack {
        /// Version offered.
        offered: u64,
        /// Version in use.
        current: u64,
    },
    /// The version in use, with other content.
    #[error("bulletin {0} is in use with other content")]
    BulletinConflict(u64),
    /// The release names no file with this content.
    #[error("the release names no file with this digest")]
    UnknownAttachment,
    /// Signatures over different bytes cannot be brought together.
    #[error("the signatures are over different releases")]
    DifferentReleases,
}

impl Error {
    /// Whether an honest peer may hand on what is refused so: it has another release, an older bulletin or a newer
    /// program, or has not heard of a revocation.
    pub(super) fn is_of_another_time(&self) -> bool {
        matches!(
            self,
            Self::UnknownFormat(_)
                | Self::RevocationSignerUnknown
                | Self::BulletinSignerUnknown
                | Self::BulletinRolledBack { .. }
        )
    }

    /// The stable reason, documented in `docs/errors.md`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed | Self::UnknownFormat(_) => reason::DIRECTORY_MALFORMED,
            Self::UnderSigned { .. } => reason::DIRECTORY_UNDER_SIGNED,
            Self::RootUnderSigned { .. } | Self::RootRolledBack | Self::FingerprintMismatch | Self::WrongProgramme => {
                reason::DIRECTORY_ROOT_REFUSED
            }
            Self::RolledBack { .. } | Self::BulletinRolledBack { .. } => reason::DIRECTORY_ROLLED_BACK,
            Self::Conflict(_) | Self::Forked(_) | Self::DifferentReleases | Self::BulletinConflict(_) => {
                reason::DIRECTORY_CONFLICT
            }
            Self::Invalid(_) => reason::DIRECTORY_INVALID,
            Self::Expired => reason::DIRECTORY_EXPIRED,
            Self::RevocationUnsigned | Self::RevocationSignerUnknown => reason::DIRECTORY_REVOCATION_REFUSED,
            Self::BulletinUnsigned | Self::BulletinSignerUnknown => reason::DIRECTORY_BULLETIN_REFUSED,
            Self::UnknownAttachment => reason::DIRECTORY_ATTACHMENT_UNKNOWN,
        }
    }
}
