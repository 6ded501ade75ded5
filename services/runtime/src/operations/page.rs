//! Places in long lists. A token is opaque to callers, holds nothing secret and belongs to the filter that it was
//! given for.

use nhipcau_domain::reason;
use nhipcau_messaging::pae;
use tonic::Code;

use crate::status::Refusal;

const DEFAULT: i32 = 50;
const LARGEST: i32 = 500;

/// The size of a page: the default for 0, never more than the largest.
pub(super) fn size(asked: i32) -> usize {
    let size = if asked <= 0 { DEFAULT } else { asked.min(LARGEST) };
    usize::try_from(size).unwrap_or(1)
}

/// Writes a token for a place in a list with a filter.
pub(super) fn token(filter: &[&str], place: &str) -> String {
    format!("{}.{place}", fingerprint(filter))
}

/// Reads the place out of a token; none when the list begins.
pub(super) fn place<'t>(filter: &[&str], token: &'t str) -> Result<Option<&'t str>, Refusal> {
    if token.is_empty() {
        return Ok(None);
    }
    let place = token.split_once('.').filter(|(print, _)| *print == fingerprint(filter)).map(|(_, place)| place);
    place.map(Some).ok_or_else(invalid)
}

/// The refusal of a token that was not given for this list.
pub(super) fn invalid() -> Refusal {
    Refusal::new(Code::InvalidArgument, reason::PAGE_TOKEN_INVALID, "the page token is not one of this list")
}

fn fingerprint(filter: &[&str]) -> String {
    let pieces: Vec<&[u8]> = filter.iter().map(|piece| piece.as_bytes()).collect();
    hex::encode(pae::digest_of(&pieces).get(..8).unwrap_or_default())
}
