//! What ends a whole referral, whatever its branches have come to: consent withdrawn, or never should have been sent.

use nhipcau_domain::{
    id::PartyId,
    referral::{Command, Request},
};
use nhipcau_messaging::desk::Desk;
use nhipcau_proto::referral::v1 as pb;
use nhipcau_runtime::caller::Call;
use uuid::Uuid;

use crate::{
    Referrals, act,
    error::Error,
    request,
    store::branch::{self, Known},
    submit,
};

/// Carries a command out in every branch of a referral; needs no etag, because it always wins. A branch in which it is
/// not possible any more stays as it is, as long as there is one in which it is.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn everywhere<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    call: &Call,
    (origin, referral): &(PartyId, Uuid),
    command: &Command,
) -> Result<(pb::Referral, bool), Error> {
    let branches = own(desk, call, origin, *referral)?;
    if let Some(answered) = request::answered(call, desk)? {
        // Of an erased case the digest tells nothing any more, but the referral does.
        if (answered.referral, answered.branch) != (*referral, None) {
            return Err(Error::RequestIdReused);
        }
        return Ok((submit::answer(desk, &call.party, *referral)?, true));
    }
    let (mut case, mut refused, mut done) = (None, None, false);
    for held in branches.into_iter().map(|known| known.held) {
        // What the end of one branch closes is not as it was read before.
        let Some(mut known) = branch::known(desk.tx(), held)? else { continue };
        case = Some(known.branch.ids().case);
        let request = Request { command: command.clone(), etag: None, actor: call.actor(), now: desk.now() };
        match act::write(desk, shared, &mut known, request, &call.traceparent) {
            Ok(()) => done = true,
            Err(Error::Rules(refusal)) => refused = refused.or(Some(refusal)),
            Err(error) => return Err(error),
        }
    }
    match (case, refused) {
        (Some(case), None) => request::remember(call, desk, case, *referral, None)?,
        (Some(case), Some(_)) if done => request::remember(call, desk, case, *referral, None)?,
        (_, Some(refusal)) => return Err(Error::Rules(refusal)),
        (None, None) => return Err(Error::AccessDenied),
    }
    Ok((submit::answer(desk, &call.party, *referral)?, false))
}

/// The branches of a referral at its origin, if that is the caller's party.
pub(crate) fn own<'t>(
    desk: &mut impl Desk<'t>,
    call: &Call,
    origin: &PartyId,
    referral: Uuid,
) -> Result<Vec<Known>, Error> {
    let mut branches = Vec::new();
    for held in branch::of_referral(desk.tx(), referral)? {
        branches.extend(branch::known(desk.tx(), held)?);
    }
    let is_theirs = |known: &Known| known.branch.unit(known.held.side).party == call.party;
    if branches.is_empty() || *origin != call.party || !branches.iter().all(is_theirs) {
        return Err(Error::AccessDenied);
    }
    Ok(branches)
}
