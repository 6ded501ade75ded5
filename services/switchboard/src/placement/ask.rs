//! Asking an intake desk: was it asked before, may it be asked, write and send.

use nhipcau_domain::{
    id::Purpose,
    placement::{self as rules, Body, Enquiry, Event},
    reason,
    referral::{Refusal, Side, read_unit},
};
use nhipcau_messaging::desk::Desk;
use nhipcau_proto::placement::v1 as pb;
use nhipcau_runtime::caller::Call;
use prost::Message as _;

use super::{act, carry};
use crate::{
    Switchboard,
    error::Error,
    handover::offer::directory,
    metrics, request,
    store::placement::{self as store, Held, Known},
};

/// Asks a desk.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn ask<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    call: &Call,
    message: &pb::AskPlacementRequest,
) -> Result<pb::AskPlacementResponse, Error> {
    let held = Held { placement: request::made(call, desk, "placement"), side: Side::Origin };
    let known = store::known(desk.tx(), held)?;
    match &known {
        Some(known) => {
            if let Some(answer) = act::answered(desk, call, known)? {
                return Ok(answer);
            }
        }
        None => request::unused(call, desk)?,
    }
    let now = desk.now();
    let mut refusal = Refusal::default();
    let origin = read_unit(message.origin.as_ref(), "origin", &mut refusal);
    let recipient = read_unit(message.recipient.as_ref(), "recipient", &mut refusal);
    let from = rules::read_from(message.from_time.as_ref(), &mut refusal);
    let purpose = Purpose::new(&message.purpose).map_err(|_| Error::rule("purpose", reason::FIELD_FORMAT))?;
    let (Some(origin), Some(recipient)) = refusal.or((origin, recipient))? else {
        return Err(Error::rule("recipient", reason::FIELD_REQUIRED));
    };
    let need = message.need.clone().unwrap_or_default();
    rules::check_need(&need)?;
    if let Some(known) = known {
        // It came back after this store was put back, and the request with it, of which nothing else is left.
        let asked = known.enquiry.asked();
        let stored = carry::need(desk, &known)?;
        let is_same = (&asked.owner, &asked.counterpart, &known.purpose) == (&origin, &recipient, &purpose)
            && (asked.body, &asked.actor) == (Body::Asked { from }, &call.actor())
            && stored.is_none_or(|stored| stored == need.encode_to_vec());
        return if is_same { act::finish(desk, call, held) } else { Err(Error::RequestIdReused) };
    }
    let mut refusal = Refusal::default();
    directory(shared, &super::contract(), (&origin, &recipient), &purpose, now, &mut refusal);
    refusal.or(())?;
    let draft = rules::ask(held.placement, (origin, recipient), from, call.actor(), now)?;
    if message.validate_only {
        return Ok(pb::AskPlacementResponse::default());
    }
    let (event, bytes) = Event::write(draft);
    let known = Known::new(held, purpose, Enquiry::open(event.clone())?);
    store::add(desk.tx(), &event, held, &known.purpose, false, now)?;
    carry::send(desk, shared, &known, (&event, bytes), Some(need.encode_to_vec()), &call.traceparent)?;
    metrics::add(&shared.counters.placements_asked);
    act::finish(desk, call, held)
}
