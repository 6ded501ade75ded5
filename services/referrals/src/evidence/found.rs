//! What was found in a branch, and which of it is only told.
//!
//! An event that is told may have any other event's place, and with it its digest: whatever the rules conclude from
//! what they have read up to it is told as well. A limit that was broken follows from what is not there, of the whole
//! branch.

use nhipcau_domain::{
    proof::{Finding, Tenure},
    referral::Side,
};

use super::account::{Doubt, Line};

/// Something that follows from events, and how well it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked<T> {
    /// What.
    pub what: T,
    /// It follows from what whoever made the file says, and nobody else.
    pub told: bool,
}

/// Why somebody has to look at a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concern {
    /// Something was promised, or is the law, and did not happen so.
    Broken(Finding),
    /// Not everything is proven: no finding that is not here, and no state, is more than told then.
    NotAllProven {
        /// How many events are only told.
        told: usize,
        /// Of how many.
        all: usize,
    },
}

impl Concern {
    /// Its stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Broken(finding) => finding.name(),
            Self::NotAllProven { .. } => "NOT_ALL_PROVEN",
        }
    }
}

/// Marks what was judged by the events of a branch, in the order in which the rules read them.
pub(super) fn marked(
    tenures: Vec<Tenure>,
    findings: Vec<Finding>,
    lines: &[Line],
) -> (Vec<Marked<Tenure>>, Vec<Marked<Concern>>) {
    let first = lines.iter().position(Line::is_told);
    let at = |(side, ordinal)| lines.iter().position(|line| (line.side, line.ordinal) == (side, ordinal));
    let is_told = |event: (Side, u64)| first.is_some_and(|first| at(event).is_none_or(|at| first <= at));
    // Which envelope was its own is not known, or it served other units then, and so no receipt can speak of it.
    let is_unkept = |event| {
        let line = at(event).and_then(|at| lines.get(at));
        line.is_some_and(|line| matches!(line.doubt, Some(Doubt::Unkept | Doubt::NotServed)))
    };
    let tenures = tenures.into_iter().map(|tenure| Marked { told: is_told(tenure.by), what: tenure }).collect();
    let told = |finding: &Finding| match finding {
        Finding::LimitBroken { .. } | Finding::NoPerson { .. } => first.is_some(),
        Finding::Unreceipted { side, ordinal, .. } | Finding::ResponsibilityGap { side, ordinal, .. } => {
            is_told((*side, *ordinal)) || is_unkept((*side, *ordinal))
        }
        Finding::Unlawful { side, ordinal, .. } => is_told((*side, *ordinal)),
        Finding::DisclosedEarly { side, ordinal } => is_told((*side, *ordinal)),
    };
    let broken = findings.into_iter().map(|finding| Marked { told: told(&finding), what: Concern::Broken(finding) });
    let mut findings: Vec<_> = broken.collect();
    if first.is_some() {
        let count = lines.iter().filter(|line| line.is_told()).count();
        findings.push(Marked { what: Concern::NotAllProven { told: count, all: lines.len() }, told: true });
    }
    (tenures, findings)
}
