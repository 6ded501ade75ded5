//! The access point of the successor: checks what it is offered as if it had received every event itself, and takes the
//! branch over under the same ids.

use nhipcau_domain::{
    directory::Succession,
    referral::{Body, Branch, Event, HandOver, Part, Side, UnitRef, check_part},
};
use nhipcau_messaging::{
    desk::Desk,
    message::{Incoming, RefusalReason},
    pae,
};
use nhipcau_proto::referral::v1 as pb;
use prost::Message as _;

use super::{
    copy::{Believed, believe},
    is_open,
};
use crate::{
    BRANCHES, BRANCHES_OF_A_CASE, Referrals,
    content::{self, Piece},
    event, hold, metrics,
    receive::{INVALID, NotTaken, caused, is_counted_right},
    send,
    store::{
        branch::{self, Known},
        log::{self, Carried},
        reading::{self, Held},
        succession,
    },
    waking,
};

const WRONG_STATE: NotTaken = NotTaken::Reason(RefusalReason::WrongState);
const NOT_AGREED: NotTaken = NotTaken::Reason(RefusalReason::NotAgreed);
const NOT_YET: NotTaken = NotTaken::Reason(RefusalReason::NotYet);

/// Says whether the branch that is offered would be taken. Nothing of it is kept.
///
/// # Errors
/// [`NotTaken`]; the unit that offers it goes on.
pub(crate) fn offered<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    message: &Incoming<'_>,
) -> Result<(), NotTaken> {
    let [part] = message.parts else { return Err(INVALID) };
    let offered = pb::BranchOffered::decode(part.as_slice()).map_err(|_| INVALID)?;
    let copy = offered.branch.ok_or(INVALID)?;
    let Believed { branch, .. } = believe(shared, message.sender, &copy, None)?;
    let heir = heir(message)?;
    named(desk, shared, message, branch.unit(Side::Recipient), &heir)
        .map_err(|refused| offer(shared, message, refused))?;
    let is_whole = message.header.correlation == Some(branch.ids().case.into_bytes())
        && copy.parts.is_empty()
        && copy.work.is_empty();
    if !is_whole || copy.holds.len() > hold::HANDED || !copy.holds.iter().all(hold::is_sound) {
        return Err(INVALID);
    }
    let held = Held { branch: branch.ids().branch, side: Side::Recipient };
    let has_it = |known: &Known| known.branch.hand_over() != HandOver::Done;
    if branch::known(desk.tx(), held)?.as_ref().is_some_and(has_it) {
        return Err(WRONG_STATE);
    }
    welcome(desk, shared, message, &branch, &heir).map_err(|refused| offer(shared, message, refused))
}

/// What is said of an offer that this release is against. Of one by a newer release it is "not yet", and it comes again
/// as soon as that is in use here; by the same one it is refused for good, and tried again in its own time.
fn offer(shared: &Referrals, message: &Incoming<'_>, refused: NotTaken) -> NotTaken {
    let is_behind = message.directory_version > shared.release().version();
    match refused {
        NotTaken::Reason(RefusalReason::NotYet | RefusalReason::NotAgreed) if is_behind => NOT_YET,
        NotTaken::Reason(RefusalReason::NotYet) => WRONG_STATE,
        refused => refused,
    }
}

/// Whether the branch may come here as if its origin had addressed the heir.
fn welcome<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    message: &Incoming<'_>,
    branch: &Branch,
    heir: &UnitRef,
) -> Result<(), NotTaken> {
    is_counted_right(message, branch)?;
    let (ids, origin, purpose) = (branch.ids(), branch.unit(Side::Origin), &message.header.purpose);
    let (release, contract, now) = (shared.release(), crate::contract(), desk.now());
    let is_agreed = [(origin, heir), (heir, origin)]
        .iter()
        .all(|(from, to)| release.lets_go_on(&from.party, &contract, &to.party, purpose, now));
    if !is_agreed {
        return Err(NOT_AGREED);
    }
    let of_case = branch::of_case_by(desk.tx(), ids.case, &origin.party, Side::Recipient)?;
    let of_referral = reading::branches(desk.tx(), &heir.party, ids.referral, Side::Recipient)?;
    if of_referral >= BRANCHES || of_case >= BRANCHES_OF_A_CASE || !is_open(branch.view().state) {
        return Err(WRONG_STATE);
    }
    caused(desk, branch)
}

/// The event that hands a branch over, where a message to the successor brings one.
pub(super) fn moved(message: &Incoming<'_>) -> Option<Event> {
    let event = Event::read(message.parts.first()?).ok()?;
    matches!(event.body, Body::Moved { .. }).then_some(event)
}

