//! The access point that had the branch: finds what is to be handed over, asks the successor, hands over, and keeps
//! what the successor may have to be given again.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::{Heir, Release, Succession},
    id::AccessPointId,
    reason,
    referral::{Body, Command, HandOver, PartSet, Request, Side, UnitRef, decide},
};
use nhipcau_messaging::{
    desk::Desk,
    handler::{Context, Due},
    message::{Cause, Draft, Header, Incoming, Lane, MessageId, Outcome, Recipient},
    pae,
    store::{self, Error as StoreError},
};
use nhipcau_proto::referral::v1 as pb;
use prost::Message as _;
use uuid::Uuid;

use super::{MINOR, OFFER_MESSAGE, copy::Copy, is_open};
use crate::{
    EVENT_MESSAGE, Referrals, attachment, erase,
    error::Error,
    event, hold as own, send,
    store::{
        branch::{self, Known},
        content, hold,
        log::{self, Carried},
        notice::BOOK,
        reading::Held,
        succession::{self, Stage, Way},
    },
    waking,
};

/// How often branches are looked for whose unit is over by time alone.
const LOOK: SignedDuration = SignedDuration::from_mins(1);
/// When a branch is looked at again that could not be dealt with.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);
/// When a branch is offered again that nobody took, and when the operator is told of one that has not arrived.
const RETRY: SignedDuration = SignedDuration::from_hours(1);
/// When a successor is asked again that has said nothing.
const UNANSWERED: SignedDuration = SignedDuration::from_hours(24);
/// How long a successor may have to be given again what it lost: as long as any peer.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Branches that are found in one look.
const FOUND: u64 = 256;

/// What was looked at last.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    release: u64,
    next: Option<Timestamp>,
}

/// Takes the branch that is due first, after a look for new ones.
pub(crate) fn take_due(
    context: &mut Context<'_, '_>,
    shared: &Referrals,
    watch: &mut Watch,
) -> Result<Option<Due>, store::Error> {
    let (release, now) = (shared.release(), context.now);
    if watch.release != release.version() || watch.next.is_none_or(|next| next <= now) {
        let is_all = find(context, &release)?;
        (watch.release, watch.next) = (release.version(), is_all.then_some(now + LOOK));
    }
    Ok(succession::take(context.tx, now, now + AGAIN)?.map(Uuid::into_bytes))
}

/// Finds open branches of units that are over and have a successor; false when there may be more of them. A
/// NOTIFICATION asks nothing of anybody, and stays.
fn find(context: &mut Context<'_, '_>, release: &Release) -> Result<bool, store::Error> {
    let now = context.now;
    let is_over = |unit: &&nhipcau_domain::directory::Unit| {
        !unit.successors.is_empty() && !release.is_addressable(&unit.party, &unit.id, now)
    };
    let mut left = FOUND;
    for over in release.units().filter(is_over) {
        let unit = UnitRef { party: over.party.clone(), unit: over.id.clone() };
        if left == 0 || Succession::of(release, &unit, now).heir() == Heir::Nobody {
            continue;
        }
        for uid in succession::open_at(context.tx, &unit, left)? {
            succession::note(context.tx, &Way::new(uid), Some(now))?;
            left = left.saturating_sub(1);
        }
    }
    Ok(left > 0)
}

/// Does what is due for a branch on its way.
pub(crate) fn act_on(context: &mut Context<'_, '_>, shared: &Referrals, due: Due) -> Result<(), Error> {
    let branch = Uuid::from_bytes(due);
    let Some(way) = succession::of(context.tx, branch)? else { return Ok(()) };
    let known = branch::known(context.tx, Held { branch, side: Side::Recipient })?;
    let Some(known) = known.filter(|known| known.is_whole) else { return Ok(()) };
    match way.stage {
        Stage::Waits => offer(context, shared, known, way),
        Stage::Asked => {
            tracing::error!(branch = %way.branch, "A successor does not say whether it takes a branch. Somebody must look.");
            offer(context, shared, known, way)
        }
        Stage::Moved if way.message.is_some() => {
            tracing::error!(branch = %way.branch, "A successor has not taken a branch yet. Somebody must look.");
            let due = context.now + RETRY;
            Ok(succession::note(context.tx, &way, Some(due))?)
        }
        Stage::Moved => tell(context, shared, &known, way),
        Stage::Taken => {
            succession::note(context.tx, &Way { stage: Stage::Gone, ..way }, None)?;
            erase::case(context, shared, known.branch.ids().case)
        }
        Stage::Gone => Ok(()),
    }
}

