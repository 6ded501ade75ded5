//! Branches for one need: the origin assigns the first acceptance it stores and relieves the others.
//!
//! Only the origin opens, assigns and relieves, so that these rules need no agreement between sides.

use uuid::Uuid;

use super::{view::View, violation::Refusal};
use crate::reason;

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
    if is_assigned(members) {
        return Settlement { assign: None, relieve: vec![branch] };
    }
    let others = members.iter().filter(|member| member.branch != branch && member.view.state.is_pending());
    Settlement { assign: Some(branch), relieve: others.map(|member| member.branch).collect() }
}

/// May a further branch be opened in, or assigned for, this group?
///
/// # Errors
/// A [`Refusal`] with `GROUP_ASSIGNED` when a branch of it serves the need already.
pub fn vacant(members: &[Member<'_>]) -> Result<(), Refusal> {
    if is_assigned(members) { Err(Refusal::one("group", reason::GROUP_ASSIGNED)) } else { Ok(()) }
}

fn is_assigned(members: &[Member<'_>]) -> bool {
    members.iter().any(|member| member.view.state.is_assigned())
}
