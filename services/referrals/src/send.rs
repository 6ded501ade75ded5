//! Writing an own event: into the log, into the message that carries it, and into what readers follow, all in one
//! transaction.
//!
//! What an ended branch had queued and no receipt has concluded goes on without its parts, so that the other side's
//! copy of the log stays whole and nothing is disclosed after the end.

use nhipcau_domain::{
    id::SystemId,
    reason,
    referral::{self, Actor, Basis, Body, Event, EventKind, Side, UnitRef, attached},
};
use nhipcau_messaging::{
    desk::Desk,
    message::{Address, Cause, Draft, Header, Lane, MessageId, Recipient},
    store::Error as StoreError,
};
use uuid::Uuid;

use crate::{
    ATTACHMENTS_MINOR, EVENT_MESSAGE, Referrals,
    content::{self, Piece},
    erase,
    error::Error,
    event, metrics,
    store::{
        branch::{self, Known},
        content::Owner,
        log::{self, Carried},
        reading::{self, Held},
    },
    submit,
};

/// Whose content a side holds: at the origin the referral's, at the recipient the branch's.
pub(crate) fn owner(held: Held, referral: Uuid) -> Owner {
    match held.side {
        Side::Origin => Owner { uid: referral, side: held.side },
        Side::Recipient => Owner { uid: held.branch, side: held.side },
    }
}

/// The rules, where they act by themselves.
#[expect(clippy::expect_used, reason = "the text is a constant of the right form, which every test shows")]
pub(crate) fn rules() -> Actor {
    Actor { system: SystemId::new("access-point").expect("the name of a system"), person: None }
}

/// Writes an own event and sends it.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn write<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    known: &mut Known,
    draft: referral::Draft,
    traceparent: &str,
) -> Result<(), Error> {
    if !known.is_whole {
        return Err(Error::Recovering);
    }
    let (event, bytes) = Event::write(draft.salted(submit::salt));
    known.branch.record(event.clone()).map_err(|fault| Error::rule("branch", fault.reason()))?;
    mend(desk, shared, known)?;
    let is_new = Sending { carried: Carried::Whole, is_new: true, traceparent };
    let message = dispatch(desk, shared, known, (&event, &bytes, &[]), is_new)?;
    event::keep(desk, known.held, &event, &bytes, message, Carried::Whole)?;
    metrics::add(&shared.counters.written);
    raise(shared, &event);
    stored(desk, shared, known)
}

/// Tells the operator of a release that waited for nobody.
pub(crate) fn raise(shared: &Referrals, event: &Event) {
    if event.body.kind() == EventKind::EmergencyReleased {
        metrics::add(&shared.counters.emergencies);
        tracing::warn!(branch = %event.ids.branch, "Content was released in an emergency, before acceptance.");
    }
}

/// Makes a new branch known, and stores and sends its opening: the event, its bytes, and the parts that are there. When
/// it cannot be sent, nothing of it is written.
pub(crate) fn first<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    known: &Known,
    (event, bytes, pieces): (&Event, &[u8], &[Piece]),
    traceparent: &str,
) -> Result<(), Error> {
    let is_new = Sending { carried: Carried::Whole, is_new: true, traceparent };
    let message = dispatch(desk, shared, known, (event, bytes, pieces), is_new)?;
    branch::add(desk.tx(), known.held, event, &known.purpose, Some(&known.branch))?;
    event::keep(desk, known.held, event, bytes, message, Carried::Whole)?;
    metrics::add(&shared.counters.written);
    stored(desk, shared, known)
}

/// What follows from an event that was stored: readers are told, and what has to be erased is.
pub(crate) fn stored<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &Known) -> Result<(), Error> {
    told(desk, shared, known)?;
    erase::purge(desk, shared, known)
}

/// Tells readers that a branch changed.
pub(crate) fn told<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &Known) -> Result<(), Error> {
    reading::changed(desk.tx(), known.held.side, &known.branch)?;
    // Announced before it is on disk: whoever hears it waits for the writer before reading.
    shared.changes.send_replace(());
    Ok(())
}

/// Has own events that are still under way go on without the parts that they would have disclosed.
pub(crate) fn withhold<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &Known) -> Result<(), Error> {
    // What goes without its parts already, and all that follows it, need not go again.
    let discloses = |stored: &log::Stored| stored.carried != Carried::Bare && !stored.event.parts.is_empty();
    resend_bare(desk, shared, known, discloses)
}

