//! Values about a person: they can be carried, compared and encoded, but never printed. A log line, an error or a
//! panic that holds one shows `***`.

use std::fmt;

/// A value about a person. Has no `Display`; its `Debug` tells nothing, not even a length.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Personal<T>(T);

impl<T> Personal<T> {
    /// Wraps the value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for encoding and for showing to a person who may read it. Name the reason where you call it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Gives the value up.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_tells_nothing() {
        let short = Personal::new("An");
        let long = Personal::new("Nguyễn Thị Minh Khai");
        assert_eq!(format!("{short:?}"), "***");
        assert_eq!(format!("{:?}", Some(long)), "Some(***)");
    }
}
