//! Listing the contacts of a party, newest first, BASIC.
//!
//! A place in the list is the time and uid of a contact, so that pages neither repeat nor skip what was there when the
//! first one was read. A call looks at so many contacts at most and may then give a short page with a token.

use std::collections::BTreeSet;

use nhipcau_domain::{
    contact::State,
    id::{AccessPointId, PartyId},
    reason,
};
use nhipcau_messaging::{pae, store::Tx};
use nhipcau_proto::switchboard::v1 as pb;
use prost::Message as _;
use uuid::Uuid;

use crate::{
    error::Error,
    store::contact::{self, Place},
};

/// Contacts that one call looks at, at most.
const LOOKED_AT: usize = 2_000;
/// Contacts that are read together.
const TOGETHER: u64 = 200;
/// Default and most entries of a page.
const SIZE: (usize, usize) = (50, 500);

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
    let states: BTreeSet<i32> = request.states.iter().copied().collect();
    if states.iter().any(|state| State::from_wire(*state).is_none()) {
        return Err(Error::rule("states", reason::CODE_UNKNOWN));
    }
    let print = fingerprint(&states, party, access_point);
    let size = match usize::try_from(request.page_size) {
        Ok(0) | Err(_) => SIZE.0,
        Ok(asked) => asked.min(SIZE.1),
    };
    let mut place = read_token(&request.page_token, &print)?;
    let mut answer = pb::ListContactsResponse::default();
    let mut looked_at = 0;
    loop {
        let next = contact::after(tx, party, place, TOGETHER)?;
        for (at, state, basic) in &next {
            if states.is_empty() || states.contains(state) {
                if answer.contacts.len() == size {
                    answer.next_page_token = token(&print, place);
                    return Ok(answer);
                }
                answer.contacts.push(pb::Contact::decode(basic.as_slice()).unwrap_or_default());
            }
            place = *at;
        }
        looked_at += next.len();
        if (next.len() as u64) < TOGETHER {
            return Ok(answer);
        }
        if looked_at >= LOOKED_AT {
            answer.next_page_token = token(&print, place);
            return Ok(answer);
        }
    }
}

/// What tells one request from another.
fn fingerprint(states: &BTreeSet<i32>, party: &PartyId, access_point: &AccessPointId) -> String {
    let states: Vec<u8> = states.iter().flat_map(|state| state.to_le_bytes()).collect();
    let pieces = [b"nhipcau/1/contact-page".as_slice(), access_point.as_str().as_bytes(), party.as_str().as_bytes()];
    let digest = pae::digest_of(&[pieces.as_slice(), &[states.as_slice()]].concat());
    hex::encode(digest.get(..8).unwrap_or_default())
}

fn token(print: &str, place: Place) -> String {
    format!("{print}.{}.{}", place.create_time, place.contact.simple())
}

fn read_token(token: &str, print: &str) -> Result<Place, Error> {
    if token.is_empty() {
        return Ok(Place::START);
    }
    let parts: Vec<&str> = token.split('.').collect();
    match parts.as_slice() {
        [given, time, uid] if *given == print => {
            let create_time = time.parse().map_err(|_| Error::PageTokenInvalid)?;
            let contact = Uuid::try_parse(uid).map_err(|_| Error::PageTokenInvalid)?;
            Ok(Place { create_time, contact })
        }
        _ => Err(Error::PageTokenInvalid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_place_and_only_for_its_request() {
        let place = Place { create_time: 1_790_000_000_000_000, contact: Uuid::from_u128(7) };
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
