//! Text as it may enter: NFC, counted in code points, without signs that steer a terminal or turn the direction of
//! writing, never changed in silence.

use unicode_normalization::is_nfc;

use super::violation::Refusal;
use crate::reason;

/// A text in NFC within its limit that shows what it says.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
        let plain = !text.chars().any(steers);
        if !normal {
            refusal.add(subject, reason::TEXT_NOT_NFC);
        }
        if !short {
            refusal.add(subject, reason::TEXT_TOO_LONG);
        }
        if !plain {
            refusal.add(subject, reason::TEXT_CONTROL);
        }
        (normal && short && plain).then(|| Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Signs that steer who shows the text instead of being read: control characters but line ends and tabs, and those that
/// turn the direction of writing.
fn steers(sign: char) -> bool {
    matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || sign.is_control() && !matches!(sign, '\n' | '\r' | '\t')
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
    fn signs_that_are_not_read_are_refused_and_lines_are_kept() {
        for sign in ['\0', '\u{7}', '\u{1b}', '\u{7f}', '\u{85}', '\u{9b}', '\u{202e}', '\u{2069}'] {
            let mut refusal = Refusal::default();
            assert!(Text::read(&format!("a{sign}b"), 10, "field", &mut refusal).is_none());
            assert!(refusal.has(reason::TEXT_CONTROL), "{sign:?}");
        }
        let mut refusal = Refusal::default();
        assert!(Text::read("một\r\n\thai", 20, "field", &mut refusal).is_some());
    }

    #[test]
    fn all_violations_of_one_text_are_found() {
        let mut refusal = Refusal::default();
        assert!(Text::read("e\u{301}e\u{301}", 2, "field", &mut refusal).is_none());
        assert!(refusal.has(reason::TEXT_NOT_NFC) && refusal.has(reason::TEXT_TOO_LONG));
    }
}
