//! What the doors answered, as `observed.json` and as a person reads it.
//!
//! The keys are those of `report.json`, which a verifier recomputes from the access points' directories alone.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use anyhow::Context as _;
use serde::Serialize;

use crate::{
    exit::{Code, Failure, OrExit as _},
    story::timeline::{self, Entered},
};

/// File below the home.
pub(super) const FILE: &str = "observed.json";

/// What was observed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Observed {
    /// Version that the broker reports.
    pub(super) nats_version: String,
    /// From the start of the program to the end of the last process.
    pub(super) elapsed_seconds: f64,
    pub(super) observations: Observations,
    pub(super) referral: Case,
    pub(super) receipts: Receipts,
    pub(super) reconciliation: Reconciliation,
}

/// The figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Observations {
    /// Observations that the publisher holds after the submission.
    pub(super) submitted: u64,
    /// Over what the publisher holds.
    pub(super) digest: String,
    /// What each subscriber holds.
    pub(super) held: BTreeMap<String, Held>,
}

/// Figures that one access point holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Held {
    pub(super) count: u64,
    pub(super) digest: String,
}

/// The case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Case {
    pub(super) timeline: Vec<Entered>,
}

/// Receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Receipts {
    /// Different signed receipts that the access points show, each verified when it was stored.
    pub(super) verified: u64,
}

/// Reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Reconciliation {
    /// Messages on which two access points differ.
    pub(super) differences: u64,
}

impl Observed {
    /// Writes the file.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).or_exit(Code::Failed)?;
        fs::write(path, text + "\n").with_context(|| path.display().to_string()).or_exit(Code::Failed)
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Observations { submitted, digest, held } = &self.observations;
        writeln!(f, "\nSố liệu · Figures")?;
        writeln!(f, "  {:<8} {submitted:>6}  {digest}", "moha")?;
        for (holder, held) in held {
            let same = if held.digest == *digest { "= moha" } else { "≠ moha" };
            writeln!(f, "  {holder:<8} {:>6}  {same}", held.count)?;
        }
        writeln!(f, "\nVụ việc · Case")?;
        timeline::write(f, &self.referral.timeline)?;
        writeln!(f, "\nBằng chứng · Evidence")?;
        writeln!(f, "  {:>6}  biên nhận có chữ ký · signed receipts", self.receipts.verified)?;
        writeln!(f, "  {:>6}  khác biệt khi đối chiếu · differences", self.reconciliation.differences)?;
        write!(f, "\nnats-server {}, {:.1} s", self.nats_version, self.elapsed_seconds)
    }
}
