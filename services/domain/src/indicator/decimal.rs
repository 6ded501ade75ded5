//! Published values: decimals as text, so that no digit is lost or invented.
//!
//! The form is that of an SDMX decimal: optional sign, digits, optional fraction. Exponents, bare points and decimal
//! commas are refused: published tables do not use them, and a spreadsheet that produced one has usually rounded.
//! `NaN` is SDMX's mark for a value that is intentionally missing, and stands for nothing else.

use std::fmt;

/// A decimal number as it was written: `-3.50` stays `-3.50`. Equality is that of the text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal(Box<str>);

/// The text is not a decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number: expected at most 64 characters [+-]digits[.digits]")]
pub struct InvalidDecimal;

impl Decimal {
    /// Most characters of a value.
    pub const MAX_LEN: usize = 64;

    /// Checks the form.
    ///
    /// # Errors
    /// [`InvalidDecimal`] for any other form.
    pub fn new(text: &str) -> Result<Self, InvalidDecimal> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (whole, fraction) = match unsigned.split_once('.') {
            None => (unsigned, None),
            Some((whole, fraction)) => (whole, Some(fraction)),
        };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if text.len() <= Self::MAX_LEN && digits(whole) && fraction.is_none_or(digits) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidDecimal)
        }
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an observation says of its measure.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// A number.
    Decimal(Decimal),
    /// Intentionally missing, `NaN`: there was a place for a value, and there is none.
    Missing,
}

impl Value {
    const MISSING: &str = "NaN";

    /// Reads a decimal or `NaN`.
    ///
    /// # Errors
    /// [`InvalidDecimal`] for anything else.
    pub fn new(text: &str) -> Result<Self, InvalidDecimal> {
        if text == Self::MISSING { Ok(Self::Missing) } else { Decimal::new(text).map(Self::Decimal) }
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Decimal(decimal) => decimal.as_str(),
            Self::Missing => Self::MISSING,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_kept_to_the_last_digit() {
        for text in ["0", "-0", "+5", "007", "16.770", "-0.30", "123456789012345678901234567890.5"] {
            assert_eq!(Decimal::new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn whatever_is_not_a_plain_decimal_is_refused() {
        let long = "1".repeat(65);
        for text in [
            "", "-", ".", ".5", "5.", "1e3", "1E-5", "1,5", "1 000", " 1", "1 ", "1.2.3", "0x1", "١", "NaN", "inf",
            "--1", &long,
        ] {
            assert_eq!(Decimal::new(text), Err(InvalidDecimal), "{text}");
        }
    }

    #[test]
    fn only_the_exact_mark_means_missing() {
        assert_eq!(Value::new("NaN"), Ok(Value::Missing));
        for text in ["nan", "NAN", "#N/A", "-NaN"] {
            assert_eq!(Value::new(text), Err(InvalidDecimal), "{text}");
        }
    }
}
