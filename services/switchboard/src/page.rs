//! Pages of whatever is listed newest first.
//!
//! A cursor is the time, uid and side of an entry, so that pages neither repeat nor skip what was there when
//! the first one was read. A call looks at so many entries at most and may then give a short page with a token.

use std::collections::BTreeSet;

use nhipcau_domain::{
    id::{AccessPointId, PartyId},
    reason,
};
use nhipcau_messaging::{
    pae,
    store::{Error as StoreError, Tx},
};
use uuid::Uuid;

use crate::{
    error::Error,
    store::cursor::{Cursor, Found},
};

/// Entries that one call looks at, at most.
const LOOKED_AT: usize = 2_000;
/// Entries that are read together.
const TOGETHER: u64 = 200;
/// Default and most entries of a page.
const SIZE: (usize, usize) = (50, 500);

/// What a list is asked for.
pub(crate) struct Asked {
    states: BTreeSet<i32>,
    print: String,
    size: usize,
    cursor: Cursor,
}

impl Asked {
    /// Reads what is asked; `kind` tells one list from another.
    ///
    /// # Errors
    /// [`Error`] when the filter or the token does not fit.
    pub(crate) fn read(
        kind: &[u8],
        states: &[i32],
        is_known: impl Fn(i32) -> bool,
        (size, token): (i32, &str),
        (party, access_point): (&PartyId, &AccessPointId),
    ) -> Result<Self, Error> {
        let states: BTreeSet<i32> = states.iter().copied().collect();
        if !states.iter().all(|state| is_known(*state)) {
            return Err(Error::rule("states", reason::CODE_UNKNOWN));
        }
        let print = fingerprint(kind, &states, party, access_point);
        let size = match usize::try_from(size) {
            Ok(0) | Err(_) => SIZE.0,
            Ok(asked) => asked.min(SIZE.1),
        };
        let cursor = read_token(token, &print)?;
        Ok(Self { states, print, size, cursor })
    }

    /// Whether entries in a state are asked for.
    pub(crate) fn wants(&self, state: i32) -> bool {
        self.states.is_empty() || self.states.contains(&state)
    }

    /// The page, and the token of the next one: `after` finds entries, `show` gives nothing of one that is not asked
    /// for.
    ///
    /// # Errors
    /// Those of the two.
    pub(crate) fn page<L, T, E: From<StoreError>>(
        &self,
        tx: &mut Tx<'_>,
        after: impl Fn(&mut Tx<'_>, Cursor, u64) -> Result<Found<L>, StoreError>,
        show: impl Fn(&mut Tx<'_>, Cursor, L) -> Result<Option<T>, E>,
    ) -> Result<(Vec<T>, String), E> {
        let (mut found, mut cursor, mut looked_at) = (Vec::new(), self.cursor, 0);
        loop {
            let next = after(tx, cursor, TOGETHER)?;
            let read = next.len();
            for (at, entry) in next {
                if let Some(shown) = show(tx, at, entry)? {
                    if found.len() == self.size {
                        return Ok((found, token(&self.print, cursor)));
                    }
                    found.push(shown);
                }
                cursor = at;
            }
            looked_at += read;
            if (read as u64) < TOGETHER {
                return Ok((found, String::new()));
            }
            if looked_at >= LOOKED_AT {
                return Ok((found, token(&self.print, cursor)));
            }
        }
    }
}

/// What tells one request from another.
fn fingerprint(kind: &[u8], states: &BTreeSet<i32>, party: &PartyId, access_point: &AccessPointId) -> String {
    let states: Vec<u8> = states.iter().flat_map(|state| state.to_le_bytes()).collect();
    let pieces = [kind, access_point.as_str().as_bytes(), party.as_str().as_bytes(), states.as_slice()];
    hex::encode(pae::digest_of(&pieces).get(..8).unwrap_or_default())
}

fn token(print: &str, cursor: Cursor) -> String {
    format!("{print}.{}.{}.{}", cursor.time, cursor.uid.simple(), cursor.side)
}

fn read_token(token: &str, print: &str) -> Result<Cursor, Error> {
    if token.is_empty() {
        return Ok(Cursor::START);
    }
    let parts: Vec<&str> = token.split('.').collect();
    match parts.as_slice() {
        [given, time, uid, side] if *given == print => {
            let time = time.parse().map_err(|_| Error::PageTokenInvalid)?;
            let uid = Uuid::try_parse(uid).map_err(|_| Error::PageTokenInvalid)?;
            let side = side.parse().map_err(|_| Error::PageTokenInvalid)?;
            Ok(Cursor { time, uid, side })
        }
        _ => Err(Error::PageTokenInvalid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_place_and_only_for_its_request() {
        let cursor = Cursor { time: 1_790_000_000_000_000, uid: Uuid::from_u128(7), side: 2 };
        assert_eq!(read_token(&token("aa", cursor), "aa").unwrap(), cursor);
        assert_eq!(read_token("", "aa").unwrap(), Cursor::START);
        let other = token("aa", cursor);
        for (garbage, print) in
            [("x", "x"), ("aa.1", "aa"), ("aa.z.7.0", "aa"), ("aa.1.7.", "aa"), (other.as_str(), "bb")]
        {
            assert!(matches!(read_token(garbage, print), Err(Error::PageTokenInvalid)), "{garbage}");
        }
    }
}