/// Asks who takes the branch over, or says why nobody can be asked.
fn offer(context: &mut Context<'_, '_>, shared: &Referrals, known: Known, way: Way) -> Result<(), Error> {
    let (release, now, unit) = (shared.release(), context.now, known.branch.unit(Side::Recipient).clone());
    let succession = Succession::of(&release, &unit, now);
    let chosen = way.successor.clone().filter(|unit| way.chosen && succession.offers(unit));
    let heir = match (chosen, succession.heir()) {
        (Some(unit), _) | (None, Heir::One(unit)) => unit,
        (None, Heir::Several) => return wait(context, way, reason::SEVERAL_SUCCESSORS),
        (None, Heir::Nobody) => return Ok(succession::forget(context.tx, way.branch)?),
    };
    if !is_open(known.branch.view().state) {
        return Ok(succession::forget(context.tx, way.branch)?);
    }
    let contract = crate::contract();
    let host = |unit: &UnitRef| release.access_point_for(&unit.party, &unit.unit, &contract).cloned();
    let Some(to) = host(&heir) else { return wait(context, way, reason::NOT_HOSTED) };
    let origin = known.branch.unit(Side::Origin);
    let is_agreed = [(&unit, &heir), (origin, &heir), (&heir, origin)]
        .iter()
        .all(|(from, to)| release.lets_go_on(&from.party, &contract, &to.party, &known.purpose, now));
    if !is_agreed {
        return wait(context, way, reason::NOT_AGREED);
    }
    if crate::minor_in_use(&release) < MINOR {
        return wait(context, way, reason::MINOR_NOT_IN_USE);
    }
    let way = Way { successor: Some(heir), ..way };
    if host(&unit).as_ref() == Some(&to) {
        return stay(context, shared, known, (&way, &to));
    }
    let Some(mut copy) = Copy::of(context, &known)?.with_content(context, &known)?.fitting() else {
        return wait(context, way, reason::MESSAGE_TOO_LARGE);
    };
    // No content before it is certain that somebody takes it.
    (copy.branch.parts, copy.branch.work) = (Vec::new(), Vec::new());
    let events = (copy.branch.origin.len() as u64, copy.branch.recipient.len() as u64);
    let parts = vec![pb::BranchOffered { branch: Some(copy.branch) }.encode_to_vec()];
    let message = send_to_heir(context, shared, &known, &way, OFFER_MESSAGE, parts)?;
    let due = context.now + UNANSWERED;
    Ok(succession::note(context.tx, &Way { stage: Stage::Asked, message, events, ..way }, Some(due))?)
}

/// Both units are served here: the other one has the branch at once.
fn stay(
    context: &mut Context<'_, '_>,
    shared: &Referrals,
    mut known: Known,
    (way, here): (&Way, &AccessPointId),
) -> Result<(), Error> {
    let holds = hold::lasting(context.tx, &known.branch.unit(Side::Recipient).party, known.branch.ids().case)?;
    write(context, shared, &mut known, way, HandOver::None)?;
    succession::forget(context.tx, way.branch)?;
    branch::relocate(context.tx, known.held, &known.branch)?;
    for held in &holds {
        own::inherit(context, here, &known, held)?;
    }
    waking::begin(context, shared, &known)
}

/// Notes why a branch is still here, and tells a person once.
fn wait(context: &mut Context<'_, '_>, way: Way, reason: &str) -> Result<(), Error> {
    if way.reason != reason {
        tracing::error!(reason, branch = %way.branch, "A branch of a unit that is over stays there. Somebody must look.");
    }
    let way = Way { stage: Stage::Waits, message: None, reason: reason.to_owned(), ..way };
    let due = context.now + RETRY;
    Ok(succession::note(context.tx, &way, Some(due))?)
}

/// Learns what became of a message about a branch on its way.
pub(crate) fn concluded(
    context: &mut Context<'_, '_>,
    shared: &Referrals,
    id: MessageId,
    outcome: Outcome,
) -> Result<(), Error> {
    let Some(way) = succession::carried(context.tx, id)? else { return Ok(()) };
    let known = branch::known(context.tx, Held { branch: way.branch, side: Side::Recipient })?;
    let Some(known) = known else { return Ok(()) };
    let now = context.now;
    match (way.stage, outcome) {
        (Stage::Asked, Outcome::Received) => hand(context, shared, known, way),
        (Stage::Asked, Outcome::Refused(refused)) => {
            let name = refused.as_str_name();
            wait(context, way, name.strip_prefix("REFUSAL_REASON_").unwrap_or(name))
        }
        (Stage::Moved, Outcome::Received) => {
            BOOK.forget(context.tx, way.branch)?;
            let way = Way { stage: Stage::Taken, message: None, ..way };
            succession::note(context.tx, &way, Some(now + KEPT))?;
            leave(context, &known)
        }
        (Stage::Moved, Outcome::Refused(refused)) => {
            let branch = way.branch;
            tracing::error!(?refused, %branch, "A successor does not take what it said it would. Somebody must look.");
            // Each time all of it goes again: not more often than a branch is offered.
            Ok(succession::note(context.tx, &Way { message: None, ..way }, Some(now + RETRY))?)
        }
        _ => Ok(()),
    }
}

