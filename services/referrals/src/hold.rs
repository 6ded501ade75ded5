//! Legal holds of a party: a person orders that nothing of a case is erased, and a person releases it.
//!
//! Each leaves an access record, in the same transaction. A hold is this access point's own matter: no event says so,
//! but an answer to a withdrawal names its source. A request is known again as everywhere, and by what it
//! made once its case was erased.

use nhipcau_domain::{
    id::{AccessPointId, PartyId},
    reason,
    referral::{CITATION, Refusal, Side, Text},
};
use nhipcau_messaging::desk::Desk;
use nhipcau_proto::referral::v1 as pb;
use nhipcau_runtime::{caller::ActingPerson, caller::Call};
use uuid::Uuid;

use crate::{
    Referrals,
    access::{self, Access, What},
    erase,
    error::Error,
    get::{self, Name},
    request, send,
    store::{
        branch::Known,
        hold::{self, By, Hold},
    },
};

/// Longest reference of an order, in characters.
const REFERENCE: usize = 64;

/// Most holds that come along with a branch that is handed over.
pub(crate) const HANDED: usize = 64;

/// Who asks about which order on which case.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    call: Call,
    person: ActingPerson,
    name: Name,
    reference: Text,
}

impl Asked {
    /// Reads what both calls have in common.
    ///
    /// # Errors
    /// [`Error::Content`] when the reference is no plain text, [`Error::AccessDenied`] when the name is none.
    pub(crate) fn read(call: Call, name: &str, reference: &str) -> Result<Self, Error> {
        let person = call.person.as_ref().and_then(|person| ActingPerson::new(person.as_str()).ok());
        let person = person.ok_or(Error::AccessDenied)?;
        let name = Name::read(name)?;
        Ok(Self { call, person, name, reference: text(reference, REFERENCE, "order_reference")? })
    }

    fn by(&self) -> By<'_> {
        let Call { party, system, request_id, .. } = &self.call;
        By { party, system: system.as_str(), person: self.person.as_str(), request_id }
    }
}

/// Reads the source that an order names.
///
/// # Errors
/// [`Error::Content`] when it is no plain text.
pub(crate) fn citation(text: &str) -> Result<Text, Error> {
    self::text(text, CITATION, "citation")
}

fn text(text: &str, most: usize, field: &str) -> Result<Text, Error> {
    let mut refusal = Refusal::default();
    let text = Text::read(text, most, field, &mut refusal);
    refusal.or(text).map_err(Error::Content)?.ok_or(Error::AccessDenied)
}

/// The referral after a call, and whether the call was a repetition.
type Answer = (pb::Referral, bool);

/// Orders a hold.
///
/// # Errors
/// `HOLD_EXISTS` when the party has, or had, one under this reference; [`Error::RequestIdReused`] when the request
/// asked for something else before; [`Error::AccessDenied`] as for reading.
pub(crate) fn order<'t>(
    desk: &mut impl Desk<'t>,
    access_point: &AccessPointId,
    asked: &Asked,
    citation: &Text,
) -> Result<Answer, Error> {
    let (party, case) = (&asked.call.party, case(desk, asked)?);
    let found = hold::find(desk.tx(), party, case, asked.reference.as_str())?;
    let is_made = |hold: &Hold| hold.request_id == asked.call.request_id && hold.citation == citation.as_str();
    if is_repeated(desk, asked, found.as_ref().is_some_and(is_made))? {
        return answer(desk, asked, true);
    }
    if found.is_some() {
        return Err(Error::rule("order_reference", reason::HOLD_EXISTS));
    }
    let now = desk.now();
    hold::add(desk.tx(), &asked.by(), case, (asked.reference.as_str(), citation.as_str()), now)?;
    note(desk, access_point, asked, case, What::Held)?;
    answer(desk, asked, false)
}

