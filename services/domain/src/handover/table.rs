//! The transition table of a hand-over: the one place that says which event leads where. The fold, what may be written,
//! the tests and `docs/handovers.md` all read the same rows; conditions that are no states are in `guard.rs`.

use super::event::{EventKind, State};
use crate::{reason, referral::Side};
use EventKind as E;
use State as S;

/// What an event does in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Leads to this state.
    To(State),
    /// Is taken and leaves the state as it is.
    Keep,
    /// Is refused for this reason.
    Refuse(&'static str),
}

/// One row: in any of these states the event has this verdict. The first row that fits holds.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The event.
    pub event: EventKind,
    /// States in which the row holds.
    pub from: &'static [State],
    /// What happens.
    pub verdict: Verdict,
}

const fn row(event: EventKind, from: &'static [State], verdict: Verdict) -> Row {
    Row { event, from, verdict }
}

/// The table. An event that finds no row is refused with `WRONG_STATE`.
pub const ROWS: &[Row] = &[
    row(E::HandoverOffered, &State::ALL, Verdict::Refuse(reason::ALREADY_OPENED)),
    row(E::HandoverTaken, &[S::Accepted], Verdict::To(S::Taken)),
    row(E::HandoverTaken, &[S::Offered], Verdict::Refuse(reason::NOT_ACCEPTED)),
    row(E::HandoverWithdrawn, &[S::Offered, S::Accepted], Verdict::To(S::Withdrawn)),
    row(E::HandedBack, &[S::Taken], Verdict::To(S::HandedBack)),
    row(E::ContactNoteAdded, &[S::Offered, S::Accepted, S::Taken], Verdict::Keep),
    row(E::HandoverAccepted, &[S::Offered], Verdict::To(S::Accepted)),
    row(E::HandoverDeclined, &[S::Offered], Verdict::To(S::Declined)),
    row(E::HandBackAsked, &[S::Taken], Verdict::Keep),
];

/// What the event does when this side writes it in this state.
#[must_use]
pub fn verdict(state: State, side: Side, event: EventKind) -> Verdict {
    if event.side() != side {
        return Verdict::Refuse(reason::WRONG_SIDE);
    }
    let row = ROWS.iter().find(|row| row.event == event && row.from.contains(&state));
    row.map_or(Verdict::Refuse(reason::WRONG_STATE), |row| row.verdict)
}
