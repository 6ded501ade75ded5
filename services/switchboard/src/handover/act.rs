//! What a side does about a hand-over: who may, was it asked before, is it lawful, write. The domain decides.

use nhipcau_domain::{
    contact as domain,
    handover::{Body, EventKind},
    reason,
    referral::{Content, Refusal, Side},
};
use nhipcau_messaging::desk::Desk;
use nhipcau_proto::{referral::v1 as referral, switchboard::v1 as pb};

use super::{
    content::{self, Piece},
    continued,
    request::{self, Asked, Response, side_of},
    send,
};
use crate::{
    Switchboard,
    error::Error,
    record::{keep, whole},
    store::{contact, handover::Known},
};

/// Carries out what needs nothing but the hand-over.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn act<'t, R: Response>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    asked: &Asked,
    body: Body,
) -> Result<R, Error> {
    carry_out(desk, shared, asked, body, |_, _| Ok(Vec::new()))
}

/// Tells what was learned since.
///
/// # Errors
/// As [`act`].
pub(crate) fn note<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    asked: &Asked,
    message: &pb::AddContactNoteRequest,
) -> Result<pb::AddContactNoteResponse, Error> {
    let given = message.content.clone().unwrap_or_default();
    carry_out(desk, shared, asked, Body::ContactNoteAdded, |desk, known| told(desk, known, &given))
}

/// Writes an event with the parts that it tells. What only checks writes nothing.
fn carry_out<'t, R: Response, D: Desk<'t>>(
    desk: &mut D,
    shared: &Switchboard,
    asked: &Asked,
    body: Body,
    pieces: impl FnOnce(&mut D, &Known) -> Result<Vec<Piece>, Error>,
) -> Result<R, Error> {
    let (kind, side) = (body.kind(), side_of(&body));
    let mut known = request::authorised(desk, asked, side)?;
    if let Some(answer) = request::answered(desk, &asked.call, &known)? {
        return Ok(answer);
    }
    crate::request::unused(&asked.call, desk)?;
    if !known.is_whole {
        return Err(Error::Recovering);
    }
    let mut refusal = Refusal::default();
    request::check_etag(&known.handover, &asked.etag, &mut refusal);
    refusal.or(())?;
    let pieces = pieces(desk, &known)?;
    let (parts, now) = (content::digests(&pieces), desk.now());
    let draft = known.handover.next(side, body, parts, asked.call.actor(), now)?;
    if kind == EventKind::HandBackAsked {
        continued::check_given_up(desk, &known)?;
    }
    if asked.validate_only {
        return Ok(R::new(Some(super::read::basic(desk.tx(), &known)?), false));
    }
    send::write(desk, shared, &mut known, draft, &pieces, &asked.call.traceparent)?;
    if kind == EventKind::HandedBack {
        come_back(desk, &known, asked)?;
    }
    request::finish(desk, &asked.call, known.held)
}

/// Has the contact back where it was. One that was lost with an older store stays lost.
fn come_back<'t>(desk: &mut impl Desk<'t>, known: &Known, asked: &Asked) -> Result<(), Error> {
    let Some(stored) = contact::find(desk.tx(), known.handover.ids().contact)? else { return Ok(()) };
    let Some(standing) = whole(desk, &stored)? else { return Ok(()) };
    let actor = asked.call.actor();
    let call = domain::Call { etag: &standing.etag(), actor: &actor, now: desk.now() };
    match standing.take_back(&call) {
        Ok(back) => {
            keep(desk, &back)?;
            continued::look(desk, &back)
        }
        Err(refusal) => {
            tracing::error!(%refusal, contact = %standing.uid, "A contact that was handed back was not handed over.");
            Ok(())
        }
    }
}

/// The parts that are given, checked beside the preview that was told.
fn told<'t>(desk: &mut impl Desk<'t>, known: &Known, given: &referral::ReferralContent) -> Result<Vec<Piece>, Error> {
    debug_assert_eq!(known.held.side, Side::Origin);
    let held = content::shown(&content::newest(desk, known)?);
    let whole = referral::ReferralContent { preview: given.preview.clone().or(held.preview), ..given.clone() };
    let content = Content::read(&whole, content::salt)?;
    let mut refusal = Refusal::default();
    // With what is given now whoever consented may have come under suspicion.
    for objection in known.handover.view().basis.objections(content.suspects(), desk.now()) {
        refusal.add("lawful_basis", objection);
    }
    refusal.or(())?;
    let mut pieces = content::pieces(&content);
    pieces.retain(|piece| given.preview.is_some() || piece.part != nhipcau_domain::referral::Part::Preview);
    if pieces.is_empty() {
        return Err(Error::rule("content", reason::PART_MISSING));
    }
    Ok(pieces)
}
