//! A person at the origin goes on with an acceptance that the rules did not follow: the branch is assigned with what is
//! due, and the other branches of its group are relieved.

use nhipcau_domain::{
    reason,
    referral::{Command, group::Settlement},
};
use nhipcau_messaging::desk::Desk;

use crate::{
    Referrals,
    act::{self, Answer, Asked},
    error::Error,
    group,
};

/// Assigns a branch.
///
/// # Errors
/// [`Error::Rules`] with `GROUP_ASSIGNED` when another branch serves the need, or with what the table has against it,
/// as where nobody accepted or the branch is assigned; the transaction must then be undone to where the call began.
pub(crate) fn assign<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, asked: &Asked) -> Result<Answer, Error> {
    let mut known = act::authorised(desk, asked)?;
    if let Some(answer) = act::repeated(desk, asked, &known)? {
        return Ok(answer);
    }
    let (mut members, Settlement { relieve, .. }) = group::of(desk, &known)?;
    if relieve.contains(&known.held.branch) {
        return Err(Error::rule("group", reason::GROUP_ASSIGNED));
    }
    let due = if known.branch.view().is_ready() { group::due(desk, &known)? } else { Vec::new() };
    act::carry_out(desk, shared, asked, &mut known, Command::Assign(due))?;
    group::relieve(desk, shared, &mut members, &relieve)?;
    act::finish(desk, asked, &known)
}
