//! Listing the enquiries of a party on either side, newest first, BASIC.

use jiff::Timestamp;
use nhipcau_domain::{
    id::{AccessPointId, PartyId},
    placement::State,
};
use nhipcau_messaging::store::Tx;
use nhipcau_proto::placement::v1 as pb;

use super::read;
use crate::{error::Error, page::Asked, store::placement};

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
    let is_known = |state| State::ALL.into_iter().any(|known| known.to_wire() == state);
    let (size, whose) = ((request.page_size, request.page_token.as_str()), (party, access_point));
    let asked = Asked::read(b"nhipcau/1/placement-page", &request.states, is_known, size, whose)?;
    let (placements, next_page_token) = asked.page(
        tx,
        |tx, cursor, limit| placement::after(tx, party, cursor, limit),
        |tx, _, held| {
            let Some(known) = placement::known(tx, held)? else { return Ok(None) };
            let shown = read::shown(tx, &known, now)?;
            Ok::<_, Error>(asked.wants(shown.state).then_some(shown))
        },
    )?;
    Ok(pb::ListPlacementsResponse { placements, next_page_token })
}
