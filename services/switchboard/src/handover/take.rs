//! What the origin's rules write by themselves: once an acceptance is stored, that the contact is taken, with what the
//! other switchboard has to know. It is made of the contact as it stands then, and sealed then and not before.

use nhipcau_domain::{
    contact::{self as domain, Contact},
    handover::{Body, EventKind, State, may_tell},
    referral::{Content, Side},
};
use nhipcau_messaging::desk::Desk;
use uuid::Uuid;

use super::{
    content::{self, Piece},
    continued, send,
};
use crate::{
    Switchboard,
    error::Error,
    record::{keep, whole},
    store::{
        contact as store,
        handover::{self, Held, Known},
    },
};

/// Writes that the contact is taken, where an acceptance says so. What the rules or the directory do not allow now is
/// tried again.
///
/// # Errors
/// [`Error`] of the store.
pub(crate) fn settle<'t>(desk: &mut impl Desk<'t>, shared: &Switchboard, known: &Known) -> Result<(), Error> {
    if known.held.side != Side::Origin || known.handover.view().state != State::Accepted || !known.is_whole {
        return Ok(());
    }
    match taken(desk, shared, &mut known.clone()) {
        Err(Error::Rules(refusal)) => {
            tracing::warn!(%refusal, handover = %known.held.handover, "A contact that was accepted is not taken yet.");
            Ok(())
        }
        done => done,
    }
}

fn taken<'t>(desk: &mut impl Desk<'t>, shared: &Switchboard, known: &mut Known) -> Result<(), Error> {
    let Some(stored) = store::find(desk.tx(), known.handover.ids().contact)? else { return Ok(()) };
    let Some(standing) = whole(desk, &stored)? else { return Ok(()) };
    let handed = standing.hand_over(&domain::Call {
        etag: &standing.etag(),
        actor: &known.handover.offer().actor.clone(),
        now: desk.now(),
    })?;
    let pieces = due(desk, known, &standing)?;
    let (parts, now) = (content::digests(&pieces), desk.now());
    let draft = known.handover.next(Side::Origin, Body::HandoverTaken, parts, send::rules(), now)?;
    send::write(desk, shared, known, draft, &pieces, "")?;
    keep(desk, &handed)
}

/// What is told once the contact is taken: what the tier and the basis allow, and was not told already as it stands.
fn due<'t>(desk: &mut impl Desk<'t>, known: &Known, standing: &Contact) -> Result<Vec<Piece>, Error> {
    let view = known.handover.view();
    let content = Content::read(&standing.report.content(), content::salt)?;
    // Who consented may have come under suspicion since.
    if !view.basis.objections(content.suspects(), desk.now()).is_empty() {
        return Ok(Vec::new());
    }
    let told = content::newest(desk, known)?;
    let selected = may_tell(view, EventKind::HandoverTaken, content.parts());
    let mut pieces = content::pieces(&content);
    pieces.retain(|piece| selected.contains(piece.part));
    pieces.retain(|piece| !told.iter().any(|told| told.part == piece.part && content.says(told.part, &told.bytes)));
    Ok(pieces)
}

/// Has the contact stand as an own event says that came back: this store had been put back.
pub(crate) fn regain<'t>(desk: &mut impl Desk<'t>, known: &Known, event: EventKind) -> Result<(), Error> {
    let Some(stored) = store::find(desk.tx(), known.handover.ids().contact)? else { return Ok(()) };
    let Some(standing) = whole(desk, &stored)? else { return Ok(()) };
    let (etag, actor) = (standing.etag(), known.handover.offer().actor.clone());
    let call = domain::Call { etag: &etag, actor: &actor, now: desk.now() };
    let changed = match event {
        EventKind::HandoverTaken => standing.hand_over(&call),
        EventKind::HandedBack => standing.take_back(&call),
        _ => return Ok(()),
    };
    match changed {
        Ok(changed) => {
            keep(desk, &changed)?;
            if event == EventKind::HandedBack { continued::look(desk, &changed) } else { Ok(()) }
        }
        // It stands so already, or a person has done something else with it since the copy: that is left to people.
        Err(refusal) => {
            if (event == EventKind::HandoverTaken) != (standing.state == domain::State::HandedOver) {
                tracing::error!(%refusal, contact = %standing.uid, "A contact does not stand as its hand-over says.");
            }
            Ok(())
        }
    }
}

/// Looks again at a hand-over at which something was left to be done.
pub(crate) fn look<'t>(desk: &mut impl Desk<'t>, shared: &Switchboard, handover: Uuid) -> Result<(), Error> {
    for side in Side::ALL {
        let held = Held { handover, side };
        let Some(known) = handover::known(desk.tx(), held)? else { continue };
        send::mend(desk, shared, &known)?;
        settle(desk, shared, &known)?;
        if let Some(known) = handover::known(desk.tx(), held)? {
            send::stored(desk, &known)?;
        }
    }
    Ok(())
}

/// Whether the contact is offered to another switchboard, and what becomes of that is not certain yet.
pub(crate) fn is_offered<'t>(desk: &mut impl Desk<'t>, contact: Uuid) -> Result<bool, Error> {
    for held in handover::of_contact(desk.tx(), contact)? {
        let known = handover::known(desk.tx(), held)?;
        if known.is_none_or(|known| known.handover.view().state.is_pending()) {
            return Ok(true);
        }
    }
    Ok(false)
}
