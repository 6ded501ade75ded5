//! Time limits that begin with a new branch or with an answer, by the rules of the directory in use. What is computed,
//! and what is refused, is the domain's.

use jiff::tz::TimeZone;
use nhipcau_domain::{
    directory::Release,
    limit::{Facts, Reckoning, Rules, begun, reckon},
    referral::{BEGINNING_MINOR, Branch, Draft},
};

use crate::CONTRACT;

/// The limits of a branch, and what could not be computed, for the operator to see.
pub(crate) fn reckoned(release: &Release, facts: &Facts) -> Reckoning {
    told(reckon(&rules(release), facts))
}

/// An event that is about to be written in a branch, with the limits that it begins. While the directory lets no minor
/// version be sent that has them none begins: no answer waits for an access point that could not read it.
pub(crate) fn beginning(release: &Release, branch: &Branch, draft: Draft) -> Draft {
    if crate::minor_in_use(release) < BEGINNING_MINOR {
        return draft;
    }
    let begun = told(begun(&rules(release), &branch.view(), &draft));
    Draft { begun, ..draft }
}

fn told(reckoned: Reckoning) -> Reckoning {
    for refused in &reckoned.refused {
        tracing::warn!(rule = %refused.rule, reason = %refused.reason, "A time limit could not be computed.");
    }
    reckoned
}

/// The rules of a directory for this contract.
pub(crate) fn rules(release: &Release) -> Rules<'_> {
    Rules::of(release.wire(), CONTRACT, |name| TimeZone::get(name).ok())
}