/// Drops the content of a branch that its successor has, unless a legal hold keeps it. Under the key of the case it may
/// still be given back to the successor for a while, as any message.
pub(crate) fn leave<'t>(desk: &mut impl Desk<'t>, known: &Known) -> Result<(), Error> {
    let ids = known.branch.ids();
    let is_taken = succession::of(desk.tx(), ids.branch)?.is_some_and(|way| way.stage >= Stage::Taken);
    if !is_taken || hold::is_held(desk.tx(), ids.case)? {
        return Ok(());
    }
    empty(desk, known)
}

/// Drops the content of a branch that was handed over when its origin recalls it or its consent is withdrawn, unless a
/// legal hold keeps it. What of it is on its way to the successor is given up, and goes again without content.
pub(crate) fn end<'t>(desk: &mut impl Desk<'t>, known: &Known) -> Result<(), Error> {
    let (ids, now) = (known.branch.ids(), desk.now());
    if hold::is_held(desk.tx(), ids.case)? {
        return Ok(());
    }
    if let Some(way) = succession::of(desk.tx(), ids.branch)?.filter(|way| way.stage == Stage::Moved) {
        succession::note(desk.tx(), &Way { message: None, ..way }, Some(now))?;
    }
    empty(desk, known)
}

fn empty<'t>(desk: &mut impl Desk<'t>, known: &Known) -> Result<(), Error> {
    let (ids, owner) = (known.branch.ids(), send::owner(known.held, known.branch.ids().referral));
    content::drop_but(desk.tx(), owner, PartSet::EMPTY)?;
    attachment::drop_but(desk, ids.case, owner, PartSet::EMPTY)
}

/// Hands over what the successor would take, unless something happened since it was asked: then it is asked again.
fn hand(context: &mut Context<'_, '_>, shared: &Referrals, mut known: Known, way: Way) -> Result<(), Error> {
    let events = Side::ALL.map(|side| known.branch.log(side).head().map_or(0, |head| head.ordinal));
    let offers = way.successor.as_ref().is_some_and(|successor| {
        Succession::of(&shared.release(), known.branch.unit(Side::Recipient), context.now).offers(successor)
    });
    let is_same = events == [way.events.0, way.events.1] && known.is_whole;
    if !offers || !is_same || !is_open(known.branch.view().state) {
        let (way, now) = (Way { stage: Stage::Waits, message: None, ..way }, context.now);
        return Ok(succession::note(context.tx, &way, Some(now))?);
    }
    let written = context.attempt(|context| {
        write(context, shared, &mut known, &way, HandOver::Done)?;
        tell(context, shared, &known, Way { stage: Stage::Moved, reason: String::new(), ..way.clone() })
    });
    match written {
        // Whoever may not be told of it would go on sending here.
        Err(error @ Error::Rules(_)) => wait(context, way, error.reason()),
        written => written,
    }
}

/// Ends the own part of the log, and tells the origin. What is here is then the copy of the unit before, or that of the
/// successor.
fn write(
    context: &mut Context<'_, '_>,
    shared: &Referrals,
    known: &mut Known,
    way: &Way,
    then: HandOver,
) -> Result<(), Error> {
    let successor = way.successor.clone().ok_or(StoreError::Corrupt("a hand-over to nobody"))?;
    let (command, actor) = (Command::Move { successor }, send::rules());
    let request = Request { command, etag: None, actor, now: context.now };
    let draft = decide(&known.branch, Side::Recipient, request).map_err(Error::Rules)?;
    known.branch = known.branch.clone().with_hand_over(then);
    send::write(context, shared, known, draft, "")
}

