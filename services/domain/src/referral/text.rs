//! Text as it may enter: NFC, counted in code points, never changed in silence.

use unicode_normalization::is_nfc;

use super::violation::Refusal;
use crate::reason;

/// A text in NFC within its limit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Box<str>);

impl Text {
    /// Checks normalization and length; every violation is added at `subject`. An empty text is a violation.
    pub fn read(text: &str, max: usize, subject: &str, refusal: &mut Refusal) -> Option<Self> {
        if text.is_empty() {
            refusal.add(subject, reason::TEXT_EMPTY);
            return None;
        }
        Self::read_or_empty(text, max, subject, refusal)
    }

    /// As [`Text::read`], but an empty text is one.
    pub fn read_or_empty(text: &str, max: usize, subject: &str, refusal: &mut Refusal) -> Option<Self> {
        let normal = is_nfc(text);
        let short = text.chars().nth(max).is_none();
        if !normal {
            refusal.add(subject, reason::TEXT_NOT_NFC);
        }
        if !short {
            refusal.add(subject, reason::TEXT_TOO_LONG);
        }
        (normal && short).then(|| Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decomposed_vietnamese_is_refused_and_not_repaired() {
        let mut refusal = Refusal::default();
        assert!(Text::read("Hu\u{65}\u{302}\u{301}", 10, "field", &mut refusal).is_none());
        assert!(refusal.has(reason::TEXT_NOT_NFC));
    }

    #[test]
    fn length_counts_code_points() {
        let mut refusal = Refusal::default();
        assert!(Text::read("Huế", 3, "field", &mut refusal).is_some());
        assert!(Text::read("Huế ơi", 3, "field", &mut refusal).is_none());
        assert_eq!(refusal.total(), 1);
    }

    #[test]
    fn all_violations_of_one_text_are_found() {
        let mut refusal = Refusal::default();
        assert!(Text::read("e\u{301}e\u{301}", 2, "field", &mut refusal).is_none());
        assert!(refusal.has(reason::TEXT_NOT_NFC) && refusal.has(reason::TEXT_TOO_LONG));
    }
}
