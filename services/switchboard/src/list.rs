//! Listing the contacts of a party, newest first, BASIC; and what else is listed in that way.
//!
//! A place in a list is the time and uid of an entry, so that pages neither repeat nor skip what was there when the
//! first one was read. A call looks at so many contacts at most and may then give a short page with a token.

use std::collections::BTreeSet;

use nhipcau_domain::{
    contact::State,
    id::{AccessPointId, PartyId},
    reason,
};
use nhipcau_messaging::{
    pae,
    store::{Error as StoreError, Tx},
};
use nhipcau_proto::switchboard::v1 as pb;
use prost::Message as _;
use uuid::Uuid;

use crate::{
    error::Error,
    store::contact::{self, Place},
};

/// Entries that one call looks at, at most.
const LOOKED_AT: usize = 2_000;
/// Entries that are read together.
const TOGETHER: u64 = 200;
/// Default and most entries of a page.
const SIZE: (usize, usize) = (50, 500);

/// A page: uid and what is shown without content of each entry, and the token of the next page.
pub(crate) type Page = (Vec<(Uuid, Vec<u8>)>, String);

/// What a list is asked for.
pub(crate) struct Asked {
    states: BTreeSet<i32>,
    print: String,
    size: usize,
    place: Place,
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
        let place = read_token(token, &print)?;
        Ok(Self { states, print, size, place })
    }

    /// The page.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn page(
        self,
        tx: &mut Tx<'_>,
        after: impl Fn(&mut Tx<'_>, Place, u64) -> Result<Vec<(Place, i32, Vec<u8>)>, StoreError>,
    ) -> Result<Page, StoreError> {
        let Self { states, print, size, mut place } = self;
        let (mut found, mut looked_at) = (Vec::new(), 0);
        loop {
            let next = after(tx, place, TOGETHER)?;
            let read = next.len();
            for (at, state, basic) in next {
                if states.is_empty() || states.contains(&state) {
                    if found.len() == size {
                        return Ok((found, token(&print, place)));
                    }
                    found.push((at.uid, basic));
                }
                place = at;
            }
            looked_at += read;
            if (read as u64) < TOGETHER {
                return Ok((found, String::new()));
            }
            if looked_at >= LOOKED_AT {
                return Ok((found, token(&print, place)));
            }
        }
    }
}

/// A page of the contacts of a party.
///
/// # Errors
/// [`Error`] when the filter or the token does not fit.
pub(crate) fn page(
    request: &pb::ListContactsRequest,
    party: &PartyId,
    access_point: &AccessPointId,
    tx: &mut Tx<'_>,
) -> Result<pb::ListContactsResponse, Error> {
    let is_known = |state| State::from_wire(state).is_some();
    let (size, whose) = ((request.page_size, request.page_token.as_str()), (party, access_point));
    let asked = Asked::read(b"nhipcau/1/contact-page", &request.states, is_known, size, whose)?;
    let (found, next_page_token) = asked.page(tx, |tx, place, limit| contact::after(tx, party, place, limit))?;
    let contacts = found.iter().map(|(_, basic)| pb::Contact::decode(basic.as_slice()).unwrap_or_default());
    Ok(pb::ListContactsResponse { contacts: contacts.collect(), next_page_token })
}

/// What tells one request from another.
fn fingerprint(kind: &[u8], states: &BTreeSet<i32>, party: &PartyId, access_point: &AccessPointId) -> String {
    let states: Vec<u8> = states.iter().flat_map(|state| state.to_le_bytes()).collect();
    let pieces = [kind, access_point.as_str().as_bytes(), party.as_str().as_bytes(), states.as_slice()];
    hex::encode(pae::digest_of(&pieces).get(..8).unwrap_or_default())
}

fn token(print: &str, place: Place) -> String {
    format!("{print}.{}.{}", place.time, place.uid.simple())
}

fn read_token(token: &str, print: &str) -> Result<Place, Error> {
    if token.is_empty() {
        return Ok(Place::START);
    }
    let parts: Vec<&str> = token.split('.').collect();
    match parts.as_slice() {
        [given, time, uid] if *given == print => {
            let time = time.parse().map_err(|_| Error::PageTokenInvalid)?;
            let uid = Uuid::try_parse(uid).map_err(|_| Error::PageTokenInvalid)?;
            Ok(Place { time, uid })
        }
        _ => Err(Error::PageTokenInvalid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_place_and_only_for_its_request() {
        let place = Place { time: 1_790_000_000_000_000, uid: Uuid::from_u128(7) };
        assert_eq!(read_token(&token("aa", place), "aa").unwrap(), place);
        assert_eq!(read_token("", "aa").unwrap(), Place::START);
        let other = token("aa", place);
        for (garbage, print) in
            [("x", "x"), ("aa.1", "aa"), ("aa.z.7", "aa"), ("aa.1.7.", "aa"), (other.as_str(), "bb")]
        {
            assert!(matches!(read_token(garbage, print), Err(Error::PageTokenInvalid)), "{garbage}");
        }
    }
}
