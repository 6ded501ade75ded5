//! A request that comes again after the store was put back: peers gave back what they hold of its referral, and the
//! request brings the rest.
//!
//! What came back is held against the request, so that its id stands for one content also when the answer to it was
//! lost. Parts that had not been disclosed and branches that nobody had heard of lay only here: they are made anew,
//! under the uids that the request gives; no branch for a need that is served or settled. Once recalled, or without its
//! consent, a referral gets nothing more.

use nhipcau_domain::{
    reason,
    referral::{Cause, PartDigest, PartSet, Revocation, Side},
};
use nhipcau_messaging::desk::Desk;
use nhipcau_runtime::caller::Call;
use uuid::Uuid;

use crate::{
    content::{self, Piece},
    error::Error,
    event,
    name::made_by,
    store::{
        branch::{self, Known},
        content::Owner,
        log,
    },
    submit::{Prepared, first_tier, pieces},
};

/// What is still to be made of a referral that came back, and with what.
pub(crate) struct Regained {
    /// Which recipients of the request have no branch.
    pub(crate) missing: Vec<usize>,
    /// The parts that the referral holds.
    pub(crate) pieces: Vec<Piece>,
    /// The branches that came back.
    pub(crate) came: Vec<Known>,
}

/// Looks for what came back, and puts the parts that did not to rest; `None` when nothing came back.
///
/// # Errors
/// [`Error::RequestIdReused`] when the request says something else than what came back, [`Error::Recovering`] while
/// more is on its way, `WRONG_STATE` when only the end of the referral came back.
pub(crate) fn take<'t>(
    desk: &mut impl Desk<'t>,
    call: &Call,
    prepared: &Prepared,
    (case, referral): (Uuid, Uuid),
) -> Result<Option<Regained>, Error> {
    let mut came = Vec::new();
    for held in branch::of_referral(desk.tx(), referral)? {
        match branch::known(desk.tx(), held)? {
            Some(known) => came.push(known),
            // Whoever was told of the end may have erased the opening: it is not waited for.
            None if log::all(desk.tx(), held, Side::Origin)?.iter().any(|stored| stored.event.body.ends_referral()) => {
                return Err(Error::rule("request_id", reason::WRONG_STATE));
            }
            None => return Err(Error::Recovering),
        }
    }
    if came.is_empty() {
        return Ok(None);
    }
    let asked: Vec<_> = (0..prepared.recipients.len()).map(|index| made_by(desk, call, "branch", index)).collect();
    let group = made_by(desk, call, "group", 0);
    let mut lost = pieces(&prepared.content);
    let mut first = Vec::new();
    for known in &came {
        let opening = known.branch.opening();
        match asked.iter().position(|branch| *branch == known.held.branch) {
            Some(_) if known.branch.ids().case != case => return Err(Error::RequestIdReused),
            Some(index) => first.extend(opened_with(desk, prepared, &lost, index, known)?),
            // A further recipient of the same need was one of another request; what was opened later is not its matter.
            None if opening.group == group && opening.cause == Cause::Initial => return Err(Error::RequestIdReused),
            None => {}
        }
    }
    let owner = Owner { uid: referral, side: Side::Origin };
    let held = content::all(desk, case, owner)?;
    let is_first = |version: &&Piece| first.iter().any(|entry: &PartDigest| entry.digest == version.digest);
    let says = |version: &&Piece| prepared.content.says(version.part, &version.bytes);
    let said: PartSet = held.iter().filter(is_first).filter(says).map(|version| version.part).collect();
    if held.iter().filter(is_first).any(|version| !said.contains(version.part)) {
        return Err(Error::RequestIdReused);
    }
    // What was only given later may have taken the place of what the request brought: it stands.
    lost.retain(|piece| held.iter().all(|version| version.part != piece.part));
    let mut missing: Vec<_> = (0..asked.len()).filter(|index| !is_among(&came, asked.get(*index))).collect();
    if came.iter().any(|known| known.branch.opening().group == group && is_settled(known)) {
        missing.clear();
    }
    if came.iter().any(|known| known.branch.is_over()) {
        (missing, lost) = (Vec::new(), Vec::new());
    }
    if !(missing.is_empty() && lost.is_empty()) && came.iter().any(|known| !known.is_whole) {
        return Err(Error::Recovering);
    }
    for piece in &lost {
        content::put(desk, case, owner, piece)?;
    }
    Ok(Some(Regained { missing, pieces: content::newest(desk, case, owner)?, came }))
}

/// The parts that a branch was opened with.
///
/// # Errors
/// [`Error::RequestIdReused`] when it is not the branch that the request opens for a recipient.
fn opened_with<'t>(
    desk: &mut impl Desk<'t>,
    prepared: &Prepared,
    given: &[Piece],
    index: usize,
    known: &Known,
) -> Result<Vec<PartDigest>, Error> {
    let revealed = event::revealed(desk, known.held, &known.branch)?;
    let opened = revealed.log(Side::Origin).events().first().ok_or(Error::RequestIdReused)?;
    let parts = |entries: &[PartDigest]| entries.iter().map(|entry| entry.part).collect::<PartSet>();
    let is_asked = known.branch.opening().kind == prepared.kind
        && known.purpose == prepared.purpose
        && known.branch.unit(Side::Origin) == &prepared.origin
        && known.branch.recipients().next() == prepared.recipients.get(index)
        && opened.basis.as_ref() == Some(&prepared.basis)
        && parts(&opened.parts) == parts(&first_tier(prepared.kind, given, &prepared.basis));
    if is_asked { Ok(opened.parts.clone()) } else { Err(Error::RequestIdReused) }
}

/// Whether somebody serves the need of a branch or did, or its origin took it back for all: then nobody else is asked.
fn is_settled(known: &Known) -> bool {
    let view = known.branch.view();
    view.state.is_assigned() || matches!(view.revocation, Some(Revocation::NeedMet | Revocation::Safety))
}

fn is_among(came: &[Known], branch: Option<&Uuid>) -> bool {
    came.iter().any(|known| Some(&known.held.branch) == branch)
}