/// Sends what was held back when it should have been signed, or could not be sent, so that the log at the other side
/// stays whole.
pub(crate) fn mend<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &Known) -> Result<(), Error> {
    resend_bare(desk, shared, known, |stored| stored.carried == Carried::HeldBack || stored.message.is_none())
}

/// Sends, from the first event under way that is wanted, each again without its parts: later ones follow earlier ones.
fn resend_bare<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    known: &Known,
    is_first: impl Fn(&log::Stored) -> bool,
) -> Result<(), Error> {
    let log = log::all(desk.tx(), known.held, known.held.side)?;
    let under_way = log.iter().filter(|stored| !stored.is_concluded());
    for stored in under_way.skip_while(|stored| !is_first(stored)) {
        let Some(bytes) = event::travelled(desk, known.held, stored)? else {
            tracing::error!(branch = %known.held.branch, "An event cannot go on: the key of its case is gone.");
            return Ok(());
        };
        match dispatch(desk, shared, known, (&stored.event, &bytes, &[]), Sending::again(Carried::Bare)) {
            Ok(message @ Some(_)) => {
                log::carry(desk.tx(), known.held, stored.event.ordinal, message, Carried::Bare)?;
            }
            Ok(None) => {}
            // Who may not be sent to now does not get what is under way either.
            Err(Error::Rules(_)) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sends what the unit that handed the branch over had not taken to the one that has it now, in order, each as it was
/// to travel. What may not be sent there waits, and all that follows it, and a person is told.
pub(crate) fn forward<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    known: &Known,
    taken: u64,
) -> Result<(), Error> {
    let log = log::all(desk.tx(), known.held, known.held.side)?;
    let mut is_held = false;
    for stored in log.iter().filter(|stored| stored.event.ordinal > taken) {
        let Some(bytes) = event::travelled(desk, known.held, stored)? else {
            tracing::error!(branch = %known.held.branch, "An event cannot go on: the key of its case is gone.");
            return Ok(());
        };
        let carried = if stored.carried == Carried::Whole { Carried::Whole } else { Carried::Bare };
        let event = (&stored.event, bytes.as_slice(), [].as_slice());
        let again = Sending::again(carried);
        let sent = match if is_held { Ok(None) } else { dispatch(desk, shared, known, event, again) } {
            Ok(message) => message,
            Err(Error::Rules(refusal)) => {
                let branch = known.held.branch;
                tracing::error!(%branch, %refusal, "What a successor lacks cannot be sent to it. Somebody must look.");
                is_held = true;
                None
            }
            Err(error) => return Err(error),
        };
        // A store that was put back has sent it before.
        if sent.is_some() && sent == stored.message {
            continue;
        }
        let carried = if sent.is_some() { carried } else { Carried::HeldBack };
        log::carry(desk.tx(), known.held, stored.event.ordinal, sent, carried)?;
    }
    Ok(())
}

/// How an event is sent.
#[derive(Debug, Clone, Copy)]
struct Sending<'t> {
    carried: Carried,
    /// Whether it is written now. A new one of a minor version that the directory does not let be sent is refused: an
    /// access point that does not know it would refuse it for now, and what follows in the case would wait behind it.
    /// What stands in a log goes on in any case, because what follows it would wait for ever.
    is_new: bool,
    traceparent: &'t str,
}

impl Sending<'_> {
    /// What was sent before, or could not be.
    const fn again(carried: Carried) -> Self {
        Self { carried, is_new: false, traceparent: "" }
    }
}

