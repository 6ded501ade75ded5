//! The transition table of a branch: the one place that says which event leads where.
//!
//! It is data. [`verdict`] looks an event up; the fold, the decisions, the tests and `docs/referrals.md` all read the
//! same rows. What no row allows is refused. Conditions that are no states (an acting person, a pending request, the
//! tiers of disclosure) are in `guard.rs`.

use super::kind::{EventKind, Kind, Side, State};
use crate::reason;
use EventKind as E;
use State as S;

/// What an event does in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Leads to this state.
    To(State),
    /// Is taken and leaves the state as it is.
    Keep,
    /// Is kept until the assignment and takes effect then.
    Wait,
    /// Is refused for this reason.
    Refuse(&'static str),
}

/// One row: in any of these states and kinds, the event has this verdict. The first row that fits holds.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The event.
    pub event: EventKind,
    /// Kinds of referral.
    pub kinds: &'static [Kind],
    /// States in which the row holds.
    pub from: &'static [State],
    /// What happens.
    pub verdict: Verdict,
}

const ALL: &[Kind] = &Kind::ALL;
const CASES: &[Kind] = &[Kind::Transfer, Kind::Referral];
const TRANSFER: &[Kind] = &[Kind::Transfer];
const REFERRAL: &[Kind] = &[Kind::Referral];
const NOTIFICATION: &[Kind] = &[Kind::Notification];

const ANY: &[State] = &State::ALL;
const NEW: &[State] = &[S::Submitted, S::Received];
const UNDECIDED: &[State] = &[S::Submitted, S::Received, S::Acknowledged];
const PENDING: &[State] = &[S::Submitted, S::Received, S::Acknowledged, S::Accepted];
const SERVING: &[State] = &[S::Assigned, S::InService];
const OPEN: &[State] = &[S::Submitted, S::Received, S::Acknowledged, S::Accepted, S::Assigned, S::InService];
/// Somebody of the unit acts on it.
const TAKEN: &[State] = &[S::Acknowledged, S::Assigned, S::InService];
const ACCEPTED: &[State] = &[S::Accepted, S::Assigned, S::InService];
const ERASING: &[State] = &[S::Rejected, S::Redirected, S::Relieved, S::Revoked, S::EnteredInError];

const fn row(event: EventKind, kinds: &'static [Kind], from: &'static [State], verdict: Verdict) -> Row {
    Row { event, kinds, from, verdict }
}

