//! Places in lists and streams. Tokens and cursors are opaque to callers, tell nothing but what the caller was shown
//! already, and fit only what they were given for.

use nhipcau_domain::id::{AccessPointId, PartyId};
use nhipcau_messaging::pae;
use uuid::Uuid;

use crate::store::reading::{Listed, Mark};

/// Default and most entries of a page.
pub(crate) const SIZE: (usize, usize) = (50, 500);

/// The text is no token or cursor, or one that was given for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not given for this request")]
pub(crate) struct Foreign;

/// What tells one request from another.
pub(crate) fn fingerprint(pieces: &[&[u8]]) -> String {
    hex::encode(pae::digest_of(pieces).get(..8).unwrap_or_default())
}

/// Writes the token of the page after a place.
pub(crate) fn token(fingerprint: &str, place: Listed) -> String {
    format!("{fingerprint}.{}.{}", place.create_time, place.referral.simple())
}

/// Reads a page token; the beginning when there is none.
pub(crate) fn read_token(token: &str, fingerprint: &str) -> Result<Listed, Foreign> {
    if token.is_empty() {
        return Ok(Listed::START);
    }
    let mut parts = token.split('.');
    let (Some(print), Some(time), Some(uid), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(Foreign);
    };
    if print != fingerprint {
        return Err(Foreign);
    }
    let create_time = time.parse().map_err(|_| Foreign)?;
    let referral = Uuid::try_parse(uid).map_err(|_| Foreign)?;
    Ok(Listed { create_time, referral })
}

/// The size of a page: the default for 0, never more than the most.
pub(crate) fn size(asked: i32) -> usize {
    match usize::try_from(asked) {
        Ok(0) | Err(_) => SIZE.0,
        Ok(asked) => asked.min(SIZE.1),
    }
}

/// A reader's place among the changes of its party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Number of the last change that was told; 0 before the first.
    pub(crate) number: u64,
    /// The first half of its mark.
    pub(crate) mark: [u8; 16],
}

impl Cursor {
    /// Before everything.
    pub(crate) const BEGINNING: Self = Self { number: 0, mark: [0; 16] };

    /// After a change.
    pub(crate) fn after(number: u64, mark: Mark) -> Self {
        let mut half = [0; 16];
        half.iter_mut().zip(mark).for_each(|(to, from)| *to = from);
        Self { number, mark: half }
    }

    /// Whether the change of this number is still the one that was told.
    pub(crate) fn is_after(self, mark: Option<Mark>) -> bool {
        mark.map_or(self == Self::BEGINNING, |mark| self == Self::after(self.number, mark))
    }

    /// Writes it for the party's streams at an access point.
    pub(crate) fn write(self, access_point: &AccessPointId, party: &PartyId) -> String {
        format!("{}{:x}.{}", prefix(access_point, party), self.number, hex::encode(self.mark))
    }

    /// Reads what was written for the party's streams at this access point.
    pub(crate) fn read(text: &str, access_point: &AccessPointId, party: &PartyId) -> Result<Self, Foreign> {
        let rest = text.strip_prefix(&prefix(access_point, party)).ok_or(Foreign)?;
        let (number, mark) = rest.split_once('.').ok_or(Foreign)?;
        let number = u64::from_str_radix(number, 16).ok().filter(|number| i64::try_from(*number).is_ok());
        let mut bytes = [0; 16];
        hex::decode_to_slice(mark, &mut bytes).map_err(|_| Foreign)?;
        Ok(Self { number: number.ok_or(Foreign)?, mark: bytes })
    }
}

fn prefix(access_point: &AccessPointId, party: &PartyId) -> String {
    fingerprint(&[b"nhipcau/1/referral-cursor", access_point.as_str().as_bytes(), party.as_str().as_bytes()]) + "."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(name: &str) -> AccessPointId {
        AccessPointId::new(name).unwrap()
    }

    fn party(name: &str) -> PartyId {
        PartyId::new(name).unwrap()
    }

    #[test]
    fn a_token_leads_back_to_its_place_and_only_for_its_request() {
        for create_time in [0, -1, 1_790_000_000_000_000, i64::MIN, i64::MAX] {
            let place = Listed { create_time, referral: Uuid::from_u128(7) };
            let token = token("aa", place);
            assert!(token.len() <= 512);
            assert_eq!(read_token(&token, "aa"), Ok(place));
            assert_eq!(read_token(&token, "bb"), Err(Foreign));
        }
        assert_eq!(read_token("", "aa"), Ok(Listed::START));
        for garbage in ["x", "aa", "aa.1", "aa.1.2", "aa.z.00000000000000000000000000000007", "aa.1.7.", "..", "ệ.1.7"]
        {
            assert_eq!(read_token(garbage, "aa"), Err(Foreign), "{garbage}");
        }
    }

    #[test]
    fn a_cursor_leads_back_to_its_change_for_its_party_at_its_access_point() {
        let cursor = Cursor::after(300, [7; 32]);
        let text = cursor.write(&point("hanoi"), &party("hanoi"));
        assert!(text.len() <= 128);
        assert_eq!(Cursor::read(&text, &point("hanoi"), &party("hanoi")), Ok(cursor));
        assert_eq!(Cursor::read(&text, &point("hanoi"), &party("vwu")), Err(Foreign));
        assert_eq!(Cursor::read(&text, &point("vwu"), &party("hanoi")), Err(Foreign));
        let start = text.split('.').next().unwrap();
        let mark = "00".repeat(16);
        for rest in ["", "1", "1.", "1.zz", "g.", "-1.", "ffffffffffffffff.", "1.00."] {
            let garbage = format!("{start}.{rest}{}", if rest.ends_with('.') { mark.as_str() } else { "" });
            assert_eq!(Cursor::read(&garbage, &point("hanoi"), &party("hanoi")).is_err(), rest != "1.", "{garbage}");
        }
    }

    #[test]
    fn a_cursor_knows_its_change_again() {
        let cursor = Cursor::after(3, [7; 32]);
        assert!(cursor.is_after(Some([7; 32])));
        assert!(!cursor.is_after(Some([8; 32])));
        assert!(!cursor.is_after(None), "the store was restored from an older copy");
        assert!(Cursor::BEGINNING.is_after(None));
    }

    #[test]
    fn a_page_has_its_default_and_its_most() {
        assert_eq!([size(0), size(-1), size(7), size(501)], [50, 50, 7, 500]);
    }
}
