//! What a page shows of branches: what the door answered, narrowed to one unit and put into words.
//!
//! Pure: from answers to texts. A branch of another unit is not there, whoever's party it is of.

use std::collections::BTreeSet;

use nhipcau_domain::{
    id::PartyId,
    referral::{State, UnitRef},
};
use nhipcau_proto::referral::v1 as pb;
use uuid::Uuid;

use super::{
    act::Act,
    content::{self, Section},
    words, work,
};

/// Rows of a list; of more it is said how many there are.
pub(crate) const ROWS: usize = 100;

/// How a unit is called.
pub(crate) type Named<'n> = &'n dyn Fn(Option<&pb::UnitRef>) -> String;

/// Which branch is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    party: PartyId,
    referral: Uuid,
    branch: Uuid,
}

impl Name {
    /// Reads the parts of a path; `None` when they cannot name any.
    pub(crate) fn read(party: &str, referral: &str, branch: &str) -> Option<Self> {
        let uid = |text: &str| Uuid::try_parse(text).ok().filter(|uid| uid.to_string() == text);
        Some(Self { party: PartyId::new(party).ok()?, referral: uid(referral)?, branch: uid(branch)? })
    }

    /// Of the name of a branch in the contract.
    fn of(name: &str) -> Option<Self> {
        let (party, rest) = name.strip_prefix("parties/")?.split_once("/referrals/")?;
        let (referral, branch) = rest.split_once("/branches/")?;
        Self::read(party, referral, branch)
    }

    /// The name of its referral in the contract.
    pub(crate) fn referral(&self) -> String {
        format!("parties/{}/referrals/{}", self.party, self.referral)
    }

    /// Its name in the contract.
    pub(crate) fn branch(&self) -> String {
        format!("{}/branches/{}", self.referral(), self.branch)
    }

    /// Where its page is.
    pub(crate) fn path(&self) -> String {
        format!("/duty/{}/{}/{}", self.party, self.referral, self.branch)
    }
}

/// What waits at a unit, and what it is at.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Nobody has acknowledged these; first what is due first.
    pub(crate) new: Vec<Item>,
    /// People of the unit act on these.
    pub(crate) running: Vec<Item>,
    /// Not shown, though they are there.
    pub(crate) more: usize,
    /// Whether there may be some that were not even looked at.
    pub(crate) is_cut: bool,
}

/// A branch in a list. Without content.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) path: String,
    pub(crate) kind: String,
    pub(crate) from: String,
    pub(crate) sent: String,
    pub(crate) state: String,
    pub(crate) due: String,
    pub(crate) alerts: Vec<String>,
}

impl Waiting {
    /// Of these referrals what is for the unit.
    pub(crate) fn of(referrals: &[pb::Referral], unit: &UnitRef, named: Named<'_>, is_cut: bool) -> Self {
        let of_unit = referrals.iter().flat_map(|referral| {
            let own = referral.branches.iter().filter(|branch| is_of(branch, unit));
            own.map(move |branch| (referral, branch))
        });
        let (mut new, mut running): (Vec<_>, Vec<_>) = of_unit
            .filter(|(_, branch)| state(branch).is_some_and(is_open))
            .partition(|(_, branch)| state(branch).is_some_and(waits));
        for list in [&mut new, &mut running] {
            list.sort_by_key(|(referral, branch)| {
                let due = earliest(branch, next_time).unwrap_or(i64::MAX);
                (due, referral.create_time.as_ref().map_or(0, |time| time.seconds))
            });
        }
        let more = (new.len() + running.len()).saturating_sub(ROWS);
        new.truncate(ROWS);
        running.truncate(ROWS - new.len());
        let items = |list: Vec<(&pb::Referral, &pb::Branch)>| {
            list.into_iter().filter_map(|(referral, branch)| Item::of(referral, branch, named)).collect()
        };
        Self { new: items(new), running: items(running), more, is_cut }
    }
}

impl Item {
    fn of(referral: &pb::Referral, branch: &pb::Branch, named: Named<'_>) -> Option<Self> {
        Some(Self {
            path: Name::of(&branch.name)?.path(),
            kind: words::kind(branch.kind),
            from: named(referral.origin.as_ref()),
            sent: words::time(referral.create_time.as_ref()),
            state: words::state(branch.state),
            due: earliest(branch, next_time).map(in_words).unwrap_or_default(),
            alerts: alerts(branch),
        })
    }
}

/// A branch as its page shows it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) path: String,
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) from: String,
    pub(crate) sent: String,
    pub(crate) responsible: &'static str,
    pub(crate) alerts: Vec<String>,
    pub(crate) limits: Vec<Limit>,
    /// Sources of limits that could not be computed.
    pub(crate) refused: Vec<String>,
    pub(crate) parts: String,
    pub(crate) sections: Vec<Section>,
    pub(crate) history: Vec<Event>,
    /// What was done, in words.
    pub(crate) work: Vec<String>,
    /// What may be asked of it now, as far as it tells. The door decides.
    pub(crate) offered: Vec<Act>,
    pub(crate) etag: String,
}