/// The table. An event that finds no row is refused with `WRONG_STATE`.
pub const ROWS: &[Row] = &[
    row(E::Opened, ALL, ANY, Verdict::Refuse(reason::ALREADY_OPENED)),
    row(E::Received, ALL, &[S::Submitted], Verdict::To(S::Received)),
    row(E::Returned, ALL, &[S::Submitted], Verdict::To(S::Returned)),
    row(E::Assigned, TRANSFER, &[S::Acknowledged], Verdict::To(S::Assigned)),
    row(E::Assigned, REFERRAL, &[S::Accepted], Verdict::To(S::Assigned)),
    row(E::Assigned, CASES, UNDECIDED, Verdict::Refuse(reason::NOT_ACCEPTED)),
    row(E::Assigned, NOTIFICATION, ANY, Verdict::Refuse(reason::NOT_FOR_THIS_KIND)),
    row(E::DisclosureAdded, ALL, OPEN, Verdict::Keep),
    row(E::EmergencyReleased, REFERRAL, PENDING, Verdict::Keep),
    row(E::EmergencyReleased, &[Kind::Transfer, Kind::Notification], ANY, Verdict::Refuse(reason::NOT_FOR_THIS_KIND)),
    row(E::Escalated, ALL, OPEN, Verdict::Keep),
    row(E::Relieved, CASES, PENDING, Verdict::To(S::Relieved)),
    row(E::Relieved, NOTIFICATION, ANY, Verdict::Refuse(reason::NOT_FOR_THIS_KIND)),
    row(E::Revoked, ALL, PENDING, Verdict::To(S::Revoked)),
    row(E::Revoked, CASES, SERVING, Verdict::Refuse(reason::ALREADY_ASSIGNED)),
    row(E::RevocationRequested, CASES, SERVING, Verdict::Keep),
    row(E::RevocationRequested, CASES, PENDING, Verdict::Refuse(reason::NOT_ASSIGNED)),
    row(E::RevocationRequested, NOTIFICATION, ANY, Verdict::Refuse(reason::NOT_FOR_THIS_KIND)),
    row(E::ConsentWithdrawn, ALL, &[S::EnteredInError], Verdict::Refuse(reason::WRONG_STATE)),
    row(E::ConsentWithdrawn, ALL, ANY, Verdict::To(S::Revoked)),
    row(E::EnteredInError, ALL, &[S::EnteredInError], Verdict::Refuse(reason::WRONG_STATE)),
    row(E::EnteredInError, ALL, ANY, Verdict::To(S::EnteredInError)),
    row(E::Closed, CASES, &[S::Completed], Verdict::To(S::Closed)),
    row(E::Closed, NOTIFICATION, &[S::Received, S::Acknowledged], Verdict::To(S::Closed)),
    row(E::HandBackTaken, CASES, SERVING, Verdict::To(S::Revoked)),
    row(E::HandBackTaken, NOTIFICATION, ANY, Verdict::Refuse(reason::NOT_FOR_THIS_KIND)),
    row(E::TelephoneRecorded, CASES, NEW, Verdict::Keep),
    row(E::TelephoneRecorded, NOTIFICATION, ANY, Verdict::Refuse(reason::NOT_FOR_THIS_KIND)),
    row(E::Acknowledged, ALL, NEW, Verdict::To(S::Acknowledged)),
    row(E::Acknowledged, NOTIFICATION, &[S::Closed], Verdict::Keep),
    row(E::Accepted, REFERRAL, UNDECIDED, Verdict::To(S::Accepted)),
    row(E::Accepted, &[Kind::Transfer, Kind::Notification], ANY, Verdict::Refuse(reason::NOT_FOR_THIS_KIND)),
    row(E::Rejected, REFERRAL, UNDECIDED, Verdict::To(S::Rejected)),
    row(E::Rejected, TRANSFER, ANY, Verdict::Refuse(reason::TRANSFER_NOT_REJECTABLE)),
    row(E::Rejected, NOTIFICATION, ANY, Verdict::Refuse(reason::NOT_FOR_THIS_KIND)),
    row(E::Redirected, TRANSFER, NEW, Verdict::To(S::Redirected)),
    row(
        E::Redirected,
        TRANSFER,
        &[S::Acknowledged, S::Assigned, S::InService],
        Verdict::Refuse(reason::TRANSFER_TAKEN_OVER),
    ),
    row(E::Redirected, REFERRAL, UNDECIDED, Verdict::To(S::Redirected)),
    row(E::Redirected, NOTIFICATION, ANY, Verdict::Refuse(reason::NOT_FOR_THIS_KIND)),
    row(E::ServiceStarted, CASES, &[S::Assigned], Verdict::To(S::InService)),
    row(E::ServiceStarted, TRANSFER, &[S::Acknowledged], Verdict::Wait),
    row(E::ServiceStarted, CASES, PENDING, Verdict::Refuse(reason::NOT_ASSIGNED)),
    row(E::ServiceStarted, NOTIFICATION, ANY, Verdict::Refuse(reason::NOT_FOR_THIS_KIND)),
    row(E::Completed, CASES, SERVING, Verdict::To(S::Completed)),
    row(E::Completed, TRANSFER, &[S::Acknowledged], Verdict::Wait),
    row(E::Completed, CASES, PENDING, Verdict::Refuse(reason::NOT_ASSIGNED)),
    row(E::Completed, NOTIFICATION, ANY, Verdict::Refuse(reason::NOT_FOR_THIS_KIND)),
    row(E::RevocationGranted, CASES, SERVING, Verdict::To(S::Revoked)),
    row(E::RevocationGranted, NOTIFICATION, ANY, Verdict::Refuse(reason::NOT_FOR_THIS_KIND)),
    row(E::RevocationRefused, CASES, SERVING, Verdict::Keep),
    row(E::RevocationRefused, NOTIFICATION, ANY, Verdict::Refuse(reason::NOT_FOR_THIS_KIND)),
    row(E::Erased, ALL, ERASING, Verdict::Keep),
    row(E::Erased, ALL, ANY, Verdict::Refuse(reason::ERASURE_NOT_DUE)),
    row(E::HandBackRequested, CASES, SERVING, Verdict::Keep),
    row(E::HandBackRequested, CASES, PENDING, Verdict::Refuse(reason::NOT_ASSIGNED)),
    row(E::HandBackRequested, NOTIFICATION, ANY, Verdict::Refuse(reason::NOT_FOR_THIS_KIND)),
    row(E::WorkRecorded, TRANSFER, TAKEN, Verdict::Keep),
    row(E::WorkRecorded, REFERRAL, ACCEPTED, Verdict::Keep),
    row(E::WorkRecorded, NOTIFICATION, ANY, Verdict::Refuse(reason::NOT_FOR_THIS_KIND)),
    row(E::Moved, ALL, ANY, Verdict::Keep),
    row(E::Unattended, CASES, NEW, Verdict::Keep),
    row(E::Unattended, NOTIFICATION, ANY, Verdict::Refuse(reason::NOT_FOR_THIS_KIND)),
    row(E::WithdrawalAnswered, ALL, &[S::Revoked], Verdict::Keep),
];

/// What the event does when this side writes it in this state of a branch of this kind.
#[must_use]
pub fn verdict(kind: Kind, state: State, side: Side, event: EventKind) -> Verdict {
    if event.side() != side {
        return Verdict::Refuse(reason::WRONG_SIDE);
    }
    ROWS.iter()
        .find(|row| row.event == event && row.kinds.contains(&kind) && row.from.contains(&state))
        .map_or(Verdict::Refuse(reason::WRONG_STATE), |row| row.verdict)
}
