//! Branches for one need: the origin assigns the first acceptance it stores and relieves the others. Where a need may
//! go next, and when one that was over may be opened again.
//!
//! Only the origin opens, assigns and relieves, so that these rules need no agreement between sides.

use std::num::NonZeroU32;

use jiff::SignedDuration;
use uuid::Uuid;

use super::{
    code::Cause,
    event::UnitRef,
    kind::{EventKind, Kind, State},
    view::View,
    violation::Refusal,
};
use crate::reason;

/// How many redirects of a need are followed to wherever they lead. With one more the need goes to a unit above.
pub const MOST_REDIRECTS: usize = 2;

/// A branch of the group in the origin's own view.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Branch.
    pub branch: Uuid,
    /// What the origin knows of it.
    pub view: &'a View,
}

/// What the origin writes next in the branches of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settlement {
    /// Branch to assign.
    pub assign: Option<Uuid>,
    /// Branches to relieve.
    pub relieve: Vec<Uuid>,
}

/// Decides after an acceptance was stored in `branch` (for a TRANSFER, a personal acknowledgement). Does nothing
/// when that branch is not ready.
#[must_use]
pub fn settle(members: &[Member<'_>], branch: Uuid) -> Settlement {
    let ready = members.iter().any(|member| member.branch == branch && member.view.is_ready());
    if !ready {
        return Settlement::default();
    }
    if members.iter().any(|member| member.view.state.is_assigned()) {
        return Settlement { assign: None, relieve: vec![branch] };
    }
    let others = members.iter().filter(|member| member.branch != branch && member.view.state.is_pending());
    Settlement { assign: Some(branch), relieve: others.map(|member| member.branch).collect() }
}

/// For how long an acceptance counts among those of its recipient.
pub const ACCEPTANCE_WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// Whether an event of the recipient makes the origin assign: for a TRANSFER a person's acknowledgement.
#[must_use]
pub const fn is_acceptance(kind: Kind, event: EventKind) -> bool {
    matches!((kind, event), (Kind::Transfer, EventKind::Acknowledged) | (Kind::Referral, EventKind::Accepted))
}

/// Whether a recipient accepts faster than was agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// No faster than that.
    Agreed,
    /// Faster.
    Bulk {
        /// What would be disclosed waits for a person. A TRANSFER has been disclosed: it goes on, because somebody said
        /// that they look after the child.
        is_held: bool,
        /// It has just begun.
        is_new: bool,
    },
}

/// How fast a recipient accepts, by its acceptances within [`ACCEPTANCE_WINDOW`], this one included.
#[must_use]
pub fn pace(kind: Kind, limit: NonZeroU32, within: u64) -> Pace {
    let beyond = within.saturating_sub(limit.get().into());
    if beyond == 0 { Pace::Agreed } else { Pace::Bulk { is_held: kind == Kind::Referral, is_new: beyond == 1 } }
}

/// A unit that a need went to.
#[derive(Debug, Clone, Copy)]
pub struct Tried<'a> {
    /// Addressed unit.
    pub unit: &'a UnitRef,
    /// What the origin knows of its branch.
    pub view: &'a View,
}

impl Tried<'_> {
    /// False when the unit was let go for another one, or its access point took nothing: then it may be asked yet.
    const fn was_asked(&self) -> bool {
        !matches!(self.view.state, State::Relieved | State::Returned)
    }
}

/// Where a need is to go next.
#[derive(Debug, Clone, Copy)]
pub struct Next<'a> {
    /// Unit to address.
    pub unit: &'a UnitRef,
    /// It stands, in the directory, above one that was tried.
    pub is_above: bool,
    /// A person decided on it whatever was tried.
    pub is_forced: bool,
}

/// Why the next branch of a need is opened, after the branch that leads to it.
///
/// # Errors
/// A [`Refusal`] with `GROUP_ASSIGNED` when a branch serves the need; unless a person forces it, with
/// `REDIRECT_CIRCLE` when the unit was asked, and with `TOO_MANY_REDIRECTS` when the need was sent on more than
/// [`MOST_REDIRECTS`] times and the unit does not stand above one of those.
pub fn onward(tried: &[Tried<'_>], before: &View, next: Next<'_>) -> Result<Cause, Refusal> {
    let mut refusal = Refusal::default();
    if tried.iter().any(|one| one.view.state.is_assigned()) {
        refusal.add("group", reason::GROUP_ASSIGNED);
    }
    let is_worn = tried.iter().filter(|one| one.view.is_sent_on()).count() > MOST_REDIRECTS;
    if !next.is_forced && tried.iter().any(|one| one.unit == next.unit && one.was_asked()) {
        refusal.add("recipient", reason::REDIRECT_CIRCLE);
    }
    if !next.is_forced && is_worn && !next.is_above {
        refusal.add("recipient", reason::TOO_MANY_REDIRECTS);
    }
    let is_next_level = is_worn && next.is_above;
    refusal.or(if before.is_sent_on() && !is_next_level { Cause::Redirect } else { Cause::Escalation })
}

/// May a need be opened again? `states` are those of its branches; `again` says that it was opened again before.
///
/// # Errors
/// A [`Refusal`] with `NEED_OPEN` when a branch waits, serves or has an outcome that was not noted, or when the need
/// was opened again already: then it goes on from there.
pub fn over(states: impl IntoIterator<Item = State>, again: bool) -> Result<(), Refusal> {
    let is_open = |state: State| state.is_pending() || state.is_assigned() && state != State::Closed;
    if again || states.into_iter().any(is_open) { Err(Refusal::one("cause_branch", reason::NEED_OPEN)) } else { Ok(()) }
}