/// Releases a hold, and erases what only it kept.
///
/// # Errors
/// `HOLD_UNKNOWN` when none lasts under this reference; [`Error::RequestIdReused`] when the request asked for something
/// else before; [`Error::AccessDenied`] as for reading.
pub(crate) fn release<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    access_point: &AccessPointId,
    asked: &Asked,
) -> Result<Answer, Error> {
    let (party, case) = (&asked.call.party, case(desk, asked)?);
    let found = hold::find(desk.tx(), party, case, asked.reference.as_str())?;
    if is_repeated(desk, asked, found.as_ref().is_some_and(|hold| hold.release_id == asked.call.request_id))? {
        return answer(desk, asked, true);
    }
    if !found.is_some_and(|hold| hold.release_id.is_empty()) {
        return Err(Error::rule("order_reference", reason::HOLD_UNKNOWN));
    }
    let now = desk.now();
    hold::release(desk.tx(), &asked.by(), case, asked.reference.as_str(), now)?;
    // Before the key of the case goes: what is remembered lies under it.
    note(desk, access_point, asked, case, What::Released)?;
    erase::released(desk, shared, party, case)?;
    answer(desk, asked, false)
}

/// Whether a hold that comes along with a branch could have been ordered here.
pub(crate) fn is_sound(held: &pb::HandedHold) -> bool {
    ActingPerson::new(&held.person).is_ok()
        && text(&held.order_reference, REFERENCE, "order_reference").is_ok()
        && citation(&held.citation).is_ok()
}

/// Binds the party that has a branch now as the one before was bound, with an access record as of an order. What could
/// not have been ordered binds nobody.
pub(crate) fn inherit<'t>(
    desk: &mut impl Desk<'t>,
    access_point: &AccessPointId,
    known: &Known,
    held: &pb::HandedHold,
) -> Result<(), Error> {
    let (ids, [origin, unit]) = (known.branch.ids(), Side::ALL.map(|side| known.branch.unit(side)));
    let Some(person) = ActingPerson::new(&held.person).ok().filter(|_| is_sound(held)) else {
        tracing::error!(branch = %ids.branch, "A legal hold that came along is none, and is left out. Somebody must look.");
        return Ok(());
    };
    let (reference, party, now) = (held.order_reference.as_str(), &unit.party, desk.now());
    if hold::find(desk.tx(), party, ids.case, reference)?.is_some() {
        return Ok(());
    }
    let since = held.hold_time.and_then(|at| jiff::Timestamp::new(at.seconds, at.nanos).ok());
    let system = send::rules().system;
    let by = By { party, system: system.as_str(), person: person.as_str(), request_id: "" };
    hold::add(desk.tx(), &by, ids.case, (reference, &held.citation), since.unwrap_or(now).min(now))?;
    let (origin, referral) = (&origin.party, ids.referral);
    let access = Access { party, system: &system, person: &person, origin, referral, what: What::Held };
    Ok(access::record(access, access_point, now, desk.tx())?)
}

/// The case of a referral that the caller's party sees.
fn case<'t>(desk: &mut impl Desk<'t>, asked: &Asked) -> Result<Uuid, Error> {
    get::case(&asked.name, &asked.call.party, desk.tx())
}

/// Whether the call was made before; what it names must be what it made then.
fn is_repeated<'t>(desk: &mut impl Desk<'t>, asked: &Asked, is_made: bool) -> Result<bool, Error> {
    let Some(answered) = request::answered(&asked.call, desk)? else { return Ok(false) };
    let (_, referral) = asked.name.of();
    // Of an erased case the digest tells nothing any more, but the hold does.
    let is_same = is_made && (answered.referral, answered.branch) == (referral, None);
    if is_same { Ok(true) } else { Err(Error::RequestIdReused) }
}

fn answer<'t>(desk: &mut impl Desk<'t>, asked: &Asked, replayed: bool) -> Result<Answer, Error> {
    let (party, now): (&PartyId, _) = (&asked.call.party, desk.now());
    Ok((get::basic(&asked.name, party, now, desk.tx())?, replayed))
}

/// Leaves the access record and remembers the call.
fn note<'t>(
    desk: &mut impl Desk<'t>,
    access_point: &AccessPointId,
    asked: &Asked,
    case: Uuid,
    what: What,
) -> Result<(), Error> {
    let Call { party, system, .. } = &asked.call;
    let (origin, referral) = asked.name.of();
    let access = Access { party, system, person: &asked.person, origin, referral, what };
    let now = desk.now();
    access::record(access, access_point, now, desk.tx())?;
    request::remember(&asked.call, desk, case, referral, None)
}
