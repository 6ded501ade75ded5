//! Sending what a part names to the branch that it was disclosed to. Nothing goes before a receipt says that the event
//! with that part has arrived: so nothing is sealed, queued or sent before the part itself might be.
//!
//! One attachment after the other goes to a branch, and of it a few chunks at a time: the next one follows when one has
//! arrived. What was cut off goes on where it stopped, because each chunk is a message that is sent until it is
//! receipted.

use jiff::SignedDuration;
use nhipcau_domain::referral::{Basis, HandOver, Side, UnitRef, attached};
use nhipcau_messaging::{
    blob,
    desk::Desk,
    handler::Context,
    message::{BlobRef, Header, MessageId, Outcome, RefusalReason, SkipReason},
    store::is_received,
};
use uuid::Uuid;

use super::{CHUNK, blob_of, upload};
use crate::{
    Referrals, content,
    error::Error,
    metrics, receive, send,
    store::{
        branch::{self, Known},
        log::{self, Carried, Stored},
        reading::Held,
        sending::{self as store, Sending, State},
        upload as uploads,
    },
};

/// Chunks of an attachment that are under way at a time: 3 MiB.
const WINDOW: usize = 8;
/// When something is looked at again that should have gone on.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// How often an attachment begins anew that its recipient has no room for: for some ten days, each time later than
/// before and with its first chunk alone.
const ATTEMPTS: u32 = 20;
/// The longest pause between them.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// Ordinals of one attempt of one attachment; there are fewer chunks than this. The first belong to the event itself.
const ORDINALS: u32 = 256;
/// Attempts of one recipient; there are fewer.
const PLACES: u32 = 32;

/// The attachments that an event of a branch discloses.
fn named<'t>(desk: &mut impl Desk<'t>, known: &Known, stored: &Stored) -> Result<Vec<BlobRef>, Error> {
    let (ids, mut named) = (known.branch.ids(), Vec::new());
    for entry in &stored.event.parts {
        let piece = content::find(desk, ids.case, send::owner(known.held, ids.referral), &entry.digest)?;
        named.extend(piece.iter().flat_map(|piece| attached(piece.part, &piece.bytes)).map(|it| blob_of(&it)));
    }
    Ok(named)
}

/// Begins what an own event names that has arrived with its parts.
pub(crate) fn begin<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    known: &Known,
    ordinal: u64,
) -> Result<(), Error> {
    let stored = log::at(desk.tx(), known.held, Side::Origin, ordinal)?;
    let Some(stored) = stored.filter(|stored| stored.carried == Carried::Whole && !stored.event.parts.is_empty())
    else {
        return Ok(());
    };
    let branch = known.held.branch;
    for (place, blob) in (0..).zip(named(desk, known, &stored)?) {
        let before = store::find(desk.tx(), branch, &blob.digest)?;
        let is_over =
            |before: &Sending| matches!(before.state, State::Refused | State::Ended) && ordinal > before.ordinal;
        if before.is_some_and(|before| !is_over(&before)) {
            // It is on its way or there, by an earlier event.
            continue;
        }
        let sending = Sending { branch, blob, ordinal, place, next: 0, attempt: 0, state: State::UnderWay };
        let now = desk.now();
        store::put(desk.tx(), &sending, Some(now))?;
    }
    go_on(desk, shared, branch)
}

/// Has everything of a branch begin anew that was not ended: another unit has it by now, and what the one before had
/// received is not there.
pub(crate) fn follow<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, branch: Uuid) -> Result<(), Error> {
    let now = desk.now();
    for sending in store::of_branch(desk.tx(), branch)?.into_iter().filter(|sending| sending.state != State::Ended) {
        store::forget_chunks(desk.tx(), &sending)?;
        let sending = Sending { next: 0, attempt: 0, state: State::UnderWay, ..sending };
        store::put(desk.tx(), &sending, Some(now))?;
    }
    go_on(desk, shared, branch)
}

/// Sends what may go of the attachments of a branch.
pub(crate) fn go_on<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, uid: Uuid) -> Result<(), Error> {
    let under_way = |sending: &Sending| sending.state == State::UnderWay;
    let sendings: Vec<_> = store::of_branch(desk.tx(), uid)?.into_iter().filter(under_way).collect();
    if sendings.is_empty() {
        return Ok(());
    }
    let Some(known) = branch::known(desk.tx(), Held { branch: uid, side: Side::Origin })? else { return Ok(()) };
    for sending in sendings {
        if !go_on_with(desk, shared, &known, sending)? {
            break;
        }
    }
    Ok(())
}