/// A time limit.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) citation: String,
    pub(crate) acknowledge: String,
    pub(crate) due: String,
}

/// Something that happened.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) time: String,
    pub(crate) word: String,
    pub(crate) is_void: bool,
}

impl Opened {
    /// The branch of the unit in its referral, FULL, as this branch got it; `None` when the unit has no such branch.
    pub(crate) fn of(referral: &pb::Referral, name: &Name, unit: &UnitRef, named: Named<'_>) -> Option<Self> {
        let branch = find(referral, name, unit)?;
        let state = state(branch)?;
        let parts: Vec<_> = branch.disclosed_parts.iter().map(|part| words::part(*part)).collect();
        let limit = |limit: &pb::TimeLimit| Limit {
            citation: limit.citation.clone(),
            acknowledge: words::time(limit.acknowledge_due_time.as_ref().filter(|_| waits(state))),
            due: words::time(limit.due_time.as_ref()),
        };
        let event = |entry: &pb::HistoryEntry| Event {
            time: words::time(entry.event_time.as_ref()),
            word: words::event(&entry.event).to_owned(),
            is_void: entry.superseded,
        };
        Some(Self {
            path: name.path(),
            kind: words::kind(branch.kind),
            state: words::state(branch.state),
            from: named(referral.origin.as_ref()),
            sent: words::time(referral.create_time.as_ref()),
            responsible: match branch.responsible_side() {
                pb::Side::Recipient => "Đơn vị của bạn",
                pb::Side::Origin | pb::Side::Unspecified => "Bên gửi",
            },
            alerts: alerts(branch),
            limits: branch.time_limits.iter().map(limit).collect(),
            refused: branch.limit_refusals.iter().map(|it| format!("{} {}", it.rule, it.citation)).collect(),
            parts: parts.join(", "),
            sections: referral.content.as_ref().map(content::sections).unwrap_or_default(),
            history: branch.history.iter().map(event).collect(),
            work: branch.work.iter().map(work::line).collect(),
            offered: if is_open(state) { Act::offered(branch.kind, state, branch) } else { Vec::new() },
            etag: branch.etag.clone(),
        })
    }
}

/// The branch of that name and unit.
pub(crate) fn find<'r>(referral: &'r pb::Referral, name: &Name, unit: &UnitRef) -> Option<&'r pb::Branch> {
    let full = name.branch();
    referral.branches.iter().find(|branch| branch.name == full && is_of(branch, unit))
}

/// Whether a branch is addressed to the unit.
pub(crate) fn is_of(branch: &pb::Branch, unit: &UnitRef) -> bool {
    let recipient = branch.recipient.as_ref();
    recipient.is_some_and(|it| it.party == unit.party.as_str() && it.unit == unit.unit.as_str())
}

fn state(branch: &pb::Branch) -> Option<State> {
    State::ALL.into_iter().find(|state| state.to_wire() == branch.state)
}

/// Whether somebody has to acknowledge.
fn waits(state: State) -> bool {
    matches!(state, State::Submitted | State::Received)
}

/// Whether something is to be done about it here.
fn is_open(state: State) -> bool {
    waits(state) || matches!(state, State::Acknowledged | State::Accepted | State::Assigned | State::InService)
}

/// The states of [`is_open`], for asking for them.
pub(crate) fn open_states() -> Vec<i32> {
    State::ALL.into_iter().filter(|state| is_open(*state)).map(State::to_wire).collect()
}

/// What a limit asks for next: that somebody acknowledges, or the end of the limit.
fn next_time(branch: &pb::Branch, limit: &pb::TimeLimit) -> Option<i64> {
    let acknowledge = limit.acknowledge_due_time.filter(|_| state(branch).is_some_and(waits));
    acknowledge.or(limit.due_time).map(|time| time.seconds)
}

fn earliest(branch: &pb::Branch, of: fn(&pb::Branch, &pb::TimeLimit) -> Option<i64>) -> Option<i64> {
    branch.time_limits.iter().filter_map(|limit| of(branch, limit)).min()
}

fn in_words(seconds: i64) -> String {
    words::time(Some(&prost_types::Timestamp { seconds, nanos: 0 }))
}

fn alerts(branch: &pb::Branch) -> Vec<String> {
    let codes: BTreeSet<i32> = branch.conditions.iter().copied().collect();
    codes.into_iter().map(words::condition).collect()
}

#[cfg(test)]
pub(crate) mod tests;