/// Takes a branch over; false when the message is another.
///
/// # Errors
/// [`NotTaken`]; what was written must then be undone.
pub(crate) fn take_over<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    message: &Incoming<'_>,
) -> Result<bool, NotTaken> {
    let [bytes, second, rest @ ..] = message.parts else { return Ok(false) };
    let Some(moved) = moved(message) else { return Ok(false) };
    let held = Held { branch: moved.ids.branch, side: Side::Recipient };
    if let Some(stored) = log::at(desk.tx(), held, Side::Recipient, moved.ordinal)? {
        return if stored.event.digest() == moved.digest() { Ok(true) } else { Err(INVALID) };
    }
    let copy = pb::BranchHandedOver::decode(second.as_slice()).map_err(|_| INVALID)?;
    let Believed { branch, events } = believe(shared, message.sender, &copy, Some(&moved))?;
    let heir = heir(message)?;
    let is_addressed = matches!(&moved.body, Body::Moved { successor } if *successor == heir)
        && message.header.correlation == Some(moved.ids.case.into_bytes());
    if !is_addressed {
        return Err(INVALID);
    }
    named(desk, shared, message, &moved.owner, &heir)?;
    // Nobody else has it by now: what is against it must change.
    let for_now = |not_taken| if let NotTaken::Reason(_) = not_taken { NOT_YET } else { not_taken };
    welcome(desk, shared, message, &branch, &heir).map_err(for_now)?;
    let release = shared.release();
    let host = release.access_point_for(&heir.party, &heir.unit, &crate::contract()).ok_or(NOT_YET)?;
    let mut pieces = pieces(&copy, rest)?;
    pieces.extend(said(&copy, &events)?);
    let opening = events.first().map(|(event, _)| event.clone()).ok_or(INVALID)?;
    let purpose = message.header.purpose.clone();
    branch::add(desk.tx(), held, &opening, &purpose, Some(&branch))?;
    for (event, handed) in &events {
        if let Some(stored) = log::at(desk.tx(), held, event.side, event.ordinal)? {
            if stored.event.digest() != event.digest() {
                return Err(INVALID);
            }
            continue;
        }
        let carried = if handed.bare { Carried::Bare } else { Carried::Whole };
        let now = desk.now();
        // By the clock of who had it, and neither before the branch began nor later than now.
        let since = handed.store_time.and_then(|at| jiff::Timestamp::new(at.seconds, at.nanos).ok());
        let since = since.unwrap_or(now).max(opening.time).min(now);
        event::keep_since(desk, held, event, &handed.event, (None, carried), since)?;
        if event.side == held.side {
            log::conclude(desk.tx(), held, event.ordinal, 0, None)?;
        }
    }
    event::keep(desk, held, &moved, bytes, Some(message.id), Carried::Whole)?;
    log::conclude(desk.tx(), held, moved.ordinal, 0, None)?;
    succession::forget(desk.tx(), held.branch)?;
    succession::keep_proofs(desk.tx(), held.branch, &copy)?;
    branch::relocate(desk.tx(), held, &branch)?;
    for piece in &pieces {
        content::put(desk, moved.ids.case, send::owner(held, moved.ids.referral), piece)?;
    }
    let known = branch::known(desk.tx(), held)?.unwrap_or(Known { held, purpose, branch, is_whole: true });
    for held in copy.holds.iter().take(hold::HANDED) {
        hold::inherit(desk, host, &known, held)?;
    }
    metrics::add(&shared.counters.stored);
    send::stored(desk, shared, &known)?;
    waking::begin(desk, shared, &known)?;
    Ok(true)
}

/// The unit that is addressed.
fn heir(message: &Incoming<'_>) -> Result<UnitRef, NotTaken> {
    let to = message.header.recipient.as_ref().ok_or(INVALID)?;
    let unit = to.unit.clone().ok_or(INVALID)?;
    Ok(UnitRef { party: to.party.clone(), unit })
}

/// Whether the unit that writes had the branch, and the release names the one addressed as its successor.
fn named<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    message: &Incoming<'_>,
    unit: &UnitRef,
    heir: &UnitRef,
) -> Result<(), NotTaken> {
    let sender = &message.header.sender;
    if sender.party != unit.party || sender.unit.as_ref() != Some(&unit.unit) {
        return Err(INVALID);
    }
    if Succession::confirms(&shared.release(), unit, heir, desk.now()) { Ok(()) } else { Err(NOT_YET) }
}

/// The content that came along.
fn pieces(copy: &pb::BranchHandedOver, parts: &[Vec<u8>]) -> Result<Vec<Piece>, NotTaken> {
    if copy.parts.len() != parts.len() {
        return Err(INVALID);
    }
    let mut pieces = Vec::with_capacity(parts.len());
    for (entry, bytes) in copy.parts.iter().zip(parts) {
        let part = Part::from_wire(entry.part).filter(|part| *part != Part::Work).ok_or(INVALID)?;
        if pae::sha256(bytes).as_slice() != entry.digest || check_part(part, bytes).is_err() {
            return Err(INVALID);
        }
        pieces.push(Piece::new(part, bytes.clone()));
    }
    Ok(pieces)
}

/// What was said beside the works of the recipient's log.
fn said(copy: &pb::BranchHandedOver, events: &[(Event, pb::HandedEvent)]) -> Result<Vec<Piece>, NotTaken> {
    let named = events.iter().filter(|(event, _)| event.side == Side::Recipient);
    let named: Vec<_> = named.flat_map(|(event, _)| &event.parts).map(|entry| (entry.part, entry.digest)).collect();
    let pieces: Vec<_> = copy.work.iter().map(|bytes| Piece::new(Part::Work, bytes.clone())).collect();
    let is_named = |piece: &Piece| named.contains(&(piece.part, piece.digest));
    let is_fit = |piece: &Piece| is_named(piece) && check_part(piece.part, &piece.bytes).is_ok();
    if pieces.iter().all(is_fit) { Ok(pieces) } else { Err(INVALID) }
}
