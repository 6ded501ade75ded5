//! Identifiers that travel: each is a type that holds its syntax, so that none is ever a bare string.

use std::fmt;

/// Why a text is not an identifier of the wanted kind. Never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}: expected {expected}")]
pub struct InvalidId {
    /// What was expected, in the singular.
    pub kind: &'static str,
    /// The syntax, for the message.
    pub expected: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks the syntax.
            ///
            /// # Errors
            /// [`InvalidId`] when the text does not have the syntax of this identifier.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidId> {
                let text = text.as_ref();
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidId { kind: $kind, expected: $expected })
                }
            }

            /// The text as it travels.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }
    };
}

/// `[a-z0-9-]{1,32}`, also for labels that have no type of their own.
pub fn is_label(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_contract(text: &str) -> bool {
    let mut parts = text.split('.');
    let (Some(root), Some(area), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    root == "nhipcau"
        && !area.is_empty()
        && area.len() <= 32
        && area.bytes().all(|b| b.is_ascii_lowercase())
        && version.strip_prefix('v').is_some_and(|n| {
            !n.is_empty() && n.len() <= 4 && !n.starts_with('0') && n.bytes().all(|b| b.is_ascii_digit())
        })
}

text_id!(
    /// An access point: the one name that keys, channels and NATS subjects know. `all` is reserved.
    AccessPointId, "access point", "1 to 32 of a-z, 0-9 and '-', other than \"all\"", |t| is_label(t) && t != "all"
);
text_id!(
    /// A party: an organisation of the programme.
    PartyId, "party", "1 to 32 of a-z, 0-9 and '-'", is_label
);
text_id!(
    /// A unit: an addressable desk of a party, unique within it.
    UnitId, "unit", "1 to 32 of a-z, 0-9 and '-'", is_label
);
text_id!(
    /// A calling system of a party.
    SystemId, "system", "1 to 32 of a-z, 0-9 and '-'", is_label
);
text_id!(
    /// A key of an access point or of a release signer: unique for ever within its owner.
    KeyId, "key id", "1 to 32 of a-z, 0-9 and '-'", is_label
);
text_id!(
    /// A purpose under which parties agreed to exchange.
    Purpose, "purpose", "1 to 32 of a-z, 0-9 and '-'", is_label
);
text_id!(
    /// A contract: a versioned protobuf package such as `nhipcau.referral.v1`.
    ContractId, "contract", "a package name such as nhipcau.referral.v1", is_contract
);