/// Gives the branch to the successor.
fn tell(context: &mut Context<'_, '_>, shared: &Referrals, known: &Known, way: Way) -> Result<(), Error> {
    send::mend(context, shared, known)?;
    // Put back to before it: it comes back, and this is tried again.
    let Some(moved) = known.branch.last_move().map(|moved| moved.ordinal) else { return Ok(()) };
    let stored = log::at(context.tx, known.held, Side::Recipient, moved)?;
    let stored = stored.ok_or(StoreError::Corrupt("a hand-over without its event"))?;
    let bytes =
        event::travelled(context, known.held, &stored)?.ok_or(StoreError::Corrupt("a hand-over that is erased"))?;
    let copy = Copy::of(context, known)?.with_content(context, known)?;
    let whole = copy.branch.encoded_len();
    let copy = copy.fitting().ok_or_else(|| {
        tracing::error!(branch = %way.branch, whole, "A branch is larger than any message.");
        Error::rule("branch", reason::MESSAGE_TOO_LARGE)
    })?;
    let mut parts = vec![bytes, copy.branch.encode_to_vec()];
    parts.extend(copy.pieces.into_iter().map(|piece| piece.bytes));
    let message = send_to_heir(context, shared, known, &way, EVENT_MESSAGE, parts)?;
    let due = context.now + RETRY;
    Ok(succession::note(context.tx, &Way { message, ..way }, Some(due))?)
}

/// Sends the successor a message; each one is another, whatever was sent before.
fn send_to_heir(
    context: &mut Context<'_, '_>,
    shared: &Referrals,
    known: &Known,
    way: &Way,
    message: &str,
    parts: Vec<Vec<u8>>,
) -> Result<Option<MessageId>, Error> {
    let (release, contract, now) = (shared.release(), crate::contract(), context.now);
    let heir = way.successor.as_ref().ok_or(StoreError::Corrupt("a hand-over to nobody"))?;
    let host = release.access_point_for(&heir.party, &heir.unit, &contract);
    let host = host.ok_or_else(|| Error::rule("recipient", reason::NOT_HOSTED))?;
    let unit = known.branch.unit(Side::Recipient);
    let time = now.as_microsecond().to_le_bytes();
    let pieces = [b"nhipcau/1/referral-succession".as_slice(), message.as_bytes(), way.branch.as_bytes(), &time];
    let cause = Cause::Entry { system: send::rules().system, time: now, digest: pae::digest_of(&pieces) };
    let draft = Draft {
        header: Header {
            message: message.to_owned(),
            contract,
            contract_minor: MINOR,
            sender: send::address(unit),
            recipient: Some(send::address(heir)),
            purpose: known.purpose.clone(),
            legal_basis: send::citation(&known.branch.view().basis),
            correlation: Some(known.branch.ids().case.into_bytes()),
            kind: known.branch.opening().kind.name().to_owned(),
            corrected: None,
            traceparent: String::new(),
            blobs: Vec::new(),
        },
        recipient: Recipient::One(host.clone()),
        lane: Lane::Messages,
        parts,
        cause,
        ordinal: 0,
    };
    Ok(Some(Desk::send(context, draft)?))
}

/// The store was put back to before the branch was handed over, and a message came back by which it was: nobody acts
/// here any more. Whether both others have it is not known, and they are given it again. False when it is another
/// message.
pub(crate) fn recovered<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    message: &Incoming<'_>,
) -> Result<bool, Error> {
    let Some(moved) = super::taking::moved(message) else { return Ok(message.header.message == OFFER_MESSAGE) };
    let (branch, now) = (moved.ids.branch, desk.now());
    let Body::Moved { successor } = &moved.body else { return Ok(false) };
    let (held, release, contract) = (Held { branch, side: Side::Recipient }, shared.release(), crate::contract());
    let host = |unit: &UnitRef| release.access_point_for(&unit.party, &unit.unit, &contract);
    if host(&moved.owner) == host(successor) {
        // Nothing travelled: the successor has it here.
        return Ok(false);
    }
    if succession::of(desk.tx(), branch)?.is_none_or(|way| way.stage < Stage::Moved) {
        let way = Way { stage: Stage::Moved, successor: Some(successor.clone()), ..Way::new(branch) };
        succession::note(desk.tx(), &way, Some(now))?;
    }
    let is_whole = message.parts.len() == 1;
    let stored = log::at(desk.tx(), held, Side::Recipient, moved.ordinal)?;
    let is_stored = stored.as_ref().is_some_and(|stored| stored.event.digest() == moved.digest());
    if !is_whole && !is_stored {
        if stored.is_some() {
            // Never signed, or signed and given up.
            log::cut(desk.tx(), held, Side::Recipient, moved.ordinal)?;
        }
        let bytes = message.parts.first().map(Vec::as_slice).unwrap_or_default();
        branch::add(desk.tx(), held, &moved, &message.header.purpose, None)?;
        event::keep(desk, held, &moved, bytes, None, Carried::Whole)?;
    }
    Ok(!is_whole)
}
