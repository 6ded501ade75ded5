//! Where a need goes next: the domain's rule, asked with the branches of a referral and the units of the directory.
//!
//! A need goes to no unit twice by itself, after three redirects only to a unit above, and begins again only when it is
//! over. A person may force the first two.

use nhipcau_domain::{
    directory::Release,
    referral::{
        Cause, Side, UnitRef,
        group::{self, Next, Tried},
    },
};

use crate::{error::Error, store::branch::Known};

/// Why the next branch of the need is opened that `before` was opened for.
///
/// # Errors
/// [`Error::Rules`] with every reason against it.
pub(crate) fn cause(
    release: &Release,
    (unit, is_forced): (&UnitRef, bool),
    before: &Known,
    branches: &[Known],
) -> Result<Cause, Error> {
    let views: Vec<_> = of_need(before, branches).map(|known| known.branch.view()).collect();
    let units = of_need(before, branches).map(|known| known.branch.unit(Side::Recipient));
    let tried: Vec<_> = units.zip(&views).map(|(unit, view)| Tried { unit, view }).collect();
    let is_above = tried.iter().any(|one| stands_above(release, unit, one.unit));
    let next = Next { unit, is_above, is_forced };
    group::onward(&tried, &before.branch.view(), next).map_err(Error::Rules)
}

/// Whether the need of a branch may be opened again.
///
/// # Errors
/// [`Error::Rules`] with `NEED_OPEN`.
pub(crate) fn over(before: &Known, branches: &[Known]) -> Result<(), Error> {
    let again = branches.iter().any(|known| {
        let opening = known.branch.opening();
        let led = |to: &&Known| opening.cause_branch == Some(to.held.branch);
        opening.cause == Cause::Reopened && of_need(before, branches).any(|known| led(&known))
    });
    group::over(of_need(before, branches).map(|known| known.branch.view().state), again).map_err(Error::Rules)
}

/// The branches that were opened for the need of one.
pub(crate) fn of_need<'k>(one: &Known, branches: &'k [Known]) -> impl Iterator<Item = &'k Known> {
    let group = one.branch.opening().group;
    branches.iter().filter(move |known| known.branch.opening().group == group)
}

/// Whether a unit is a parent of another in the directory, or a parent of that.
fn stands_above(release: &Release, above: &UnitRef, unit: &UnitRef) -> bool {
    parents(release, unit.clone()).skip(1).any(|parent| parent == *above)
}

/// A unit, its parent in the directory, the parent of that, and so on. No release has a loop of parents.
pub(crate) fn parents(release: &Release, unit: UnitRef) -> impl Iterator<Item = UnitRef> {
    std::iter::successors(Some(unit), |unit| {
        let parent = release.unit(&unit.party, &unit.unit)?.parent.clone()?;
        Some(UnitRef { party: unit.party.clone(), unit: parent })
    })
}
