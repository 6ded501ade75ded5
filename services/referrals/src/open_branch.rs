//! Opening a further branch of a referral: following a redirect, turning elsewhere after silence, or for another need.

use nhipcau_domain::{
    id::PartyId,
    limit::Facts,
    reason,
    referral::{
        Body, Cause, Event, Ids, NewBranch, Opening, Revocation, Side, State, UnitRef,
        group::{Member, vacant},
    },
};
use uuid::Uuid;

use crate::{
    BRANCHES, BRANCHES_OF_A_CASE, Referrals,
    act::Answer,
    content,
    desk::Desk,
    error::Error,
    event, get, limits,
    name::{BranchName, made_by},
    recall,
    request::Call,
    send,
    store::branch::{self, Known},
    submit, view,
};

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) call: Call,
    pub(crate) origin: PartyId,
    pub(crate) referral: Uuid,
    /// Of the whole referral.
    pub(crate) etag: String,
    pub(crate) recipient: UnitRef,
    /// The branch whose redirect or silence leads to this one.
    pub(crate) cause: Option<BranchName>,
}

/// Opens a branch with what the referral holds.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn open<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, asked: &Asked) -> Result<Answer, Error> {
    let Asked { call, origin, referral, .. } = asked;
    let branches = recall::own(desk, call, origin, *referral)?;
    if let Some(answered) = call.answered(desk)? {
        let made = branches.iter().find(|known| Some(known.held.branch) == answered.branch);
        let made = made.ok_or(Error::RequestIdReused)?;
        return Ok((view::branch(&made.branch, desk.now()), true));
    }
    if branches.iter().any(|known| !known.is_whole) {
        return Err(Error::Recovering);
    }
    if view::etag(&get::branches(&call.party, *referral, desk.tx())?) != asked.etag {
        return Err(Error::rule("etag", reason::ETAG_STALE));
    }
    let first = branches.first().ok_or(Error::AccessDenied)?;
    if branches.len() as u64 >= BRANCHES {
        return Err(Error::rule("referral", reason::TOO_MANY));
    }
    let of_case = branch::of_case_by(desk.tx(), first.branch.ids().case, &call.party, Side::Origin)?;
    if of_case >= BRANCHES_OF_A_CASE {
        return Err(Error::rule("case", reason::TOO_MANY));
    }
    if branches.iter().any(is_over) {
        return Err(Error::rule("referral", reason::WRONG_STATE));
    }
    let need = need(desk, asked, &branches)?;
    let ids = Ids { branch: made_by(desk, call, "further-branch", 0), ..first.branch.ids() };
    let pieces = content::newest(desk, ids.case, send::owner(first.held, ids.referral))?;
    let basis = event::revealed(desk, first.held, &first.branch)?.view().basis;
    let (kind, now) = (first.branch.opening().kind, desk.now());
    let reported = submit::reported(&pieces).unwrap_or(now);
    let facts = Facts::of_need(kind, reported, now, need.before.iter().map(|known| &known.branch));
    let reckoned = limits::reckoned(&shared.release(), &facts);
    let new = NewBranch {
        ids,
        origin: first.branch.unit(Side::Origin).clone(),
        recipient: asked.recipient.clone(),
        parts: submit::first_tier(kind, &pieces, &basis),
        suspects: submit::suspects(&pieces),
        basis,
        opening: Opening {
            kind,
            group: need.group,
            cause: need.cause,
            cause_branch: need.branch,
            time_limits: reckoned.limits,
            limit_refusals: reckoned.refused,
        },
        actor: call.actor(),
        now,
    };
    let known = submit::open(desk, shared, new, first.purpose.clone(), &pieces, &call.traceparent)?;
    call.remember(desk, ids.case, ids.referral, Some(ids.branch))?;
    Ok((view::branch(&known.branch, now), false))
}

/// The need that the branch serves, and why it is opened.
struct Need {
    group: Uuid,
    cause: Cause,
    branch: Option<Uuid>,
    /// The branches that were opened for it before.
    before: Vec<Known>,
}

fn need<'t>(desk: &mut impl Desk<'t>, asked: &Asked, branches: &[Known]) -> Result<Need, Error> {
    let Some(name) = &asked.cause else {
        let group = made_by(desk, &asked.call, "further-group", 0);
        return Ok(Need { group, cause: Cause::Initial, branch: None, before: Vec::new() });
    };
    let is_meant = |known: &&Known| known.held.branch == name.branch && name.referral == asked.referral;
    let before = branches.iter().find(is_meant).ok_or(Error::AccessDenied)?;
    let group = before.branch.opening().group;
    let mut of_need = Vec::new();
    for held in branch::of_group(desk.tx(), asked.referral, group)? {
        of_need.extend(branch::known(desk.tx(), held)?);
    }
    let views: Vec<_> = of_need.iter().map(|known| (known.held.branch, known.branch.view())).collect();
    let members: Vec<_> = views.iter().map(|(branch, view)| Member { branch: *branch, view }).collect();
    vacant(&members).map_err(Error::Rules)?;
    let is_redirect = before.branch.view().state == State::Redirected;
    let cause = if is_redirect { Cause::Redirect } else { Cause::Escalation };
    Ok(Need { group, cause, branch: Some(before.held.branch), before: of_need })
}

/// Recalled, or its consent withdrawn: nothing further is opened.
pub(crate) fn is_over(known: &Known) -> bool {
    known.branch.log(Side::Origin).events().iter().any(is_end)
        || known.branch.view().revocation == Some(Revocation::ConsentWithdrawn)
}

/// Whether an event of an origin ends its whole referral.
pub(crate) fn is_end(event: &Event) -> bool {
    matches!(event.body, Body::EnteredInError { .. } | Body::ConsentWithdrawn { .. })
}
