//! The states that the branches of a story entered, as a person reads them and as a program compares them.

use std::fmt;

use jiff::Timestamp;
use nhipcau_domain::referral::{
    EventKind, Kind, Side, State,
    table::{Verdict, verdict},
};
use nhipcau_proto::referral::v1 as pb;
use serde::{Serialize, Serializer};

use crate::terminal;

/// What stands in the place of a state where the branch went to a successor, in the state that it had.
const HANDED_OVER: &str = "HANDED_OVER";

/// A state that a branch entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Entered {
    /// UUID of the case.
    case: String,
    /// UUID of the referral.
    referral: String,
    /// UUID of the branch.
    branch: String,
    /// TRANSFER, REFERRAL or NOTIFICATION.
    kind: &'static str,
    /// Unit that the branch addresses, `party/unit`.
    recipient: String,
    /// The state.
    pub(crate) state: &'static str,
    /// Unit whose event led to it, `party/unit`.
    pub(crate) actor: String,
    /// By the clock of that unit's access point; RFC 3339 in UTC.
    #[serde(serialize_with = "as_text")]
    pub(crate) time: Timestamp,
}

/// How each branch went, without times and ids: its kind and recipient, and each state with who led to it.
pub(super) fn ends(referrals: &[pb::Referral]) -> Vec<String> {
    let mut ends = Vec::new();
    for (referral, branch) in referrals.iter().flat_map(|referral| referral.branches.iter().map(move |b| (referral, b)))
    {
        let entered = branch_timeline(referral, branch);
        let kind = entered.first().map_or("", |entry| entry.kind);
        let states: Vec<_> = entered.iter().map(|entry| format!("{} {}", entry.state, entry.actor)).collect();
        let recipient = branch.recipient.as_ref().map_or_else(String::new, named);
        ends.push(format!("{kind} {recipient}: {}", states.join(", ")));
    }
    ends.sort();
    ends
}

/// Writes a timeline for people.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, timeline: &[Entered]) -> fmt::Result {
    for entry in timeline {
        let Entered { kind, recipient, state, actor, .. } = entry;
        writeln!(f, "  {}  {kind:<12} → {recipient:<14}  {state:<12}  by {actor}", terminal::time(entry.time))?;
    }
    Ok(())
}

/// The states that branches entered, from their histories as the origin shows them: in order of time, those of a branch
/// in their own order whatever the two sides' clocks say.
pub(crate) fn timeline(referrals: &[pb::Referral]) -> Vec<Entered> {
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
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.to_wire() == branch.kind) else { return Vec::new() };
    let (mut state, mut entered) = (State::Submitted, Vec::new());
    for entry in branch.history.iter().filter(|entry| !entry.superseded) {
        let Some(side) = Side::ALL.into_iter().find(|side| side.to_wire() == entry.side) else { continue };
        let Some(event) = EventKind::ALL.into_iter().find(|event| event.name() == entry.event) else { continue };
        match verdict(kind, state, side, event) {
            _ if matches!(event, EventKind::Opened | EventKind::Moved) => {}
            Verdict::To(next) => state = next,
            _ => continue,
        }
        let time = entry.event_time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
        entered.push(Entered {
            case: referral.case_uid.clone(),
            referral: referral.uid.clone(),
            branch: branch.uid.clone(),
            kind: kind.name(),
            recipient: branch.recipient.as_ref().map_or_else(String::new, named),
            state: if event == EventKind::Moved { HANDED_OVER } else { state.name() },
            actor: entry.unit.as_ref().map_or_else(String::new, named),
            time: time.unwrap_or(Timestamp::UNIX_EPOCH),
        });
    }
    entered
}

/// A unit as `party/unit`.
fn named(unit: &pb::UnitRef) -> String {
    format!("{}/{}", unit.party, unit.unit)
}

fn as_text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}
