//! Time limits of a new branch, by the rules of the directory in use. What is computed, and what is refused, is the
//! domain's.

use jiff::tz::TimeZone;
use nhipcau_domain::{
    directory::Release,
    limit::{Facts, Reckoning, Rules, reckon},
};

use crate::CONTRACT;

/// The limits of a branch, and what could not be computed, for the operator to see.
pub(crate) fn reckoned(release: &Release, facts: &Facts) -> Reckoning {
    let reckoned = reckon(&rules(release), facts);
    for refused in &reckoned.refused {
        tracing::warn!(rule = %refused.rule, reason = %refused.reason, "A time limit could not be computed.");
    }
    reckoned
}

/// The rules of a directory for this contract.
pub(crate) fn rules(release: &Release) -> Rules<'_> {
    Rules::of(release.wire(), CONTRACT, |name| TimeZone::get(name).ok())
}
