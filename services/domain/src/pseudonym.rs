//! By which name a party finds earlier contacts of the same person: a keyed digest of what identifies one.
//!
//! Without the party's key a digest tells nothing: all twelve-digit numbers and all telephone numbers can be tried by
//! anybody who has it. So the key is kept beside the party's other keys, outside the store, never exported; a person
//! destroys an older one, and then what was recorded by it finds nobody; and no contract has a field for a pseudonym,
//! so that none leaves the party. A pseudonym is personal data all the same.
//!
//! What identifies a person is normalised and never guessed: a number that cannot be read has no pseudonym. Leaves out
//! where pseudonyms are kept, and whether two persons share a telephone, which they often do: an earlier contact is a
//! hint to ask, never a match.

use std::fmt;

use aws_lc_rs::hmac;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{id::is_label, pae::pae, referral::Personal};

const LABEL: &[u8] = b"nhipcau/1/pseudonym";
/// Longest account, in characters.
const LONGEST_ACCOUNT: usize = 128;
/// Fewest and most digits of a telephone number with its country.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// The key of a party. Wiped from memory with the value that holds it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct PseudonymKey([u8; 32]);

/// The keys of a party: the one in use, and during a rotation the one before it.
#[derive(Debug)]
pub struct PseudonymKeys {
    /// New contacts are found by it.
    pub current: PseudonymKey,
    /// Contacts that were recorded before are found by it, and recorded anew by the current one.
    pub previous: Option<PseudonymKey>,
}

/// What identifies a person, normalised. Not printable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    kind: &'static str,
    text: Personal<String>,
}

/// A keyed digest of what identifies a person. Personal data, and not printable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym([u8; 32]);

/// What was given identifies nobody in the way that was stated. Never repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a telephone number, personal id or account")]
pub struct NotAnIdentifier;

impl Identifier {
    /// A telephone number: of any country with `+` or `00`, of Viet Nam with a leading 0. One without either is taken
    /// as it stands, as a hotline's. Spaces, points, hyphens and brackets count for nothing.
    ///
    /// # Errors
    /// [`NotAnIdentifier`] for other signs, and for fewer than 8 or more than 15 digits.
    pub fn phone(text: &str) -> Result<Self, NotAnIdentifier> {
        let plain: String = text.chars().filter(|sign| !is_filler(*sign)).collect();
        let abroad = plain.strip_prefix('+').or_else(|| plain.strip_prefix("00"));
        let number = match (abroad, plain.strip_prefix('0')) {
            (Some(abroad), _) => with_country(abroad),
            (None, Some(national)) => format!("+84{national}"),
            // Written without its plus.
            (None, None) if plain.starts_with("84") && matches!(plain.len(), 11 | 12) => with_country(&plain),
            (None, None) => plain,
        };
        let digits = number.strip_prefix('+').unwrap_or(&number);
        if !PHONE_DIGITS.contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotAnIdentifier);
        }
        Ok(Self::of("phone", number))
    }

    /// A personal id of 12 digits. Nothing in it is checked: it has no check digit, and its first digits name provinces
    /// of another time.
    ///
    /// # Errors
    /// [`NotAnIdentifier`] for anything else.
    pub fn personal_id(text: &str) -> Result<Self, NotAnIdentifier> {
        let plain: String = text.chars().filter(|sign| !is_filler(*sign)).collect();
        let is_id = plain.len() == 12 && plain.bytes().all(|byte| byte.is_ascii_digit());
        if is_id { Ok(Self::of("personal-id", plain)) } else { Err(NotAnIdentifier) }
    }

    /// An account of a chat service, whose label says which, `[a-z0-9-]{1,32}`. Compared sign by sign.
    ///
    /// # Errors
    /// [`NotAnIdentifier`] for another label, and for an account that is empty or longer than 128 characters.
    pub fn chat_account(service: &str, account: &str) -> Result<Self, NotAnIdentifier> {
        let account: String = account.trim().nfc().collect();
        let is_short = account.chars().nth(LONGEST_ACCOUNT).is_none();
        if !is_label(service) || account.is_empty() || !is_short {
            return Err(NotAnIdentifier);
        }
        Ok(Self::of("chat-account", format!("{service}/{account}")))
    }

    fn of(kind: &'static str, text: String) -> Self {
        Self { kind, text: Personal::new(text) }
    }
}

/// `+84 (0)912…` is written with the zero that only callers inside the country dial.
fn with_country(digits: &str) -> String {
    match digits.strip_prefix("84") {
        Some(national) => format!("+84{}", national.trim_start_matches('0')),
        None => format!("+{digits}"),
    }
}

fn is_filler(sign: char) -> bool {
    sign.is_whitespace() || matches!(sign, '.' | '-' | '(' | ')')
}