/// Sends what may go of an attachment; true when nothing of it is left.
fn go_on_with<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    known: &Known,
    mut sending: Sending,
) -> Result<bool, Error> {
    if !may_go(desk, known, sending.ordinal)? {
        end(desk, sending)?;
        return Ok(true);
    }
    let mut in_flight = 0;
    for message in store::in_flight(desk.tx(), &sending)? {
        // What was received before this store was put back, nobody says again.
        match is_received(desk.tx(), message)? {
            true => store::forget_chunk(desk.tx(), message)?,
            false => in_flight += 1,
        }
    }
    let chunks = blob::chunks(sending.blob);
    // Whoever had no room is asked by one chunk whether it has.
    let is_asked = sending.attempt > 0 && sending.next == in_flight as u64;
    let window = if is_asked { 1 } else { WINDOW };
    while in_flight < window && sending.next < chunks {
        let Some(message) = send_chunk(desk, shared, known, &sending)? else { break };
        sending.next += 1;
        if !is_received(desk.tx(), message)? {
            store::add_chunk(desk.tx(), &sending, message)?;
            in_flight += 1;
        }
    }
    let is_over = sending.next == chunks && in_flight == 0;
    let due = (!is_over).then(|| desk.now() + PAUSE);
    if is_over {
        sending.state = State::Received;
    }
    store::put(desk.tx(), &sending, due)?;
    Ok(is_over)
}

/// Sends the next chunk; `None` when it is not here, or nobody may be sent to.
fn send_chunk<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    known: &Known,
    sending: &Sending,
) -> Result<Option<MessageId>, Error> {
    let [owner, counterpart] = Side::ALL.map(|side| known.branch.unit(side));
    let case = known.branch.ids().case;
    let Some(event) = log::at(desk.tx(), known.held, Side::Origin, sending.ordinal)? else { return Ok(None) };
    let Some(upload) = uploads::finished(desk.tx(), case, &owner.party, &sending.blob.digest)? else {
        return Ok(None);
    };
    let Some(data) = upload::chunk(desk, &upload, sending.next)? else { return Ok(None) };
    let recipient = match send::reachable(desk, shared, known, owner, counterpart) {
        Err(Error::Rules(_)) => return Ok(None),
        recipient => recipient?,
    };
    let basis = event.event.basis.clone().unwrap_or_else(|| known.branch.view().basis);
    let naming =
        Header { contract_minor: crate::ATTACHMENTS_MINOR, ..send::header(known, &basis, (owner, counterpart)) };
    // The same chunk of the same event is the same message, also after a store was put back.
    let moves = u32::try_from(known.branch.recipients().count()).unwrap_or(u32::MAX).saturating_sub(1);
    // For each unit that had the branch another message.
    let attempt = moves.saturating_mul(PLACES).saturating_add(sending.attempt);
    let first = attempt.saturating_mul(ORDINALS).saturating_add(1 + sending.place).saturating_mul(ORDINALS);
    let cause = send::cause(&event.event);
    let draft = blob::draft(&naming, &recipient, (&cause, first), sending.blob, sending.next, &data);
    Ok(Some(desk.send(draft)?))
}

/// Whether what an event named may go to its branch now.
fn may_go<'t>(desk: &mut impl Desk<'t>, known: &Known, ordinal: u64) -> Result<bool, Error> {
    let view = known.branch.view();
    let event = log::at(desk.tx(), known.held, Side::Origin, ordinal)?;
    let basis = event.and_then(|stored| stored.event.basis.clone()).unwrap_or(view.basis);
    Ok(!view.state.calls_for_erasure() && holds(&basis, desk.now()))
}

fn holds(basis: &Basis, now: jiff::Timestamp) -> bool {
    basis.objections(&[], now).is_empty()
}

/// Stops an attachment on its way.
fn end<'t>(desk: &mut impl Desk<'t>, sending: Sending) -> Result<(), Error> {
    store::forget_chunks(desk.tx(), &sending)?;
    Ok(store::put(desk.tx(), &Sending { state: State::Ended, ..sending }, None)?)
}

