//! What a calling system may do: six roles, and sets of them.

use std::{fmt, str::FromStr};

/// A role of a calling system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Hand in cases and figures.
    Submit,
    /// See that things exist and where they stand, without content.
    ReadMetadata,
    /// Read content, for a named person.
    ReadContent,
    /// Acknowledge, accept, reject and the like, for a named person.
    Decide,
    /// Look after the access point: channels, receipts, reconciliation, alarms. Counts only for systems of the party
    /// that operates it.
    Operate,
    /// Approve figures that another has validated. No call needs it yet.
    Approve,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] =
        [Self::Submit, Self::ReadMetadata, Self::ReadContent, Self::Decide, Self::Operate, Self::Approve];

    /// The word used in the configuration and in refusals.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::ReadMetadata => "read-metadata",
            Self::ReadContent => "read-content",
            Self::Decide => "decide",
            Self::Operate => "operate",
            Self::Approve => "approve",
        }
    }

    /// Whether a call in this role is made for a person, who must then be named.
    #[must_use]
    pub fn acts_for_a_person(self) -> bool {
        matches!(self, Self::ReadContent | Self::Decide)
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a role: expected submit, read-metadata, read-content, decide, operate or approve")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

/// A set of roles. Empty by default.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// Whether the role is in the set.
    #[must_use]
    pub fn contains(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// The roles, in the order of [`Role::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().fold(0, |set, role| set | role.bit()))
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
