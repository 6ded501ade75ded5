//! Series keys and the patterns that select them.

use std::{fmt, sync::Arc};

/// A series key that its structure accepted: one code per dimension in the structure's order, joined by '.'. Codes
/// contain no '.'. Cheap to clone: the observations of a series share one text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// Only the checker makes keys, because only it has compared them with the structure.
    pub(super) fn checked(text: &str) -> Self {
        Self(text.into())
    }

    /// The text as it travels.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The codes in the structure's order.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Selects keys in the manner of SDMX REST: `A.G.SG_GEN_PARL+IC_GEN_MGTL.704.F..`. A part is one code, several joined
/// by '+', or empty or '*' for every code; the whole may be empty or `all`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern {
    /// Per dimension the codes that match; empty for every code. No parts at all for every key.
    parts: Box<[Box<[Box<str>]>]>,
}

/// The text is not a pattern for keys of this many dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyPattern {
    /// A part for a dimension is missing or there are too many.
    #[error("the pattern has {found} parts, the structure {expected} dimensions")]
    Parts {
        /// Dimensions of the structure.
        expected: usize,
        /// Parts of the pattern.
        found: usize,
    },
    /// A list of codes has an empty member.
    #[error("a list of codes joined by '+' has an empty member")]
    EmptyCode,
}

impl KeyPattern {
    /// Reads a pattern for keys of so many dimensions. Codes that no list knows simply match nothing.
    ///
    /// # Errors
    /// [`InvalidKeyPattern`] when the number of parts differs or a list of codes has an empty member.
    pub fn new(text: &str, dimensions: usize) -> Result<Self, InvalidKeyPattern> {
        if matches!(text, "" | "all" | "*") {
            return Ok(Self { parts: Box::default() });
        }
        let found = text.split('.').count();
        if found != dimensions {
            return Err(InvalidKeyPattern::Parts { expected: dimensions, found });
        }
        let part = |part: &str| {
            if matches!(part, "" | "*") {
                return Ok(Box::default());
            }
            let codes: Box<[Box<str>]> = part.split('+').map(Into::into).collect();
            if codes.iter().any(|code| code.is_empty()) { Err(InvalidKeyPattern::EmptyCode) } else { Ok(codes) }
        };
        Ok(Self { parts: text.split('.').map(part).collect::<Result<_, _>>()? })
    }

    /// Whether the pattern selects the key.
    #[must_use]
    pub fn matches(&self, key: &Key) -> bool {
        self.parts.iter().zip(key.codes()).all(|(part, code)| part.is_empty() || part.iter().any(|c| **c == *code))
    }

    /// The part of every matching key up to the first open or multiple dimension, with its '.': where an ordered
    /// index can begin to look.
    #[must_use]
    pub fn prefix(&self) -> String {
        let mut prefix = String::new();
        for part in &self.parts {
            let [code] = &**part else { break };
            prefix.push_str(code);
            prefix.push('.');
        }
        if prefix.matches('.').count() == self.parts.len() {
            prefix.pop();
        }
        prefix
    }
}

impl fmt::Display for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            f.write_str(&part.join("+"))?;
        }
        Ok(())
    }
}
