//! What the age of a release means. Expiry alarms and freezes new trust; it never stops a case.

use jiff::{SignedDuration, Timestamp};

use super::error::Error;
use super::release::Release;

/// How long before its expiry a release is reported as expiring soon: time for two people to meet and sign.
pub const EXPIRY_WARNING: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How far a release is from its expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Freshness {
    /// Nothing to do.
    Current,
    /// Expires within [`EXPIRY_WARNING`]: the next release is due.
    ExpiresSoon,
    /// Expired: an alarm. No key and no agreement starts any more, by construction of a release; those that had
    /// started carry cases on.
    Expired,
}

impl Freshness {
    /// The freshness at an instant of what expires at another.
    #[must_use]
    pub fn of(expire: Timestamp, at: Timestamp) -> Self {
        if at >= expire {
            Self::Expired
        } else if expire.duration_since(at) <= EXPIRY_WARNING {
            Self::ExpiresSoon
        } else {
            Self::Current
        }
    }
}

impl Release {
    /// Whether an access point may take the release into use. An expired one only succeeds another, since its
    /// revocations and root changes still count; it is never where trust begins.
    ///
    /// # Errors
    /// [`Error::Expired`] when it has expired and nothing is in use.
    pub fn may_succeed(&self, current: Option<&Self>, at: Timestamp) -> Result<(), Error> {
        match (self.freshness(at), current) {
            (Freshness::Expired, None) => Err(Error::Expired),
            _ => Ok(()),
        }
    }
}
