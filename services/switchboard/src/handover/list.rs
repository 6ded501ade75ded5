//! Listing the hand-overs of a party on either side, newest first, BASIC.

use nhipcau_domain::{
    handover::State,
    id::{AccessPointId, PartyId},
};
use nhipcau_messaging::store::Tx;
use nhipcau_proto::switchboard::v1 as pb;

use super::read;
use crate::{error::Error, page::Asked, store::handover};

/// A page of the hand-overs of a party.
///
/// # Errors
/// [`Error`] when the filter or the token does not fit.
pub(crate) fn page(
    request: &pb::ListHandoversRequest,
    party: &PartyId,
    access_point: &AccessPointId,
    tx: &mut Tx<'_>,
) -> Result<pb::ListHandoversResponse, Error> {
    let is_known = |state| State::ALL.into_iter().any(|known| known.to_wire() == state);
    let (size, whose) = ((request.page_size, request.page_token.as_str()), (party, access_point));
    let asked = Asked::read(b"nhipcau/1/handover-page", &request.states, is_known, size, whose)?;
    let (handovers, next_page_token) = asked.page(
        tx,
        |tx, cursor, limit| handover::after(tx, party, cursor, limit),
        |tx, _, (held, state)| {
            let known = if asked.wants(state) { handover::known(tx, held)? } else { None };
            known.map(|known| read::basic(tx, &known)).transpose()
        },
    )?;
    Ok(pb::ListHandoversResponse { handovers, next_page_token })
}
