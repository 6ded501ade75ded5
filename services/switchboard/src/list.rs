//! Listing the contacts of a party, newest first, BASIC.

use nhipcau_domain::{
    contact::State,
    id::{AccessPointId, PartyId},
};
use nhipcau_messaging::store::Tx;
use nhipcau_proto::switchboard::v1 as pb;
use prost::Message as _;

use crate::{error::Error, page::Asked, store::contact};

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
    let (contacts, next_page_token) = asked.page(
        tx,
        |tx, cursor, limit| contact::after(tx, party, cursor, limit),
        |_, _, (state, basic)| {
            let shown = || pb::Contact::decode(basic.as_slice()).unwrap_or_default();
            Ok::<_, Error>(asked.wants(state).then(shown))
        },
    )?;
    Ok(pb::ListContactsResponse { contacts, next_page_token })
}
