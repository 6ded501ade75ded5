//! What the doors answered, as `observed.json` and as a person reads it.
//!
//! The keys are those of `report.json`, which a verifier recomputes from the access points' directories alone.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use anyhow::Context as _;
use jiff::Timestamp;
use nhipcau_domain::referral::{
    EventKind, Kind, Side, State,
    table::{Verdict, verdict},
};
use nhipcau_proto::referral::v1 as pb;
use serde::{Serialize, Serializer};

use crate::exit::{Code, Failure, OrExit as _};

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

/// A state that a branch entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Entered {
    /// UUID of the case.
    case: String,
    /// UUID of the referral.
    referral: String,
    /// UUID of the branch.
    branch: String,
    /// TRANSFER or REFERRAL.
    kind: &'static str,
    /// The state.
    pub(super) state: &'static str,
    /// Unit whose event led to it, `party/unit`.
    pub(super) actor: String,
    /// By the clock of that unit's access point; RFC 3339 in UTC.
    #[serde(serialize_with = "as_text")]
    pub(super) time: Timestamp,
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

/// The states that branches entered, from their histories as the origin shows them: in order of time, those of a branch
/// in their own order whatever the two sides' clocks say.
pub(super) fn timeline(referrals: &[pb::Referral]) -> Vec<Entered> {
    let branches = referrals.iter().flat_map(|referral| referral.branches.iter().map(move |branch| (referral, branch)));
    let mut entered: Vec<(Timestamp, Entered)> = Vec::new();
    for (referral, branch) in branches {
        let mut latest = Timestamp::MIN;
        for entry in branch_timeline(referral, branch) {
            latest = latest.max(entry.time);
            entered.push((latest, entry));
        }
    }
    entered.sort_by(|(time, entry), (other, than)| (time, &entry.branch).cmp(&(other, &than.branch)));
    entered.into_iter().map(|(_, entry)| entry).collect()
}

fn branch_timeline(referral: &pb::Referral, branch: &pb::Branch) -> Vec<Entered> {
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.to_wire() == referral.kind) else { return Vec::new() };
    let (mut state, mut entered) = (State::Submitted, Vec::new());
    for entry in branch.history.iter().filter(|entry| !entry.superseded) {
        let Some(side) = Side::ALL.into_iter().find(|side| side.to_wire() == entry.side) else { continue };
        let Some(event) = EventKind::ALL.into_iter().find(|event| event.name() == entry.event) else { continue };
        match verdict(kind, state, side, event) {
            _ if event == EventKind::Opened => {}
            Verdict::To(next) => state = next,
            _ => continue,
        }
        let writer = match side {
            Side::Origin => referral.origin.as_ref(),
            Side::Recipient => branch.recipient.as_ref(),
        };
        let time = entry.event_time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
        entered.push(Entered {
            case: referral.case_uid.clone(),
            referral: referral.uid.clone(),
            branch: branch.uid.clone(),
            kind: kind.name(),
            state: state.name(),
            actor: writer.map_or_else(String::new, |unit| format!("{}/{}", unit.party, unit.unit)),
            time: time.unwrap_or(Timestamp::UNIX_EPOCH),
        });
    }
    entered
}

fn as_text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
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
        for entry in &self.referral.timeline {
            let time = entry.time.to_string();
            writeln!(f, "  {time:<30}  {:<8}  {:<12}  {}", entry.kind, entry.state, entry.actor)?;
        }
        writeln!(f, "\nBằng chứng · Evidence")?;
        writeln!(f, "  {:>6}  biên nhận có chữ ký · signed receipts", self.receipts.verified)?;
        writeln!(f, "  {:>6}  khác biệt khi đối chiếu · differences", self.reconciliation.differences)?;
        write!(f, "\nnats-server {}, {:.1} s", self.nats_version, self.elapsed_seconds)
    }
}
