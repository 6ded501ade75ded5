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
    let rules = Rules::of(release.wire(), CONTRACT, |name| TimeZone::get(name).ok());
    let reckoned = reckon(&rules, facts);
    for refused in &reckoned.refused {
        tracing::warn!(rule = %refused.rule, reason = %refused.reason, "A time limit could not be computed.");
    }
    reckoned
}
