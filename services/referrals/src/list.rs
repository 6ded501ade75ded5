//! Listing the referrals of a party, newest first, BASIC.
//!
//! A place in the list is the time and uid of a referral, so that pages neither repeat nor skip what was there when the
//! first one was read, whatever is added meanwhile. Conditions depend on the time and are computed for each referral;
//! a call looks at so many referrals at most and may then give a short page with a token.

use std::collections::BTreeSet;

use jiff::Timestamp;
use nhipcau_domain::{
    id::{AccessPointId, PartyId},
    reason,
    referral::{Branch, Side, State},
};
use nhipcau_messaging::store::{Error as StoreError, Tx};
use nhipcau_proto::referral::v1 as pb;
use prost::Message as _;
use uuid::Uuid;

use crate::{
    error::Error,
    get, page,
    store::reading::{self, Listed, Search},
    view,
};

/// Referrals that one call looks at, at most.
const LOOKED_AT: usize = 1_000;
/// Places that are read together.
const TOGETHER: usize = 100;
/// Bytes of a page, one referral more at most: well below the 4 MiB that gRPC clients take by default.
const BYTES: usize = 1 << 20;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Filter {
    states: BTreeSet<i32>,
    conditions: BTreeSet<i32>,
    side: Option<Side>,
    case: Option<Uuid>,
}

/// A page of the referrals of a party.
///
/// # Errors
/// [`Error`] when the filter or the token does not fit.
pub(crate) fn page(
    request: &pb::ListReferralsRequest,
    party: &PartyId,
    access_point: &AccessPointId,
    now: Timestamp,
    tx: &mut Tx<'_>,
) -> Result<pb::ListReferralsResponse, Error> {
    let filter = Filter::read(request)?;
    let print = filter.fingerprint(party, access_point);
    let mut place = page::read_token(&request.page_token, &print).map_err(|_| Error::PageTokenInvalid)?;
    let size = page::size(request.page_size);
    let mut answer = pb::ListReferralsResponse::default();
    let (mut shown, mut looked_at, mut bytes) = (place, 0, 0);
    loop {
        let next = filter.next(party, place, tx)?;
        for listed in &next {
            let branches = get::branches(party, listed.referral, tx)?;
            if filter.matches(&branches, now)
                && let Some(referral) = view::referral(&branches, now)
            {
                if answer.referrals.len() == size || bytes >= BYTES {
                    answer.next_page_token = page::token(&print, shown);
                    return Ok(answer);
                }
                bytes += referral.encoded_len();
                answer.referrals.push(referral);
                shown = *listed;
            }
            place = *listed;
        }
        looked_at += next.len();
        if next.len() < TOGETHER {
            return Ok(answer);
        }
        if looked_at >= LOOKED_AT {
            answer.next_page_token = page::token(&print, place);
            return Ok(answer);
        }
    }
}

impl Filter {
    fn read(request: &pb::ListReferralsRequest) -> Result<Self, Error> {
        let unknown = |field| Error::Field { field, reason: reason::CODE_UNKNOWN };
        let is_state = |number: &i32| State::ALL.iter().any(|state| state.to_wire() == *number);
        let is_condition = |number: &i32| *number != 0 && pb::BranchCondition::try_from(*number).is_ok();
        if !request.states.iter().all(is_state) {
            return Err(unknown("states"));
        }
        if !request.conditions.iter().all(is_condition) {
            return Err(unknown("conditions"));
        }
        let side = match request.side {
            0 => None,
            number => {
                let side = Side::ALL.into_iter().find(|side| side.to_wire() == number);
                Some(side.ok_or_else(|| unknown("side"))?)
            }
        };
        let malformed = |_| Error::Field { field: "case_uid", reason: reason::FIELD_FORMAT };
        let case = Some(&request.case_uid).filter(|uid| !uid.is_empty());
        Ok(Self {
            states: request.states.iter().copied().collect(),
            conditions: request.conditions.iter().copied().collect(),
            side,
            case: case.map(|uid| Uuid::try_parse(uid)).transpose().map_err(malformed)?,
        })
    }

    fn fingerprint(&self, party: &PartyId, access_point: &AccessPointId) -> String {
        let numbers =
            |numbers: &BTreeSet<i32>| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>();
        page::fingerprint(&[
            b"nhipcau/1/referral-page",
            access_point.as_str().as_bytes(),
            party.as_str().as_bytes(),
            &numbers(&self.states),
            &numbers(&self.conditions),
            &self.side.map_or(0, Side::to_wire).to_le_bytes(),
            self.case.as_ref().map_or(&[], |case| case.as_bytes().as_slice()),
        ])
    }

    /// States in which a referral must have a branch to be looked at; empty when any will do.
    fn candidates(&self) -> BTreeSet<i32> {
        if self.states.is_empty() {
            return self.conditions.iter().flat_map(|condition| states_of(*condition)).map(State::to_wire).collect();
        }
        self.states.clone()
    }

    /// The next places, newest first; fewer than [`TOGETHER`] only at the end.
    fn next(&self, party: &PartyId, from: Listed, tx: &mut Tx<'_>) -> Result<Vec<Listed>, StoreError> {
        let search = Search { party, side: self.side, case: self.case, state: None };
        let states = self.candidates();
        if states.is_empty() || states.len() == State::ALL.len() {
            return reading::after(tx, search, from, TOGETHER);
        }
        let mut merged = BTreeSet::new();
        for state in states {
            merged.extend(reading::after(tx, Search { state: Some(state), ..search }, from, TOGETHER)?);
        }
        Ok(merged.into_iter().rev().take(TOGETHER).collect())
    }

    fn matches(&self, branches: &[Branch], now: Timestamp) -> bool {
        let views: Vec<_> = branches.iter().map(Branch::view).collect();
        let in_state = || views.iter().any(|view| self.states.contains(&view.state.to_wire()));
        let is_wanted = |condition| self.conditions.contains(&view::condition(condition));
        let in_condition = || views.iter().any(|view| view.conditions(now).into_iter().any(is_wanted));
        (self.states.is_empty() || in_state()) && (self.conditions.is_empty() || in_condition())
    }
}

/// The states beside which a condition can hold, so that the others need not be looked at.
fn states_of(condition: i32) -> Vec<State> {
    use pb::BranchCondition::{
        AcknowledgedByTelephone, AssignmentHeld, EmergencyReleased, ErasureDue, Escalated, HandBackRequested,
        HandOverHeld, HandedOver, LegalHold, LimitUnknown, Overdue, RevocationRequested, Unacknowledged, Unattended,
        Unspecified, Warned, WithdrawalUnanswered,
    };
    let can_hold = |state: &State| match pb::BranchCondition::try_from(condition).unwrap_or(Unspecified) {
        Overdue | Escalated | Unacknowledged | Warned | LimitUnknown => state.is_waited_for(),
        HandBackRequested | RevocationRequested => matches!(state, State::Assigned | State::InService),
        AcknowledgedByTelephone | Unattended => matches!(state, State::Submitted | State::Received),
        ErasureDue => state.calls_for_erasure(),
        AssignmentHeld => matches!(state, State::Acknowledged | State::Accepted),
        WithdrawalUnanswered => *state == State::Revoked,
        HandOverHeld => state.is_waited_for() || *state == State::Completed,
        EmergencyReleased | HandedOver | LegalHold | Unspecified => true,
    };
    State::ALL.into_iter().filter(can_hold).collect()
}

#[cfg(test)]
mod tests;
