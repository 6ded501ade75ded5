//! What provisioning did or would do, for people and scripts.
//!
//! The JSON form is a promise of docs/cli.md; `plan` exits with 6 when it is not as planned.

use std::fmt;

use nhipcau_messaging::provision::{Action, Change, Difference};
use serde::Serialize;

/// The outcome of a run.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The release that the plan follows from.
    release: u64,
    /// Whether it was done, or only looked at.
    applied: bool,
    changes: Vec<Line>,
    differences: Vec<Differing>,
}

#[derive(Debug, Serialize)]
struct Line {
    name: String,
    action: &'static str,
}

#[derive(Debug, Serialize)]
struct Differing {
    name: String,
    setting: &'static str,
}

impl Report {
    /// What was done.
    pub(super) fn done(release: u64, changes: &[Change]) -> Self {
        Self { release, applied: true, changes: lines(changes), differences: Vec::new() }
    }

    /// What would be done.
    pub(super) fn planned(release: u64, changes: &[Change]) -> Self {
        Self { applied: false, ..Self::done(release, changes) }
    }

    /// What stands in the way.
    pub(super) fn differing(release: u64, differences: &[Difference]) -> Self {
        let differing = |one: &Difference| Differing { name: one.name.clone(), setting: one.setting };
        Self { release, applied: false, changes: Vec::new(), differences: differences.iter().map(differing).collect() }
    }

    /// Whether there is nothing to do.
    pub(super) fn is_as_planned(&self) -> bool {
        self.differences.is_empty() && self.changes.iter().all(|line| line.action == KEPT)
    }
}

const KEPT: &str = "kept";

fn lines(changes: &[Change]) -> Vec<Line> {
    let action = |action| match action {
        Action::Kept => KEPT,
        Action::Created => "created",
        Action::Updated => "updated",
    };
    changes.iter().map(|change| Line { name: change.name.clone(), action: action(change.action) }).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Differing { name, setting } in &self.differences {
            writeln!(f, "differs  {name}: {setting}")?;
        }
        for Line { name, action } in self.changes.iter().filter(|line| line.action != KEPT) {
            let action = if self.applied { action } else { &format!("to be {action}")[..] };
            writeln!(f, "{action}  {name}")?;
        }
        let kept = self.changes.iter().filter(|line| line.action == KEPT).count();
        write!(f, "release {}: {kept} of {} as planned before", self.release, self.changes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, action: Action) -> Change {
        Change { name: name.to_owned(), action }
    }

    #[test]
    fn only_a_broker_where_everything_was_kept_is_as_planned() {
        let kept = change("NC_MOH", Action::Kept);
        assert!(Report::planned(3, std::slice::from_ref(&kept)).is_as_planned());
        assert!(!Report::planned(3, &[kept, change("NC_VWU", Action::Updated)]).is_as_planned());
        let difference = Difference { name: "NC_MOH".to_owned(), setting: "republish" };
        assert!(!Report::differing(3, &[difference]).is_as_planned());
    }

    #[test]
    fn people_read_what_is_to_be_done_and_not_what_stays() {
        let changes = [change("NC_MOH", Action::Kept), change("NC_VWU", Action::Created)];
        assert_eq!(
            Report::planned(3, &changes).to_string(),
            "to be created  NC_VWU\nrelease 3: 1 of 2 as planned before"
        );
    }
}
