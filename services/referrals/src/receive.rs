//! Taking an event of the other side: is it what its envelope says, does it stand where it claims, was it lawful with
//! what its writer knew. Then the origin's own rules act in the same transaction.

use jiff::Timestamp;
use nhipcau_domain::referral::{
    Body, Branch, Cause, Event, EventKind, Fault, HandOver, Kind, Part, Side, UnitRef, check_part,
    disclosure::{self, Stage},
};
use nhipcau_messaging::{
    desk::Desk,
    message::{Address, Incoming, RefusalReason},
    pae,
};

use crate::{
    BRANCHES, BRANCHES_OF_A_CASE, EVENT_MESSAGE, Referrals,
    attachment::sending,
    content::{self, Piece},
    error::Error,
    event, group, ladder, metrics, notified, send,
    store::{
        branch::{self, Known},
        log::{self, Carried},
        reading::{self, Held},
    },
    succession, waking, work,
};

/// Why an event has no effect.
#[derive(Debug)]
pub(crate) enum NotTaken {
    /// The sender is told this reason.
    Reason(RefusalReason),
    /// The sender is told this reason, and what was written stays.
    Kept(RefusalReason),
    /// A failure here.
    Failure(Error),
}

impl<E: Into<Error>> From<E> for NotTaken {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

pub(crate) const INVALID: NotTaken = NotTaken::Reason(RefusalReason::Invalid);
const NOT_YET: NotTaken = NotTaken::Reason(RefusalReason::NotYet);
const WRONG_STATE: NotTaken = NotTaken::Reason(RefusalReason::WrongState);

/// An event as it travelled, with the parts that came along.
pub(crate) struct Travelled {
    pub(crate) event: Event,
    pub(crate) bytes: Vec<u8>,
    pub(crate) pieces: Vec<Piece>,
    /// It was written for another unit than the one that it came to: one that handed the branch over since.
    pub(crate) is_forwarded: bool,
}

/// Reads a message. An event may come without its parts, when they may not be disclosed any more.
pub(crate) fn read(message: &Incoming<'_>) -> Result<Travelled, NotTaken> {
    let header = message.header;
    let [bytes, parts @ ..] = message.parts else { return Err(INVALID) };
    if message.broadcast || header.message != EVENT_MESSAGE {
        return Err(INVALID);
    }
    let event = Event::read(bytes).map_err(|_| INVALID)?;
    let is_addressed = header.correlation == Some(event.ids.case.into_bytes()) && is_unit(&header.sender, &event.owner);
    let is_forwarded = !header.recipient.as_ref().is_some_and(|recipient| is_unit(recipient, &event.counterpart));
    let is_whole = parts.len() == event.parts.len();
    if !is_addressed || !is_whole && !parts.is_empty() {
        return Err(INVALID);
    }
    let mut pieces = Vec::with_capacity(parts.len());
    for (entry, bytes) in event.parts.iter().zip(parts) {
        if pae::sha256(bytes) != entry.digest || check_part(entry.part, bytes).is_err() {
            return Err(INVALID);
        }
        pieces.push(Piece { part: entry.part, digest: entry.digest, bytes: bytes.clone() });
    }
    if let Body::WorkRecorded(work) = &event.body
        && is_whole
        && !work::fits(work, &pieces)
    {
        return Err(INVALID);
    }
    Ok(Travelled { event, bytes: bytes.clone(), pieces, is_forwarded })
}

impl Travelled {
    /// What of the event came.
    pub(crate) fn carried(&self) -> Carried {
        if self.pieces.len() == self.event.parts.len() { Carried::Whole } else { Carried::Bare }
    }
}

pub(crate) fn is_unit(address: &Address, unit: &UnitRef) -> bool {
    address.party == unit.party && address.unit.as_ref() == Some(&unit.unit)
}

/// Takes an event of the other side.
///
/// # Errors
/// [`NotTaken`]; what was written must then be undone, except with [`NotTaken::Kept`].
pub(crate) fn take<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, message: &Incoming<'_>) -> Result<(), NotTaken> {
    if message.parts.len() > 1 && succession::take_over(desk, shared, message)? {
        return Ok(());
    }
    let travelled = read(message)?;
    let event = &travelled.event;
    let held = Held { branch: event.ids.branch, side: event.side.other() };
    if let Some(stored) = log::at(desk.tx(), held, event.side, event.ordinal)? {
        return if stored.event.digest() == event.digest() { Ok(()) } else { Err(INVALID) };
    }
    if let Body::Moved { successor } = &event.body {
        succession::confirm(desk, shared, event, successor)?;
    }
    let mut is_new = false;
    let (mut known, is_whole) = match branch::known(desk.tx(), held)? {
        None => {
            let known = opened(shared, &travelled, held, message, desk.now())?;
            let (party, referral) = (&known.branch.unit(held.side).party, event.ids.referral);
            let of_case = branch::of_case_by(desk.tx(), event.ids.case, &event.owner.party, held.side)?;
            let of_referral = reading::branches(desk.tx(), party, referral, held.side)?;
            if of_referral >= BRANCHES || of_case >= BRANCHES_OF_A_CASE {
                return Err(WRONG_STATE);
            }
            caused(desk, &known.branch)?;
            branch::add(desk.tx(), held, event, &known.purpose, Some(&known.branch))?;
            is_new = true;
            // Own events may have been given back before the opening that they answer.
            let is_whole = log::all(desk.tx(), held, held.side)?.is_empty();
            (known, is_whole)
        }
        Some(known) => {
            // What the copy had when it was handed over, and lost since, comes back first.
            let is_later = |moved: &Event| known.is_whole && event.ordinal > moved.seen_ordinal();
            if known.branch.hand_over() == HandOver::Done && known.branch.last_move().is_some_and(is_later) {
                if event.body.ends_referral() && event.owner == *known.branch.unit(Side::Origin) {
                    succession::end(desk, &known)?;
                }
                return Err(NotTaken::Kept(RefusalReason::Moved));
            }
            let to = known.branch.unit(held.side);
            if travelled.is_forwarded && !message.header.recipient.as_ref().is_some_and(|unit| is_unit(unit, to)) {
                return Err(INVALID);
            }
            if succession::is_early(desk, shared, &known, (event, message.directory_version)) {
                return Err(NOT_YET);
            }
            let is_whole = known.is_whole;
            (added(desk, known, event)?, is_whole)
        }
    };
    is_counted_right(message, &known.branch)?;
    event::keep(desk, held, event, &travelled.bytes, Some(message.id), travelled.carried())?;
    if !is_whole {
        // Own events that waited for this one.
        known = branch::known(desk.tx(), held)?.unwrap_or(known);
    }
    keep(desk, held, &travelled)?;
    metrics::add(&shared.counters.stored);
    send::raise(shared, event);
    send::stored(desk, shared, &known)?;
    if is_new {
        waking::begin(desk, shared, &known)?;
    }
    if known.held.side == Side::Origin {
        follow(desk, shared, &mut known, event)?;
        if matches!(event.body, Body::Moved { .. }) {
            send::forward(desk, shared, &known, event.seen_ordinal())?;
            sending::follow(desk, shared, held.branch)?;
        }
    }
    Ok(())
}

