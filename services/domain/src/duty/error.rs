//! Why a roster is refused. Never repeats what stands in it.

use crate::directory::Violations;
use crate::reason;

/// A refusal. The roster in use counts on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a signed roster, or over its size limit.
    #[error("not a well-formed roster within its size limit")]
    Malformed,
    /// Written in a format of a later time.
    #[error("roster format {0} is not known")]
    UnknownFormat(u32),
    /// Names a key that is revoked, or that the release does not list as a signing key of this access point.
    #[error("the roster names no signing key in force of its access point")]
    SignerUnknown,
    /// Not signed by the key that it names.
    #[error("the roster is not signed by the key that it names")]
    Unsigned,
    /// What is wrong with it.
    #[error("{0}")]
    Invalid(Violations),
}

impl Error {
    /// The stable reason, documented in `docs/errors.md`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed | Self::UnknownFormat(_) => reason::ROSTER_MALFORMED,
            Self::SignerUnknown | Self::Unsigned => reason::ROSTER_SIGNATURE_REFUSED,
            Self::Invalid(_) => reason::ROSTER_INVALID,
        }
    }
}
