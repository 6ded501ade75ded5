//! Going on from a hand-over: the recipient's own contact of what was told, and what becomes of it when the hand-over
//! has ended.
//!
//! It lies in a case of its own: the uid of the case at the origin was made up there, and cannot be checked here. Its
//! own uids follow from the hand-over and this access point's key, so that a hand-over which is gone on from again,
//! after an older store was put back, is the same contact and the same case, and gets no second referral.

use nhipcau_domain::{
    contact::{Call, Contact, GivenBack, Ids, basic, name},
    reason,
    referral::Side,
};
use nhipcau_messaging::{desk::Desk, pae, store::Tx};
use nhipcau_proto::switchboard::v1 as pb;
use uuid::Uuid;

use super::{
    content,
    request::{Asked, authorised},
    take,
};
use crate::{
    Switchboard,
    access::{self, Reader},
    earlier,
    error::Error,
    metrics,
    record::{keep, whole},
    request::{self, Response as _, shown},
    store::{
        contact::{self, Stored},
        handover::{self, Held, Known},
    },
};

/// Records the contact. Content is read for it: that a person did is on disk before the contact is shown.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn record<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    asked: &Asked,
    reader: &Reader,
) -> Result<pb::ContinueHandoverResponse, Error> {
    let call = &asked.call;
    let known = authorised(desk, asked, Side::Recipient)?;
    if let Some(stored) = own(desk.tx(), &known)? {
        let contact = name(&call.party, stored.contact);
        return request::answered(call, desk, &stored)?.ok_or(Error::HasContact { contact });
    }
    request::unused(call, desk)?;
    if !known.is_whole {
        return Err(Error::Recovering);
    }
    let told = content::shown(&content::newest(desk, &known)?);
    let (handover, actor, now) = (known.held.handover, call.actor(), desk.now());
    let ids = Ids { contact: made(desk, handover, b"contact"), case: made(desk, handover, b"case") };
    let recorded = Contact::continued(&known.handover, &told, &Call { etag: &asked.etag, actor: &actor, now }, ids)?;
    let unit = &recorded.unit;
    if !shared.release().hosts(&shared.access_point, &unit.party, Some(&unit.unit), &crate::contract()) {
        return Err(Error::rule("unit", reason::NOT_HOSTED));
    }
    if asked.validate_only {
        return Ok(pb::ContinueHandoverResponse::default());
    }
    access::record(reader, handover, &shared.access_point, now, desk.tx())?;
    keep(desk, &recorded)?;
    earlier::link(desk, shared, &recorded)?;
    handover::go_on(desk.tx(), known.held, recorded.uid)?;
    metrics::add(&shared.counters.recorded);
    let answer = pb::ContinueHandoverResponse::default().with(Some(basic(recorded.write())), false);
    request::remember(call, desk, (recorded.uid, recorded.case), &answer)?;
    Ok(answer)
}

/// Refuses to give a hand-over back while a contact that went on from it stands. What was erased is judged by what is
/// left of it.
///
/// # Errors
/// `HANDOVER_CONTINUED`.
pub(crate) fn check_given_up<'t>(desk: &mut impl Desk<'t>, known: &Known) -> Result<(), Error> {
    let Some(stored) = own(desk.tx(), known)? else { return Ok(()) };
    let standing = Contact::read(&shown(&stored)).map_err(|_| Error::rule("contact", reason::WRONG_STATE))?;
    standing.against_hand_back().map_or(Ok(()), |reason| Err(Error::rule("handover", reason)))
}

/// Ends what went on from a hand-over that has ended: closed and erased, unless a referral stands. True while that is
/// not certain yet.
pub(crate) fn end<'t>(desk: &mut impl Desk<'t>, known: &Known) -> Result<bool, Error> {
    let Some(stored) = own(desk.tx(), known)? else { return Ok(false) };
    let standing = match whole(desk, &stored) {
        Ok(Some(standing)) => standing,
        // It was erased, or a person has to look first.
        Ok(None) | Err(Error::Rules(_)) => return Ok(false),
        Err(error) => return Err(error),
    };
    let (is_offered, now) = (take::is_offered(desk, standing.uid)?, desk.now());
    match standing.given_back(is_offered, now) {
        GivenBack::Undecided => return Ok(true),
        GivenBack::Kept => {
            tracing::error!(
                handover = %known.held.handover, contact = %standing.uid,
                "A hand-over has ended from which a contact goes on that was sent: a person at each side must look."
            );
        }
        GivenBack::Erased(closed) => {
            if *closed != standing {
                keep(desk, &closed)?;
            }
            desk.erase(closed.case.as_bytes())?;
        }
    }
    Ok(false)
}

/// Has the hand-over looked at from which a contact goes on that has come back: it may have ended meanwhile.
pub(crate) fn look<'t>(desk: &mut impl Desk<'t>, standing: &Contact) -> Result<(), Error> {
    let Some(handover) = standing.handover else { return Ok(()) };
    let now = desk.now();
    Ok(handover::wake(desk.tx(), Held { handover, side: Side::Recipient }, now)?)
}

/// The contact by which the recipient goes on.
fn own(tx: &mut Tx<'_>, known: &Known) -> Result<Option<Stored>, Error> {
    match known.own_contact {
        Some(uid) => Ok(contact::find(tx, uid)?),
        None => Ok(None),
    }
}

/// The uid of something that goes on from a hand-over: without this access point's key nobody can tell it beforehand.
fn made<'t>(desk: &impl Desk<'t>, handover: Uuid, what: &[u8]) -> Uuid {
    let cause = pae::pae(&[b"nhipcau/1/handover-continued", handover.as_bytes(), what]);
    desk.uid(&handover.to_string(), &cause)
}