/// Whether a message is counted under the kind of its branch, if it says one: else the other side could show an auditor
/// transfers as something else.
///
/// # Errors
/// `INVALID`.
pub(crate) fn is_counted_right(message: &Incoming<'_>, branch: &Branch) -> Result<(), NotTaken> {
    let stated = message.header.kind.as_str();
    if stated.is_empty() || stated == branch.opening().kind.name() { Ok(()) } else { Err(INVALID) }
}

/// Puts the parts of an event to rest.
pub(crate) fn keep<'t>(desk: &mut impl Desk<'t>, held: Held, travelled: &Travelled) -> Result<(), Error> {
    let ids = travelled.event.ids;
    for piece in &travelled.pieces {
        content::put(desk, ids.case, send::owner(held, ids.referral), piece)?;
    }
    Ok(())
}

/// A branch that begins here. Its opening must be lawful as far as it shows.
fn opened(
    shared: &Referrals,
    travelled: &Travelled,
    held: Held,
    message: &Incoming<'_>,
    now: Timestamp,
) -> Result<Known, NotTaken> {
    let event = &travelled.event;
    // What follows a branch that is on its way here from the unit whose duties were taken over.
    let to = message.header.recipient.as_ref().and_then(|to| Some((to.party.clone(), to.unit.clone()?)));
    let is_heir = || to.is_some_and(|(party, unit)| succession::is_heir(&shared.release(), &UnitRef { party, unit }));
    let is_first = matches!(event.body, Body::Opened(_));
    if travelled.is_forwarded || held.side == Side::Recipient && !is_first {
        return Err(if is_heir() { NOT_YET } else { WRONG_STATE });
    }
    let (Body::Opened(opening), Some(basis), Side::Recipient) = (&event.body, &event.basis, held.side) else {
        // An own branch that is not there was lost, and the other side will give it back; one of the other side begins
        // with its opening or not at all.
        return Err(if held.side == Side::Origin { NOT_YET } else { WRONG_STATE });
    };
    // Whose duties ended turns elsewhere for what is open, with word of it, and begins nothing.
    let is_new = opening.cause != Cause::Escalation && opening.kind != Kind::Notification;
    if is_new && shared.release().is_over(&event.owner.party, &event.owner.unit, event.time.min(now)) {
        return Err(NotTaken::Reason(RefusalReason::NotAgreed));
    }
    let parts: Vec<Part> = event.parts.iter().map(|entry| entry.part).collect();
    let stage = Stage { kind: opening.kind, state: None, event: EventKind::Opened };
    if !disclosure::objections(stage, &parts, basis, event.time).is_empty() {
        return Err(INVALID);
    }
    let branch = Branch::open(event.clone()).map_err(|_| INVALID)?.with_heard(now);
    Ok(Known { held, purpose: message.header.purpose.clone(), branch, is_whole: true })
}

