//! Events at rest and back: what one says about a person lies under the key of its case, bound to its place, and the
//! rest in the clear. Without the key, and after an erasure, a log still is a log: it has its order, chain and state.

use jiff::Timestamp;
use nhipcau_domain::referral::{Branch, Event, Side};
use nhipcau_messaging::{desk::Desk, message::MessageId, store::Error as StoreError, writer::Row};

use crate::{
    error::Error,
    store::{
        branch,
        log::{self, Bytes, Carried, Stored, TABLE},
        reading::Held,
    },
};

/// Puts an event to rest in a side's copy of a log.
pub(crate) fn keep<'t>(
    desk: &mut impl Desk<'t>,
    held: Held,
    event: &Event,
    travelled: &[u8],
    message: Option<MessageId>,
    carried: Carried,
) -> Result<(), Error> {
    let now = desk.now();
    keep_since(desk, held, event, travelled, (message, carried), now)
}

/// Puts an event to rest that has been stored since, here or where it was taken over from.
pub(crate) fn keep_since<'t>(
    desk: &mut impl Desk<'t>,
    held: Held,
    event: &Event,
    travelled: &[u8],
    carried: (Option<MessageId>, Carried),
    since: Timestamp,
) -> Result<(), Error> {
    let bytes = match event.masked(travelled) {
        None => Bytes::Travelled(travelled.to_vec()),
        Some(masked) => {
            let row = Row { case: event.ids.case.as_bytes(), table: TABLE, key: &key(held, event) };
            Bytes::Masked { masked, digest: event.digest(), sealed: desk.rest(&row, travelled)? }
        }
    };
    Ok(log::add(desk.tx(), held, event, &bytes, carried, since)?)
}

/// The bytes of an event as it travelled; `None` when its case was erased.
pub(crate) fn travelled<'t>(desk: &mut impl Desk<'t>, held: Held, stored: &Stored) -> Result<Option<Vec<u8>>, Error> {
    match &stored.bytes {
        Bytes::Travelled(bytes) => Ok(Some(bytes.clone())),
        Bytes::Masked { sealed, .. } => {
            let event = &stored.event;
            let row = Row { case: event.ids.case.as_bytes(), table: TABLE, key: &key(held, event) };
            Ok(desk.wake(&row, sealed)?)
        }
    }
}

/// A branch with what its events say about a person, as far as that is still there.
pub(crate) fn revealed<'t>(desk: &mut impl Desk<'t>, held: Held, masked: &Branch) -> Result<Branch, Error> {
    let [origin, recipient] = [whole(desk, held, Side::Origin)?, whole(desk, held, Side::Recipient)?];
    let together = branch::assemble(&origin, &recipient).map_err(|_| StoreError::Corrupt("the logs of a branch"))?;
    Ok(together.map_or_else(|| masked.clone(), |(branch, _)| branch.known_like(masked)))
}

/// The log of a side with what its events say about a person, as far as that is still there.
pub(crate) fn whole<'t>(desk: &mut impl Desk<'t>, held: Held, side: Side) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    for stored in log::all(desk.tx(), held, side)? {
        let whole = travelled(desk, held, &stored)?.and_then(|bytes| Event::read(&bytes).ok());
        let whole = whole.filter(|event| event.digest() == stored.event.digest());
        events.push(whole.unwrap_or(stored.event));
    }
    Ok(events)
}

/// Branch, holder, side and position. Both sides may be held here, each with its own copy.
fn key(held: Held, event: &Event) -> Vec<u8> {
    let sides = [held.side, event.side].map(Side::to_wire).map(i32::to_le_bytes);
    let [holder, side] = &sides;
    [held.branch.as_bytes().as_slice(), holder, side, &event.ordinal.to_le_bytes()].concat()
}