impl PseudonymKey {
    /// Wraps the bytes of a key.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// HMAC-SHA-256 over PAE of the label, the kind and the text: a number that is both a telephone's and a person's
    /// has two.
    #[must_use]
    pub fn of(&self, identifier: &Identifier) -> Pseudonym {
        // The text goes into a digest under the key and nowhere else.
        let pieces = [LABEL, identifier.kind.as_bytes(), identifier.text.expose().as_bytes()];
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), &pae(&pieces));
        let mut digest = [0; 32];
        digest.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        Pseudonym(digest)
    }
}

impl PseudonymKeys {
    /// Under which pseudonyms earlier contacts may stand, the one to record by first.
    pub fn of(&self, identifier: &Identifier) -> impl Iterator<Item = Pseudonym> {
        [Some(&self.current), self.previous.as_ref()].into_iter().flatten().map(move |key| key.of(identifier))
    }
}

impl Pseudonym {
    /// The bytes, for the store of the party alone.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PseudonymKey(…)")
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonym(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: PseudonymKey = PseudonymKey::new([7; 32]);

    fn phone(text: &str) -> Result<Pseudonym, NotAnIdentifier> {
        Identifier::phone(text).map(|identifier| KEY.of(&identifier))
    }

    #[test]
    fn one_telephone_has_one_pseudonym_however_it_is_written() {
        let same = ["0912 345 678", "+84912345678", "0084 912.345.678", "84912345678", "+84 (0)912-345-678"];
        for text in same {
            assert_eq!(phone(text), phone("0912345678"), "{text}");
        }
        assert_ne!(phone("1900969680"), phone("+1900969680"), "a hotline is no number abroad");
        assert_ne!(phone("0912345678"), phone("0912345679"));
        for text in ["111", "", "0912 345 67x", "+", "1234567890123456", "++84912345678"] {
            assert_eq!(phone(text), Err(NotAnIdentifier), "{text}");
        }
    }

    #[test]
    fn kinds_are_never_confused() {
        let number = "001090123456";
        let id = KEY.of(&Identifier::personal_id(number).unwrap());
        assert_eq!(KEY.of(&Identifier::personal_id("001 090 123 456").unwrap()), id);
        assert_ne!(phone(number), Ok(id));
        // Normalised alike; only the kind tells them apart.
        let both = "190123456789";
        assert_ne!(phone(both), Ok(KEY.of(&Identifier::personal_id(both).unwrap())));
        assert_ne!(KEY.of(&Identifier::chat_account("zalo", number).unwrap()), id);
        let accounts = ["zalo", "facebook"].map(|service| KEY.of(&Identifier::chat_account(service, "an").unwrap()));
        assert_ne!(accounts[0], accounts[1]);
        for text in ["00109012345", "0010901234567", "00109012345x", ""] {
            assert_eq!(Identifier::personal_id(text), Err(NotAnIdentifier), "{text}");
        }
        let long = "x".repeat(129);
        for (service, account) in [("Zalo", "an"), ("", "an"), ("zalo", "  "), ("zalo", long.as_str())] {
            assert_eq!(Identifier::chat_account(service, account), Err(NotAnIdentifier), "{service}/{account}");
        }
    }

    #[test]
    fn during_a_rotation_both_keys_find_and_the_current_one_records() {
        let identifier = Identifier::phone("0912345678").unwrap();
        let keys = PseudonymKeys { current: PseudonymKey::new([8; 32]), previous: Some(KEY) };
        let found: Vec<_> = keys.of(&identifier).collect();
        assert_eq!(found, [keys.current.of(&identifier), KEY.of(&identifier)]);
        let alone = PseudonymKeys { current: KEY, previous: None };
        assert_eq!(alone.of(&identifier).collect::<Vec<_>>(), found[1..]);
    }

    #[test]
    fn nothing_that_identifies_anybody_is_printed() {
        let keys = PseudonymKeys { current: KEY, previous: None };
        let identifier = Identifier::phone("0912345678").unwrap();
        let printed = format!("{keys:?} {identifier:?} {NotAnIdentifier}");
        assert!(!printed.contains("912") && printed.contains("PseudonymKey(…)"), "{printed}");
        assert_eq!(format!("{:?}", keys.current.of(&identifier)), "Pseudonym(…)");
    }

    #[test]
    fn a_key_is_wiped_from_memory_with_its_value() {
        const fn is_wiped<T: ZeroizeOnDrop>() {}
        is_wiped::<PseudonymKey>();
        let mut key = PseudonymKey::new([7; 32]);
        key.zeroize();
        assert_eq!(key.0, [0; 32]);
    }

    proptest! {
        #[test]
        fn whatever_is_given_is_normalised_once_or_refused(text in "[0-9+ .()-]{0,20}", key: [u8; 32]) {
            let Ok(identifier) = Identifier::phone(&text) else { return Ok(()) };
            let normal = identifier.text.expose();
            prop_assert_eq!(Identifier::phone(normal), Ok(identifier.clone()), "{}", normal);
            prop_assume!(key != KEY.0);
            prop_assert_ne!(PseudonymKey::new(key).of(&identifier), KEY.of(&identifier));
        }
    }
}