/// Checks the branch that is named as the cause of another one, if it is here: mostly it is not, because another unit
/// was addressed. One of another party's is as good as not here, so that nobody finds out what is.
pub(crate) fn caused<'t>(desk: &mut impl Desk<'t>, branch: &Branch) -> Result<(), NotTaken> {
    let Some(uid) = branch.opening().cause_branch else { return Ok(()) };
    let origin = branch.unit(Side::Origin);
    let cause = Held { branch: uid, side: Side::Recipient }.load(desk.tx())?;
    let Some(cause) = cause.filter(|cause| cause.unit(Side::Origin).party == origin.party) else { return Ok(()) };
    let is_same = cause.unit(Side::Origin) == origin
        && (cause.ids().case, cause.ids().referral) == (branch.ids().case, branch.ids().referral);
    let joins = cause.opening().group == branch.opening().group;
    let fits = match branch.opening().cause {
        Cause::Reopened => !joins,
        // What a later version calls its cause says nothing here about the group.
        Cause::Unrecognized(_) => true,
        Cause::Initial | Cause::Redirect | Cause::Escalation => joins,
    };
    if is_same && fits { Ok(()) } else { Err(INVALID) }
}

/// The branch with the event. What it names of this side's log and is not there was lost with an older store and will
/// be given back; until then the event cannot be judged and is refused for now only. In its place may stand what was
/// written since and has not been received: that gives way. Nor is judged what follows an event that waits here itself.
fn added<'t>(desk: &mut impl Desk<'t>, mut known: Known, event: &Event) -> Result<Known, NotTaken> {
    if let Some(seen) = event.seen {
        let own = log::at(desk.tx(), known.held, known.held.side, seen.ordinal)?;
        let is_there = known.branch.log(known.held.side).at(seen.ordinal).is_some();
        let is_other = |own: &log::Stored| own.event.digest() != seen.digest && !own.is_concluded();
        if !is_there || own.as_ref().is_none_or(is_other) {
            return Err(NOT_YET);
        }
    }
    if !known.is_whole
        && known.branch.log(event.side).at(event.ordinal.saturating_sub(1)).is_none()
        && event.ordinal > 1
    {
        return Err(NOT_YET);
    }
    known.branch.admit(event).map_err(|_| WRONG_STATE)?;
    match known.branch.record(event.clone()) {
        Ok(_) => Ok(known),
        // An earlier event was refused for good: messaging takes those of a case in order.
        Err(Fault::Gap) => Err(WRONG_STATE),
        Err(_) => Err(INVALID),
    }
}

/// What the origin does about an answer.
fn follow<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &mut Known, event: &Event) -> Result<(), Error> {
    if known.branch.view().state.calls_for_erasure() {
        // What is still on its way to who will not serve goes without its content.
        send::withhold(desk, shared, known)?;
        // What its unit had seen kept the others of the need waiting.
        ladder::look(desk, known.held.branch)?;
    }
    if event.body.kind() == EventKind::RevocationGranted {
        notified::close_with(desk, shared, known)?;
    }
    match event.body.kind() {
        kind @ (EventKind::Accepted | EventKind::Acknowledged) => {
            group::settle(desk, shared, known, kind)?;
            notified::close(desk, shared, known)
        }
        _ => Ok(()),
    }
}
