//! A person at a unit that is over says who takes a branch over, or has it tried again at once.

use nhipcau_domain::{
    directory::Succession,
    reason,
    referral::{HandOver, Side, UnitRef},
};
use nhipcau_messaging::desk::Desk;

use super::is_open;
use crate::{
    Referrals,
    act::{self, Answer, Asked},
    error::Error,
    store::succession::{self, Stage, Way},
};

/// Notes the choice; the branch goes in its own time.
///
/// # Errors
/// `NOT_A_SUCCESSOR` when the release does not name the unit, or it is not in force; `BRANCH_MOVED` when it is too
/// late.
pub(crate) fn choose<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    asked: &Asked,
    successor: &UnitRef,
) -> Result<Answer, Error> {
    let known = act::authorised(desk, asked)?;
    if let Some(answer) = act::repeated(desk, asked, &known)? {
        return Ok(answer);
    }
    let (view, now) = (known.branch.view(), desk.now());
    if view.etag() != asked.etag {
        return Err(Error::rule("etag", reason::ETAG_STALE));
    }
    if known.branch.hand_over() == HandOver::Done {
        return Err(Error::rule("branch", reason::BRANCH_MOVED));
    }
    if !is_open(view.state) {
        return Err(Error::rule("branch", reason::WRONG_STATE));
    }
    if !Succession::of(&shared.release(), known.branch.unit(Side::Recipient), now).offers(successor) {
        return Err(Error::rule("successor", reason::NOT_A_SUCCESSOR));
    }
    let uid = known.held.branch;
    let way = succession::of(desk.tx(), uid)?.unwrap_or_else(|| Way::new(uid));
    let way = Way { stage: Stage::Waits, successor: Some(successor.clone()), chosen: true, message: None, ..way };
    succession::note(desk.tx(), &way, Some(now))?;
    act::finish(desk, asked, &known)
}
