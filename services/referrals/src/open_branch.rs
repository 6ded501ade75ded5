//! Opening a further branch of a referral: following a redirect, turning elsewhere after silence, for another need, or
//! for one that was over.

use nhipcau_domain::{
    id::PartyId,
    limit::Facts,
    reason,
    referral::{Actor, Cause, Ids, Kind, NewBranch, Opening, Side, UnitRef},
};
use nhipcau_messaging::desk::Desk;
use nhipcau_runtime::caller::Call;
use uuid::Uuid;

use crate::{
    BRANCHES, BRANCHES_OF_A_CASE, Referrals,
    act::Answer,
    content,
    error::Error,
    event, get, limits,
    name::{BranchName, made_by},
    notified, onward, recall, request, send,
    store::{
        branch::{self, Known},
        reading::Held,
    },
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
    /// The branch that leads to this one.
    pub(crate) cause: Option<BranchName>,
    /// Its need was over and is opened again.
    pub(crate) reopen: bool,
    /// A person decided on the unit whatever was tried.
    pub(crate) force: bool,
}

/// What is opened again has to be named.
const CAUSE_MISSING: Error = Error::Field { field: "cause_branch", reason: reason::FIELD_REQUIRED };

/// Opens a branch with what the referral holds.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn open<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, asked: &Asked) -> Result<Answer, Error> {
    let Asked { call, origin, referral, .. } = asked;
    let branches = recall::own(desk, call, origin, *referral)?;
    if let Some(answered) = request::answered(call, desk)? {
        let made = branches.iter().find(|known| Some(known.held.branch) == answered.branch);
        let made = made.ok_or(Error::RequestIdReused)?;
        return Ok((view::branch(&made.branch, desk.now()), true));
    }
    let uid = made_by(desk, call, "further-branch", 0);
    let held = Held { branch: uid, side: Side::Origin };
    if let Some(made) = branch::known(desk.tx(), held)? {
        // It came back after the store was put back, the request did not.
        if !is_asked(desk, asked, &made, &branches) {
            return Err(Error::RequestIdReused);
        }
        request::remember(call, desk, made.branch.ids().case, *referral, Some(uid))?;
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
    if branches.iter().any(|known| known.branch.is_over()) {
        return Err(Error::rule("referral", reason::WRONG_STATE));
    }
    if branch::of_referral(desk.tx(), *referral)?.contains(&held) {
        // Its opening is still on its way back.
        return Err(Error::Recovering);
    }
    if submit::is_closed(&shared.release(), &asked.recipient, desk.now()) {
        return Err(Error::rule("recipient", reason::UNIT_CLOSED));
    }
    if submit::is_closed(&shared.release(), first.branch.unit(Side::Origin), desk.now()) {
        return Err(Error::rule("referral", reason::UNIT_CLOSED));
    }
    let need = need(desk, shared, asked, &branches)?;
    let kind = kind(asked, &branches);
    let further = Further { branch: uid, kind, need, recipient: asked.recipient.clone(), actor: call.actor() };
    let known = further.open(desk, shared, first, &call.traceparent)?;
    notified::tell(desk, shared, &known, &call.traceparent)?;
    let ids = known.branch.ids();
    request::remember(call, desk, ids.case, ids.referral, Some(ids.branch))?;
    Ok((view::branch(&known.branch, desk.now()), false))
}

/// Of which kind the branch is: that of the one that leads to it, or of the referral.
fn kind(asked: &Asked, branches: &[Known]) -> Kind {
    let cause = asked.cause.as_ref().map(|name| name.branch);
    let cause = branches.iter().find(|known| Some(known.held.branch) == cause);
    cause.map_or_else(|| view::kind(branches.iter().map(|known| &known.branch)), |known| known.branch.opening().kind)
}

/// Whether a branch is what is asked for. Whether its need was joined by force cannot be told.
fn is_asked<'t>(desk: &impl Desk<'t>, asked: &Asked, made: &Known, branches: &[Known]) -> bool {
    let opening = made.branch.opening();
    let cause = asked.cause.as_ref().map(|name| name.branch);
    let joined = branches.iter().find(|known| Some(known.held.branch) == cause);
    let group = match joined {
        Some(joined) if !asked.reopen => joined.branch.opening().group,
        _ => made_by(desk, &asked.call, "further-group", 0),
    };
    made.branch.ids().referral == asked.referral
        && made.branch.recipients().next() == Some(&asked.recipient)
        && opening.cause_branch == cause
        && (opening.cause == Cause::Reopened) == asked.reopen
        && opening.group == group
}

/// A further branch of a referral.
pub(crate) struct Further {
    pub(crate) branch: Uuid,
    pub(crate) kind: Kind,
    pub(crate) need: Need,
    pub(crate) recipient: UnitRef,
    pub(crate) actor: Actor,
}

impl Further {
    /// Opens it with what the referral holds, as another branch of it stands.
    ///
    /// # Errors
    /// [`Error::Rules`] with every reason against it.
    pub(crate) fn open<'t>(
        self,
        desk: &mut impl Desk<'t>,
        shared: &Referrals,
        other: &Known,
        traceparent: &str,
    ) -> Result<Known, Error> {
        let ids = Ids { branch: self.branch, ..other.branch.ids() };
        let pieces = content::newest(desk, ids.case, send::owner(other.held, ids.referral))?;
        let basis = event::revealed(desk, other.held, &other.branch)?.view().basis;
        let (kind, now, need) = (self.kind, desk.now(), self.need);
        // A need that begins again is no older than that.
        let reported = submit::reported(&pieces).filter(|_| need.cause != Cause::Reopened).unwrap_or(now);
        let facts = Facts::of_need(kind, reported, now, need.before.iter().map(|known| &known.branch));
        let reckoned = limits::reckoned(&shared.release(), &facts);
        let new = NewBranch {
            ids,
            origin: other.branch.unit(Side::Origin).clone(),
            recipient: self.recipient,
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
            actor: self.actor,
            now,
        };
        submit::open(desk, shared, new, other.purpose.clone(), &pieces, traceparent)
    }
}

/// The need that the branch serves, and why it is opened.
pub(crate) struct Need {
    pub(crate) group: Uuid,
    pub(crate) cause: Cause,
    pub(crate) branch: Option<Uuid>,
    /// The branches that were opened for it before.
    pub(crate) before: Vec<Known>,
}

fn need<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, asked: &Asked, branches: &[Known]) -> Result<Need, Error> {
    let fresh = |cause, branch| {
        let group = made_by(desk, &asked.call, "further-group", 0);
        Need { group, cause, branch, before: Vec::new() }
    };
    let Some(name) = &asked.cause else {
        return if asked.reopen { Err(CAUSE_MISSING) } else { Ok(fresh(Cause::Initial, None)) };
    };
    let is_meant = |known: &&Known| known.held.branch == name.branch && name.referral == asked.referral;
    let last = branches.iter().find(is_meant).ok_or(Error::AccessDenied)?;
    let branch = Some(last.held.branch);
    if asked.reopen {
        onward::over(last, branches)?;
        return Ok(fresh(Cause::Reopened, branch));
    }
    let cause = onward::cause(&shared.release(), (&asked.recipient, asked.force), last, branches)?;
    let before = onward::of_need(last, branches).cloned().collect();
    Ok(Need { group: last.branch.opening().group, cause, branch, before })
}