/// What became of a chunk.
pub(crate) fn concluded<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    id: MessageId,
    outcome: Outcome,
) -> Result<(), Error> {
    let Some(sending) = store::carried(desk.tx(), id)? else { return Ok(()) };
    match outcome {
        Outcome::Received => {
            store::forget_chunk(desk.tx(), id)?;
            go_on(desk, shared, sending.branch)
        }
        // Its recipient awaits too much of this access point at a time.
        Outcome::Refused(RefusalReason::TooLarge) if sending.attempt < ATTEMPTS => {
            store::forget_chunks(desk.tx(), &sending)?;
            let pause = PAUSE.saturating_mul(1 << sending.attempt.min(16)).min(LONGEST);
            let due = desk.now() + pause;
            Ok(store::put(desk.tx(), &Sending { next: 0, attempt: sending.attempt + 1, ..sending }, Some(due))?)
        }
        Outcome::Refused(reason) => {
            metrics::add(&shared.counters.refused_by_peer);
            tracing::warn!(branch = %sending.branch, ?reason, "An attachment was refused by its recipient.");
            store::forget_chunks(desk.tx(), &sending)?;
            store::put(desk.tx(), &Sending { state: State::Refused, ..sending }, None)?;
            go_on(desk, shared, sending.branch)
        }
    }
}

/// Whether a chunk may still be signed.
pub(crate) fn may_send(
    id: MessageId,
    header: &Header,
    context: &mut Context<'_, '_>,
) -> Result<Option<SkipReason>, Error> {
    let withdrawn = Some(SkipReason::Withdrawn);
    if let Some(sending) = store::carried(context.tx, id)? {
        let known = branch::known(context.tx, Held { branch: sending.branch, side: Side::Origin })?;
        if let Some(known) = known
            && may_go(context, &known, sending.ordinal)?
        {
            return Ok(None);
        }
        end(context, sending)?;
        return Ok(withdrawn);
    }
    // Given back by its recipient after this store had lost it.
    let Some(case) = header.correlation else { return Ok(withdrawn) };
    for held in branch::of_case(context.tx, Uuid::from_bytes(case))? {
        let Some(branch) = held.load(context.tx)?.filter(|_| held.side == Side::Origin) else { continue };
        let view = branch.view();
        let [owner, counterpart] = Side::ALL.map(|side| branch.unit(side));
        if is_between(header, owner, counterpart) && !view.state.calls_for_erasure() && holds(&view.basis, context.now)
        {
            return Ok(None);
        }
    }
    Ok(withdrawn)
}

/// Whether a branch that is held here by its recipient awaits a chunk of a blob.
pub(crate) fn awaits(header: &Header, blob: BlobRef, context: &mut Context<'_, '_>) -> Result<bool, Error> {
    let Some(case) = header.correlation.map(Uuid::from_bytes) else { return Ok(false) };
    for branch in uploads::awaiting(context.tx, case, (&blob.digest, blob.size_bytes))? {
        let branch = Held { branch, side: Side::Recipient }.load(context.tx)?;
        let is_it = |branch: &nhipcau_domain::referral::Branch| {
            let [owner, counterpart] = Side::ALL.map(|side| branch.unit(side));
            is_between(header, owner, counterpart)
                && branch.hand_over() != HandOver::Done
                && !branch.view().state.calls_for_erasure()
        };
        if branch.as_ref().is_some_and(is_it) {
            // An honest origin names no more.
            return Ok(uploads::awaited_bytes(context.tx, case, &header.sender.party)? <= upload::CASE_BYTES);
        }
    }
    Ok(false)
}

fn is_between(header: &Header, owner: &UnitRef, counterpart: &UnitRef) -> bool {
    receive::is_unit(&header.sender, owner)
        && header.recipient.as_ref().is_some_and(|recipient| receive::is_unit(recipient, counterpart))
}

/// Takes the first branch to which something is to go on, and puts it off.
pub(crate) fn take_due<'t>(desk: &mut impl Desk<'t>) -> Result<Option<Uuid>, Error> {
    let now = desk.now();
    Ok(store::take_due(desk.tx(), now, now + PAUSE)?)
}

/// How far an attachment has come, by the receipts.
pub(crate) fn arrived<'t>(desk: &mut impl Desk<'t>, sending: &Sending) -> Result<u64, Error> {
    let in_flight = store::in_flight(desk.tx(), sending)?.len() as u64;
    let chunks = if sending.state == State::Refused { 0 } else { sending.next.saturating_sub(in_flight) };
    Ok((chunks * CHUNK).min(sending.blob.size_bytes))
}
