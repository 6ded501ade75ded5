//! The transition table, every state with every event, side and kind.

use crate::{
    reason,
    referral::{
        EventKind, Kind, Side, State,
        table::{ROWS, Verdict, verdict},
    },
};

fn every() -> impl Iterator<Item = (Kind, State, EventKind)> {
    Kind::ALL.into_iter().flat_map(|kind| {
        State::ALL.into_iter().flat_map(move |state| EventKind::ALL.into_iter().map(move |event| (kind, state, event)))
    })
}

fn own(kind: Kind, state: State, event: EventKind) -> Verdict {
    verdict(kind, state, event.side(), event)
}

#[test]
fn the_wrong_side_is_always_refused() {
    for (kind, state, event) in every() {
        let other = verdict(kind, state, event.side().other(), event);
        assert_eq!(other, Verdict::Refuse(reason::WRONG_SIDE), "{kind:?} {state:?} {event:?}");
    }
}

#[test]
fn ends_are_left_only_by_withdrawal_and_recall() {
    let ends = [
        State::Closed,
        State::Rejected,
        State::Redirected,
        State::Relieved,
        State::Revoked,
        State::Returned,
        State::EnteredInError,
    ];
    for (kind, state, event) in every().filter(|(_, state, _)| ends.contains(state)) {
        if let Verdict::To(to) = own(kind, state, event) {
            let wins = matches!(event, EventKind::ConsentWithdrawn | EventKind::EnteredInError);
            assert!(wins, "{kind:?} {state:?} {event:?} leads to {to:?}");
        }
    }
}

#[test]
fn withdrawal_and_recall_are_possible_in_every_state_but_recalled() {
    for (kind, state, _) in every() {
        let recalled = state == State::EnteredInError;
        let refused = Verdict::Refuse(reason::WRONG_STATE);
        let withdrawal = if recalled { refused } else { Verdict::To(State::Revoked) };
        let recall = if recalled { refused } else { Verdict::To(State::EnteredInError) };
        assert_eq!(own(kind, state, EventKind::ConsentWithdrawn), withdrawal);
        assert_eq!(own(kind, state, EventKind::EnteredInError), recall);
    }
}

#[test]
fn a_transfer_is_never_rejected_nor_merely_accepted() {
    for state in State::ALL {
        let rejected = own(Kind::Transfer, state, EventKind::Rejected);
        assert_eq!(rejected, Verdict::Refuse(reason::TRANSFER_NOT_REJECTABLE));
        let accepted = own(Kind::Transfer, state, EventKind::Accepted);
        assert_eq!(accepted, Verdict::Refuse(reason::NOT_FOR_THIS_KIND));
    }
}

#[test]
fn assignment_follows_only_acceptance_or_personal_acknowledgement() {
    for (kind, state, event) in every().filter(|(_, _, event)| *event == EventKind::Assigned) {
        let allowed =
            matches!((kind, state), (Kind::Transfer, State::Acknowledged) | (Kind::Referral, State::Accepted));
        let expected = own(kind, state, event) == Verdict::To(State::Assigned);
        assert_eq!(expected, allowed, "{kind:?} {state:?}");
    }
}

#[test]
fn every_state_can_be_reached() {
    let mut reached = vec![State::Submitted];
    let mut index = 0;
    while let Some(state) = reached.get(index).copied() {
        index += 1;
        for (kind, _, event) in every().filter(|(_, from, _)| *from == state) {
            if let Verdict::To(to) = own(kind, state, event)
                && !reached.contains(&to)
            {
                reached.push(to);
            }
        }
    }
    assert_eq!(reached.len(), State::ALL.len(), "{reached:?}");
}

#[test]
fn every_row_is_the_first_that_fits_somewhere() {
    for (index, row) in ROWS.iter().enumerate() {
        let first = row.kinds.iter().any(|kind| {
            row.from.iter().any(|state| {
                let fits = |other: &&_| {
                    let other: &crate::referral::table::Row = other;
                    other.event == row.event && other.kinds.contains(kind) && other.from.contains(state)
                };
                ROWS.iter().position(|other| fits(&other)) == Some(index)
            })
        });
        assert!(first, "row {index} for {:?} is never used", row.event);
    }
}

#[test]
fn responsibility_words_of_the_state_agree() {
    for state in State::ALL {
        let words = [state.is_pending(), state.is_assigned(), state.calls_for_erasure()];
        assert!(words.iter().filter(|word| **word).count() <= 1, "{state:?}");
    }
    assert_eq!(Side::Origin.other(), Side::Recipient);
}