/// Sends an own event to the other side, with the parts that are given or at rest; `None` when there is nobody who
/// would take it.
fn dispatch<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    known: &Known,
    (event, bytes, pieces): (&Event, &[u8], &[Piece]),
    Sending { carried, is_new, traceparent }: Sending<'_>,
) -> Result<Option<MessageId>, Error> {
    // Who refused the opening for good holds no log to add to.
    if known.branch.log(Side::Origin).events().iter().any(|event| matches!(event.body, Body::Returned { .. })) {
        return Ok(None);
    }
    // To whoever has the branch by now, also what was written for the unit before.
    let counterpart = known.branch.unit(event.side.other());
    let recipient = match reachable(desk, shared, known, &event.owner, counterpart) {
        // Who may no longer be told is told by a person; it holds here all the same, and follows if they may be again.
        Err(Error::Rules(_)) if always_wins(&event.body) => {
            tracing::error!(branch = %event.ids.branch, "An end could not be sent: nobody may be told by this way.");
            return Ok(None);
        }
        reachable => reachable?,
    };
    let (mut parts, mut attaches) = (vec![bytes.to_vec()], false);
    if carried == Carried::Whole && !event.parts.is_empty() {
        let owner = owner(known.held, event.ids.referral);
        for entry in &event.parts {
            let given = pieces.iter().find(|piece| piece.digest == entry.digest);
            let piece = match given {
                Some(piece) => Some(piece.clone()),
                None => content::find(desk, event.ids.case, owner, &entry.digest)?,
            };
            let piece = piece.ok_or(StoreError::Corrupt("an event without its content"))?;
            attaches |= !attached(piece.part, &piece.bytes).is_empty();
            parts.push(piece.bytes);
        }
    }
    let contract_minor = if attaches { event.minor().max(ATTACHMENTS_MINOR) } else { event.minor() };
    if is_new && contract_minor > crate::minor_in_use(&shared.release()) {
        return Err(Error::rule("contract", reason::MINOR_NOT_IN_USE));
    }
    let basis = event.basis.as_ref().map_or_else(|| known.branch.view().basis, Clone::clone);
    let moves = u32::try_from(known.branch.recipients().count()).unwrap_or(u32::MAX >> 1).saturating_sub(1);
    let draft = Draft {
        header: Header {
            contract_minor,
            traceparent: traceparent.to_owned(),
            ..header(known, &basis, (&event.owner, counterpart))
        },
        recipient,
        lane: Lane::Messages,
        parts,
        cause: cause(event),
        // For each unit that had the branch another message, and another without the parts.
        ordinal: 2 * moves + u32::from(carried == Carried::Bare),
    };
    Ok(Some(desk.send(draft)?))
}

/// The header of what is sent from one side of a branch to the other, on a basis.
pub(crate) fn header(known: &Known, basis: &Basis, (owner, counterpart): (&UnitRef, &UnitRef)) -> Header {
    Header {
        message: EVENT_MESSAGE.to_owned(),
        contract: crate::contract(),
        contract_minor: 0,
        sender: address(owner),
        recipient: Some(address(counterpart)),
        purpose: known.purpose.clone(),
        legal_basis: citation(basis),
        correlation: Some(known.branch.ids().case.into_bytes()),
        kind: known.branch.opening().kind.name().to_owned(),
        corrected: None,
        traceparent: String::new(),
        blobs: Vec::new(),
    }
}

/// What holds at the origin whether it can be sent or not.
const fn always_wins(body: &Body) -> bool {
    matches!(body, Body::ConsentWithdrawn { .. } | Body::EnteredInError { .. })
}

/// The access point of the other side, if the directory lets the owner send to it.
pub(crate) fn reachable<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    known: &Known,
    owner: &UnitRef,
    counterpart: &UnitRef,
) -> Result<Recipient, Error> {
    let (release, contract) = (shared.release(), crate::contract());
    let host = release.access_point_for(&counterpart.party, &counterpart.unit, &contract);
    let host = host.ok_or_else(|| Error::rule("recipient", reason::NOT_HOSTED))?;
    if !release.lets_go_on(&owner.party, &contract, &counterpart.party, &known.purpose, desk.now()) {
        return Err(Error::rule("recipient", reason::NOT_AGREED));
    }
    Ok(Recipient::One(host.clone()))
}

/// A message is caused by its event: the same event is the same message, and another one in its place, after a
/// rollback, another message.
pub(crate) fn cause(event: &Event) -> Cause {
    Cause::Entry { system: event.actor.system.clone(), time: event.time, digest: *event.digest().as_bytes() }
}

pub(crate) fn address(unit: &UnitRef) -> Address {
    Address { party: unit.party.clone(), unit: Some(unit.unit.clone()) }
}

pub(crate) fn citation(basis: &Basis) -> String {
    match basis {
        Basis::Consent(_) => "consent".to_owned(),
        Basis::StatutoryDuty { citation } => format!("statutory duty: {}", citation.as_str()),
        Basis::VitalInterest { citation, .. } => format!("vital interest: {}", citation.as_str()),
    }
}
