//! The one table, and what stands below it: what was seen of each fault, and every promise that was broken.

use std::{collections::BTreeMap, fmt, time::Duration};

/// What became of a fault's runs.
#[derive(Debug, Default)]
pub(crate) struct Row {
    /// The fault.
    pub(crate) fault: &'static str,
    /// Runs that were made.
    pub(crate) runs: u32,
    /// Calls that were answered with success.
    pub(crate) acknowledged: usize,
    /// Answers after which a caller did not know and asked again.
    pub(crate) unknown: usize,
    /// Acknowledged, and not everywhere in the end.
    pub(crate) lost: usize,
    /// There more than once.
    pub(crate) doubled: usize,
    /// In another order than their sender's.
    pub(crate) misordered: usize,
    /// From healing until nothing was owed any more, the longest of the runs.
    pub(crate) drained: Duration,
    /// How long all of it took.
    pub(crate) took: Duration,
    /// What else was seen, and how often.
    pub(crate) seen: BTreeMap<String, u32>,
    /// Promises that were broken, in words; nothing may be here.
    pub(crate) broken: Vec<String>,
}

impl Row {
    /// Whether every promise was kept.
    fn holds(&self) -> bool {
        self.broken.is_empty() && self.lost + self.doubled + self.misordered == 0
    }

    /// The row as a line of the table.
    pub(crate) fn line(&self) -> String {
        format!(
            "{:<30} {:>5} {:>13} {:>9} {:>6} {:>8} {:>11} {:>9.1} s {:>6.0} s{}",
            self.fault,
            self.runs,
            self.acknowledged,
            self.unknown,
            self.lost,
            self.doubled,
            self.misordered,
            self.drained.as_secs_f64(),
            self.took.as_secs_f64(),
            if self.holds() { "" } else { "  BROKEN" },
        )
    }
}

/// The rows of a campaign.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    /// Adds a row.
    pub(crate) fn add(&mut self, row: Row) {
        self.0.push(row);
    }

    /// Whether every promise was kept.
    pub(crate) fn holds(&self) -> bool {
        self.0.iter().all(Row::holds)
    }

    /// Of how many faults every promise was kept, and of how many not.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let held = self.0.iter().filter(|row| row.holds()).count();
        (held, self.0.len() - held)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = format!(
            "{:<30} {:>5} {:>13} {:>9} {:>6} {:>8} {:>11} {:>11} {:>8}",
            "fault", "runs", "acknowledged", "unknown", "lost", "doubled", "misordered", "drained in", "took"
        );
        writeln!(f, "\n{head}\n{}", "-".repeat(head.len()))?;
        for row in &self.0 {
            writeln!(f, "{}", row.line())?;
        }
        for row in self.0.iter().filter(|row| !row.seen.is_empty()) {
            let seen: Vec<String> = row.seen.iter().map(|(what, count)| format!("{what} {count}")).collect();
            writeln!(f, "{}: {}", row.fault, seen.join(", "))?;
        }
        for row in &self.0 {
            for broken in &row.broken {
                writeln!(f, "BROKEN by {}: {broken}", row.fault)?;
            }
        }
        Ok(())
    }
}
