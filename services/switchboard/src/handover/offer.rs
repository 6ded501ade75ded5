//! Offering a contact to another switchboard: whose it is, was it asked before, is it lawful, write and send.

use nhipcau_domain::{
    contact as domain,
    handover::{self as rules, Body, Event, Handover, Ids, Offer},
    id::{ContractId, Purpose},
    reason,
    referral::{Content, Part, Refusal, Side, UnitRef, read_basis, read_unit},
};
use nhipcau_messaging::desk::Desk;
use nhipcau_proto::switchboard::v1 as pb;

use super::{content, request, send, take};
use crate::{
    Switchboard,
    change::Asked,
    error::Error,
    metrics,
    record::{named, whole},
    request::made,
    store::handover::{self as store, Held, Known},
};

/// Offers a contact.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn offer<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    asked: &Asked,
    message: &pb::OfferHandoverRequest,
) -> Result<pb::OfferHandoverResponse, Error> {
    let call = &asked.call;
    let stored = named(desk, &call.party, asked.contact)?;
    let held = Held { handover: made(call, desk, "handover"), side: Side::Origin };
    if let Some(known) = store::known(desk.tx(), held)? {
        if let Some(answer) = request::answered(desk, call, &known)? {
            return Ok(answer);
        }
        // It came back after this store was put back, and the request with it.
        return if known.handover.ids().contact == asked.contact {
            request::finish(desk, call, held)
        } else {
            Err(Error::RequestIdReused)
        };
    }
    crate::request::unused(call, desk)?;
    let standing = whole(desk, &stored)?.ok_or_else(|| Error::rule("contact", reason::WRONG_STATE))?;
    let now = desk.now();
    let mut refusal = Refusal::default();
    let basis = message.lawful_basis.as_ref().and_then(|basis| read_basis(basis, "lawful_basis", &mut refusal));
    let recipient = read_unit(message.recipient.as_ref(), "recipient", &mut refusal);
    let purpose = Purpose::new(&message.purpose).map_err(|_| Error::rule("purpose", reason::FIELD_FORMAT))?;
    let (Some(basis), Some(recipient)) = refusal.or((basis, recipient))? else {
        return Err(Error::rule("lawful_basis", reason::BASIS_MISSING));
    };
    let actor = call.actor();
    let mut refusal = standing.against_offer(&basis, &domain::Call { etag: &asked.etag, actor: &actor, now });
    if take::is_offered(desk, standing.uid)? {
        refusal.add("contact", reason::CONTACT_OFFERED);
    }
    directory(shared, &crate::contract(), (&standing.unit, &recipient), &purpose, now, &mut refusal);
    refusal.or(())?;
    let content = Content::read(&standing.report.content(), content::salt)?;
    let mut pieces = content::pieces(&content);
    pieces.retain(|piece| piece.part == Part::Preview);
    let draft = rules::offer(Offer {
        ids: Ids { case: standing.case, contact: standing.uid, handover: held.handover },
        origin: standing.unit.clone(),
        recipient,
        basis,
        body: Body::HandoverOffered { asked: rules::asked(standing.report.details()), waiting: message.waiting },
        parts: content::digests(&pieces),
        actor,
        now,
    })?;
    if asked.validate_only {
        return Ok(pb::OfferHandoverResponse::default());
    }
    let (event, bytes) = Event::write(draft);
    let handover = Handover::open(event.clone())?;
    let known = Known { held, purpose, handover, is_whole: true, own_contact: None };
    store::add(desk.tx(), held, event.ids, &known.purpose, now)?;
    send::first(desk, shared, &known, (&event, &bytes, &pieces), &call.traceparent)?;
    metrics::add(&shared.counters.offered);
    request::finish(desk, call, held)
}

/// What the directory has against asking one unit by the other under a contract, and against its answers.
pub(crate) fn directory(
    shared: &Switchboard,
    contract: &ContractId,
    (from, to): (&UnitRef, &UnitRef),
    purpose: &Purpose,
    now: jiff::Timestamp,
    refusal: &mut Refusal,
) {
    let release = shared.release();
    if release.unit(&to.party, &to.unit).is_some() && !release.is_addressable(&to.party, &to.unit, now) {
        refusal.add("recipient", reason::UNIT_CLOSED);
    }
    if release.access_point_for(&to.party, &to.unit, contract).is_none() {
        refusal.add("recipient", reason::NOT_HOSTED);
    }
    for (sender, other) in [(from, to), (to, from)] {
        if !release.allows(&sender.party, contract, &other.party, purpose, now) {
            refusal.add("recipient", reason::NOT_AGREED);
        }
    }
}
