//! Listing the enquiries of a party on either side, newest first, BASIC.
//!
//! A place in the list is when an enquiry was stored here, its uid and side, so that pages neither repeat nor skip what
//! was there when the first one was read. A call looks at so many at most and may then give a short page with a token.

use std::collections::BTreeSet;

use jiff::Timestamp;
use nhipcau_domain::{
    id::{AccessPointId, PartyId},
    placement::State,
    reason,
};
use nhipcau_messaging::{pae, store::Tx};
use nhipcau_proto::placement::v1 as pb;
use uuid::Uuid;

use super::read;
use crate::{
    error::Error,
    store::placement::{self, Place},
};

/// Enquiries that one call looks at, at most.
const LOOKED_AT: usize = 2_000;
/// Enquiries that are read together.
const TOGETHER: u64 = 200;
/// Default and most entries of a page.
const SIZE: (usize, usize) = (50, 500);

/// A page of the enquiries of a party.
///
/// # Errors
/// [`Error`] when the filter or the token does not fit.
pub(crate) fn page(
    request: &pb::ListPlacementsRequest,
    party: &PartyId,
    access_point: &AccessPointId,
    now: Timestamp,
    tx: &mut Tx<'_>,
) -> Result<pb::ListPlacementsResponse, Error> {
    let states: BTreeSet<i32> = request.states.iter().copied().collect();
    if states.iter().any(|state| State::ALL.into_iter().all(|known| known.to_wire() != *state)) {
        return Err(Error::rule("states", reason::CODE_UNKNOWN));
    }
    let print = fingerprint(&states, party, access_point);
    let size = match usize::try_from(request.page_size) {
        Ok(0) | Err(_) => SIZE.0,
        Ok(asked) => asked.min(SIZE.1),
    };
    let mut place = read_token(&request.page_token, &print)?;
    let mut answer = pb::ListPlacementsResponse::default();
    let mut looked_at = 0;
    loop {
        let next = placement::after(tx, party, place, TOGETHER)?;
        for (at, held) in &next {
            if let Some(known) = placement::known(tx, *held)? {
                let shown = read::shown(tx, &known, now)?;
                if states.is_empty() || states.contains(&shown.state) {
                    if answer.placements.len() == size {
                        answer.next_page_token = token(&print, place);
                        return Ok(answer);
                    }
                    answer.placements.push(shown);
                }
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
    let pieces = [b"nhipcau/1/placement-page".as_slice(), access_point.as_str().as_bytes(), party.as_str().as_bytes()];
    let digest = pae::digest_of(&[pieces.as_slice(), &[states.as_slice()]].concat());
    hex::encode(digest.get(..8).unwrap_or_default())
}

fn token(print: &str, place: Place) -> String {
    format!("{print}.{}.{}.{}", place.create_time, place.placement.simple(), place.holder)
}

fn read_token(token: &str, print: &str) -> Result<Place, Error> {
    if token.is_empty() {
        return Ok(Place::START);
    }
    let parts: Vec<&str> = token.split('.').collect();
    match parts.as_slice() {
        [given, time, uid, holder] if *given == print => {
            let create_time = time.parse().map_err(|_| Error::PageTokenInvalid)?;
            let placement = Uuid::try_parse(uid).map_err(|_| Error::PageTokenInvalid)?;
            let holder = holder.parse().map_err(|_| Error::PageTokenInvalid)?;
            Ok(Place { create_time, placement, holder })
        }
        _ => Err(Error::PageTokenInvalid),
    }
}
