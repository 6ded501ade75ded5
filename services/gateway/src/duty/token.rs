//! Secrets that a browser keeps for somebody: 32 random bytes, in a cookie as 64 hexadecimal digits.
//!
//! Kept here by their digest alone, so that what is in memory lets nobody in, and looking one up tells nothing by the
//! time that it takes.

use std::fmt;

use nhipcau_messaging::{Entropy as _, SystemEntropy, pae};

/// A secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token([u8; 32]);

impl Token {
    /// A new one.
    pub(crate) fn fresh() -> Self {
        let mut bytes = [0; 32];
        SystemEntropy.fill(&mut bytes);
        Self(bytes)
    }

    /// Reads what a browser shows; `None` when it is none.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// As a browser keeps it. Only for its cookie.
    pub(crate) fn text(&self) -> String {
        hex::encode(self.0)
    }

    /// By what it is found here.
    pub(crate) fn digest(&self) -> pae::Digest {
        pae::sha256(&self.0)
    }
}

/// Shows nothing.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}
