//! Taking an event of the other side, taking own ones back that this store has lost, and what became of messages.

use jiff::SignedDuration;
use nhipcau_domain::{
    placement::{Body, Enquiry, Event, KEPT, MOST_AN_HOUR, check_need},
    reason,
    referral::{Fault, Side, UnitRef},
};
use nhipcau_messaging::{
    desk::Desk,
    message::{Address, Incoming, MessageId, Outcome, RefusalReason},
};
use nhipcau_proto::placement::v1 as pb;
use prost::Message as _;

use super::{EVENT_MESSAGE, carry, thread};
use crate::{
    Switchboard,
    error::Error,
    handover::receive::NotTaken,
    metrics,
    store::placement::{self as store, Held, Known},
};

const INVALID: NotTaken = NotTaken::Reason(RefusalReason::Invalid);
const NOT_YET: NotTaken = NotTaken::Reason(RefusalReason::NotYet);
const WRONG_STATE: NotTaken = NotTaken::Reason(RefusalReason::WrongState);

/// An event as it travelled, and with the first one what is needed.
struct Travelled<'m> {
    event: Event,
    bytes: &'m [u8],
    need: Option<&'m [u8]>,
}

/// Reads a message.
fn read<'m>(message: &'m Incoming<'_>) -> Result<Travelled<'m>, NotTaken> {
    let header = message.header;
    let (bytes, need) = match message.parts {
        [bytes] => (bytes.as_slice(), None),
        [bytes, need] => (bytes.as_slice(), Some(need.as_slice())),
        _ => return Err(INVALID),
    };
    if message.broadcast || header.message != EVENT_MESSAGE {
        return Err(INVALID);
    }
    let event = Event::read(bytes).map_err(|_| INVALID)?;
    let is_addressed = header.correlation == Some(thread(event.placement).into_bytes())
        && is_unit(&header.sender, &event.owner)
        && header.recipient.as_ref().is_some_and(|recipient| is_unit(recipient, &event.counterpart));
    if !is_addressed || need.is_some() != matches!(event.body, Body::Asked { .. }) {
        return Err(INVALID);
    }
    if let Some(need) = need {
        let need = pb::PlacementNeed::decode(need).map_err(|_| INVALID)?;
        check_need(&need).map_err(|_| INVALID)?;
    }
    Ok(Travelled { event, bytes, need })
}

fn is_unit(address: &Address, unit: &UnitRef) -> bool {
    address.party == unit.party && address.unit.as_ref() == Some(&unit.unit)
}

/// Takes an event of the other side.
///
/// # Errors
/// [`NotTaken`]; what was written must then be undone.
pub(crate) fn take<'t>(desk: &mut impl Desk<'t>, shared: &Switchboard, message: &Incoming<'_>) -> Result<(), NotTaken> {
    let Travelled { event, bytes, need } = read(message)?;
    let held = Held { placement: event.placement, side: event.side().other() };
    let theirs = store::log(desk.tx(), held, event.side())?;
    if let Some(stored) = theirs.iter().find(|stored| stored.event.ordinal == event.ordinal) {
        return if stored.event.digest() == event.digest() { Ok(()) } else { Err(INVALID) };
    }
    let now = desk.now();
    match store::known(desk.tx(), held)? {
        Some(known) => added(desk, known, &event)?,
        // An own enquiry that is not there was lost, and the other side will give it back; or it is long over.
        None if held.side == Side::Origin => {
            let is_over = now.duration_since(event.time) > KEPT;
            return Err(if is_over { WRONG_STATE } else { NOT_YET });
        }
        None if event.ordinal > 1 => return Err(WRONG_STATE),
        None => {
            Enquiry::open(event.clone()).map_err(|_| INVALID)?;
            // Whoever was asked from here knows the uid, and makes no enquiry of its own of it.
            if !message.own && store::is_held(desk.tx(), Held { side: event.side(), ..held })? {
                return Err(INVALID);
            }
            let hour = now - SignedDuration::from_hours(1);
            let asked = store::asked_since(desk.tx(), &event.owner.party, hour, MOST_AN_HOUR + 1)?;
            let over_limit = asked >= MOST_AN_HOUR;
            if over_limit {
                metrics::add(&shared.counters.placements_over_limit);
            }
            // Said once, whatever else comes.
            if asked == MOST_AN_HOUR {
                tracing::warn!(party = %event.owner.party, "A party asks for placements too often.");
            }
            store::add(desk.tx(), &event, held, &message.header.purpose, over_limit, now)?;
        }
    }
    carry::keep(desk, held, (&event, bytes), need, Some(message.id))?;
    metrics::add(&shared.counters.placement_events);
    Ok(())
}

/// Judges an event of an enquiry that is here. What it names of this side's log and is not there was lost with an older
/// store and will be given back; until then it is refused for now only. In its place may stand what was written since
/// and has not been received: that gives way.
fn added<'t>(desk: &mut impl Desk<'t>, mut known: Known, event: &Event) -> Result<(), NotTaken> {
    if let Some(seen) = event.seen {
        let own = store::log(desk.tx(), known.held, known.held.side)?;
        let own = own.iter().find(|stored| stored.event.ordinal == seen.ordinal);
        let is_there = known.enquiry.log(known.held.side).len() as u64 >= seen.ordinal;
        if !is_there || own.is_none_or(|own| own.event.digest() != seen.digest && own.outcome.is_none()) {
            return Err(NOT_YET);
        }
    }
    if !known.is_whole && (known.enquiry.log(event.side()).len() as u64) < event.ordinal - 1 {
        return Err(NOT_YET);
    }
    known.enquiry.admit(event).map_err(|_| WRONG_STATE)?;
    match known.enquiry.record(event.clone()) {
        Ok(_) => Ok(()),
        // An earlier event was refused for good: messaging takes those of an enquiry in order.
        Err(Fault::Gap) => Err(WRONG_STATE),
        Err(_) => Err(INVALID),
    }
}

/// Takes an own event back: the other side holds it, so it stands, and what was written in its place is given up. What
/// a person answered is said again behind it, if only that nobody is left to tell stood there before.
pub(crate) fn recover<'t>(desk: &mut impl Desk<'t>, shared: &Switchboard, message: &Incoming<'_>) -> Result<(), Error> {
    let Travelled { event, bytes, need } = match read(message) {
        Ok(read) => read,
        Err(NotTaken::Failure(error)) => return Err(error),
        Err(NotTaken::Reason(_)) => {
            tracing::error!("An own event of a placement enquiry came back and cannot be read.");
            return Ok(());
        }
    };
    let held = Held { placement: event.placement, side: event.side() };
    let own = store::log(desk.tx(), held, held.side)?;
    let mut given_up = Vec::new();
    match own.iter().find(|stored| stored.event.ordinal == event.ordinal) {
        Some(stored) if stored.event.digest() == event.digest() => return Ok(()),
        // Never signed, or signed and given up: messages of events that no longer stand are skipped.
        Some(_) => {
            given_up = own.iter().map(|stored| stored.event.clone()).collect();
            given_up.retain(|own| own.ordinal >= event.ordinal && own.actor.person.is_some() && own.body != event.body);
            store::cut(desk.tx(), held, event.ordinal)?;
        }
        None => {}
    }
    let now = desk.now();
    store::add(desk.tx(), &event, held, &message.header.purpose, false, now)?;
    carry::keep(desk, held, (&event, bytes), need, Some(message.id))?;
    let is_answer = |own: &Event| event.body == Body::Unattended && matches!(own.body, Body::Answered(_));
    let answer = given_up.iter().rposition(is_answer).map(|at| given_up.remove(at));
    given_up.iter().for_each(|own| lost(held, own, reason::WRONG_STATE));
    answer.map_or(Ok(()), |answer| say_again(desk, shared, held, &answer))
}

/// Tells the operator of what a person said and has lost its place.
fn lost(held: Held, said: &Event, reason: &str) {
    let (placement, event) = (held.placement, said.body.name());
    tracing::error!(%placement, event, reason, "What was said was lost with an older store. Somebody must look.");
}

/// Says an answer again that has lost its place, as it was said.
fn say_again<'t>(desk: &mut impl Desk<'t>, shared: &Switchboard, held: Held, answer: &Event) -> Result<(), Error> {
    let Some(known) = store::known(desk.tx(), held)?.filter(|known| known.is_whole) else {
        lost(held, answer, reason::BRANCH_RECOVERING);
        return Ok(());
    };
    let said = known.enquiry.next(answer.body, answer.actor.clone(), answer.time).map_err(Error::Rules);
    let said = said.and_then(|draft| {
        let (event, bytes) = Event::write(draft);
        carry::send(desk, shared, &known, (&event, bytes), None, "")
    });
    match said {
        Err(refused @ Error::Rules(_)) => {
            lost(held, answer, refused.reason());
            Ok(())
        }
        said => said,
    }
}

/// Notes what became of the message that carries an own event.
pub(crate) fn conclude<'t>(desk: &mut impl Desk<'t>, id: MessageId, outcome: Outcome) -> Result<(), Error> {
    let number = match outcome {
        Outcome::Received => 0,
        Outcome::Refused(reason) => {
            tracing::error!(?reason, "An event of a placement enquiry was refused by the other side.");
            reason as i32
        }
    };
    Ok(store::conclude(desk.tx(), id, number)?)
}
