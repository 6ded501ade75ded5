//! Pages that hold while referrals are added, filters, and tokens that fit nothing else.

use nhipcau_domain::referral::{Command, Kind, Outcome, Part, Rejection, Side::*};
use nhipcau_messaging::store::Store;

use super::*;
use crate::{
    store::SCHEMA,
    view::fixture::{Plan, after, parts, party, put, time},
};

fn point() -> AccessPointId {
    AccessPointId::new("moh").unwrap()
}

struct Shelf(Store);

impl Shelf {
    /// Referrals with these numbers, each opened at the second of its number.
    fn of(numbers: impl IntoIterator<Item = u128>) -> Self {
        let mut store = Store::scratch().unwrap();
        store.add_tables(SCHEMA).unwrap();
        let mut shelf = Self(store);
        shelf.add(numbers);
        shelf
    }

    fn add(&mut self, numbers: impl IntoIterator<Item = u128>) {
        self.put(Origin, numbers.into_iter().map(|number| plan(number).open()));
    }

    fn put(&mut self, side: Side, branches: impl IntoIterator<Item = Branch>) {
        let store = &mut self.0;
        store
            .transaction(|tx| {
                branches.into_iter().for_each(|branch| put(tx, side, &branch));
                Ok::<_, StoreError>(())
            })
            .unwrap();
    }

    fn ask(&mut self, request: &pb::ListReferralsRequest, of: &str) -> Result<pb::ListReferralsResponse, Error> {
        self.0.transaction(|tx| page(request, &party(of), &point(), time(500), tx))
    }

    /// Numbers of all that a filter finds, over pages of three.
    fn all(&mut self, request: &pb::ListReferralsRequest, of: &str) -> Vec<u128> {
        let mut request = pb::ListReferralsRequest { page_size: 3, ..request.clone() };
        let mut found = Vec::new();
        loop {
            let answer = self.ask(&request, of).unwrap();
            assert!(answer.referrals.len() <= 3);
            found.extend(numbers(&answer));
            if answer.next_page_token.is_empty() {
                return found;
            }
            request.page_token = answer.next_page_token;
        }
    }
}

fn plan(number: u128) -> Plan {
    let second = i64::try_from(number).unwrap();
    Plan { case: 1 + number / 10, referral: number, branch: 1_000 + number, second, ..Plan::default() }
}

fn numbers(answer: &pb::ListReferralsResponse) -> Vec<u128> {
    answer.referrals.iter().map(|referral| Uuid::try_parse(&referral.uid).unwrap().as_u128()).collect()
}

fn any() -> pb::ListReferralsRequest {
    pb::ListReferralsRequest::default()
}

fn in_states(states: &[State]) -> pb::ListReferralsRequest {
    pb::ListReferralsRequest { states: states.iter().map(|state| state.to_wire()).collect(), ..any() }
}

fn in_condition(condition: pb::BranchCondition) -> pb::ListReferralsRequest {
    pb::ListReferralsRequest { conditions: vec![condition as i32], ..any() }
}

#[test]
fn the_newest_comes_first() {
    assert_eq!(Shelf::of([3, 1, 2]).all(&any(), "moh"), [3, 2, 1]);
    // At one moment, the uid decides.
    let mut shelf = Shelf::of([]);
    shelf.put(Origin, [7, 9, 8].map(|number| Plan { second: 5, ..plan(number) }.open()));
    assert_eq!(shelf.all(&any(), "moh"), [9, 8, 7]);
}

#[test]
fn what_is_added_between_two_pages_neither_repeats_nor_hides_anything() {
    let mut shelf = Shelf::of((10..40).step_by(2));
    let mut request = pb::ListReferralsRequest { page_size: 4, ..any() };
    let mut found = Vec::new();
    for round in 0_u128.. {
        let answer = shelf.ask(&request, "moh").unwrap();
        found.extend(numbers(&answer));
        if answer.next_page_token.is_empty() {
            break;
        }
        request.page_token = answer.next_page_token;
        // Newer ones, and older ones that arrive late.
        shelf.add([100 + round, 41 - 4 * round]);
    }
    let distinct: BTreeSet<_> = found.iter().copied().collect();
    assert_eq!(distinct.len(), found.len());
    assert!((10..40).step_by(2).all(|number| distinct.contains(&number)));
    assert!(found.is_sorted_by(|newer, older| newer > older));
}

#[test]
fn a_full_last_page_has_no_token() {
    let mut shelf = Shelf::of(1..=6);
    let first = shelf.ask(&pb::ListReferralsRequest { page_size: 3, ..any() }, "moh").unwrap();
    assert!(!first.next_page_token.is_empty());
    let next = pb::ListReferralsRequest { page_size: 3, page_token: first.next_page_token, ..any() };
    let last = shelf.ask(&next, "moh").unwrap();
    assert_eq!((numbers(&last), last.next_page_token.as_str()), (vec![3, 2, 1], ""));
}

#[test]
fn a_page_is_never_larger_than_a_client_takes() {
    let mut shelf = Shelf::of([]);
    let branches = |number: u128| (0..16).map(move |at| Plan { branch: 16 * number + at, ..plan(number) }.open());
    shelf.put(Origin, (1..=200).flat_map(branches));
    let mut request = pb::ListReferralsRequest { page_size: 500, ..any() };
    let (mut pages, mut found) = (0, Vec::new());
    loop {
        let answer = shelf.ask(&request, "moh").unwrap();
        assert!(answer.encoded_len() < 2 * BYTES);
        found.extend(numbers(&answer));
        pages += 1;
        if answer.next_page_token.is_empty() {
            break;
        }
        request.page_token = answer.next_page_token;
    }
    assert!(pages > 1);
    assert_eq!(found, (1..=200).rev().collect::<Vec<_>>());
}

#[test]
fn states_sides_cases_and_conditions_select() {
    let mut shelf = Shelf::of([11, 12]);
    let (rejecting, accepting) = (Command::Reject { code: Rejection::NoCapacity }, Command::Accept);
    shelf.put(Origin, [after(plan(21).open(), &[(Recipient, rejecting)])]);
    shelf.put(Origin, [after(plan(22).open(), &[(Recipient, accepting)])]);
    shelf.put(Origin, [Plan { due: 300, ..plan(13) }.open()]);
    shelf.put(Recipient, [Plan { recipient: ("moh", "111"), ..plan(31) }.open()]);
    assert_eq!(shelf.all(&any(), "moh"), [31, 22, 21, 13, 12, 11]);
    assert_eq!(shelf.all(&in_states(&[State::Accepted]), "moh"), [22]);
    assert_eq!(shelf.all(&in_states(&[State::Accepted, State::Rejected]), "moh"), [22, 21]);
    assert_eq!(shelf.all(&in_states(&[State::Closed]), "moh"), Vec::<u128>::new());
    assert_eq!(shelf.all(&in_states(&State::ALL), "moh").len(), 6);
    assert_eq!(shelf.all(&in_condition(pb::BranchCondition::ErasureDue), "moh"), [21]);
    assert_eq!(shelf.all(&in_condition(pb::BranchCondition::Overdue), "moh"), [13]);
    let both = pb::ListReferralsRequest { conditions: vec![1], ..in_states(&[State::Accepted]) };
    assert_eq!(shelf.all(&both, "moh"), Vec::<u128>::new());
    let side = |side: Side| pb::ListReferralsRequest { side: side.to_wire(), ..any() };
    assert_eq!(shelf.all(&side(Recipient), "moh"), [31]);
    assert_eq!(shelf.all(&side(Origin), "moh"), [22, 21, 13, 12, 11]);
    let case = pb::ListReferralsRequest { case_uid: Uuid::from_u128(2).to_string(), ..any() };
    assert_eq!(shelf.all(&case, "moh"), [13, 12, 11]);
    let submitted = pb::ListReferralsRequest { side: Origin.to_wire(), ..in_states(&[State::Submitted]) };
    assert_eq!(shelf.all(&pb::ListReferralsRequest { case_uid: case.case_uid, ..submitted }, "moh"), [13, 12, 11]);
}

#[test]
fn a_state_is_found_where_the_branch_is_now() {
    let mut shelf = Shelf::of([1]);
    let all = [
        (Recipient, Command::Accept),
        (Origin, Command::Assign(parts(&[Part::Identity, Part::Narrative]))),
        (Recipient, Command::Complete { outcome: Outcome::Resolved }),
        (Origin, Command::Close),
    ];
    for (length, state) in [State::Accepted, State::Assigned, State::Completed, State::Closed].into_iter().enumerate() {
        shelf.put(Origin, [after(plan(1).open(), &all[..=length])]);
        assert_eq!(shelf.all(&in_states(&[state]), "moh"), [1]);
        let others: Vec<State> = State::ALL.into_iter().filter(|other| *other != state).collect();
        assert_eq!(shelf.all(&in_states(&others), "moh"), Vec::<u128>::new());
    }
}

#[test]
fn every_state_in_which_a_condition_holds_is_looked_at() {
    for branch in crate::view::fixture::lives() {
        let view = branch.view();
        for now in [time(0), time(2_000_000)] {
            for held in view.conditions(now) {
                assert!(states_of(view::condition(held)).contains(&view.state), "{held:?} beside {:?}", view.state);
            }
        }
    }
}

#[test]
fn a_party_lists_its_own_and_a_recipient_its_own_branches_only() {
    let mut shelf = Shelf::of([1]);
    let second = Plan { branch: 2_000, recipient: ("vwu", "desk"), ..plan(1) };
    shelf.put(Origin, [second.open()]);
    // Both recipients are hosted at the same access point.
    shelf.put(Recipient, [plan(1).open(), second.open(), Plan { recipient: ("vwu", "desk"), ..plan(2) }.open()]);
    let branches = |answer: pb::ListReferralsResponse| {
        answer.referrals.iter().map(|referral| referral.branches.len()).collect::<Vec<_>>()
    };
    assert_eq!(branches(shelf.ask(&any(), "moh").unwrap()), [2]);
    assert_eq!(branches(shelf.ask(&any(), "hanoi").unwrap()), [1]);
    assert_eq!(shelf.all(&any(), "vwu"), [2, 1]);
    assert_eq!(shelf.all(&any(), "moha"), Vec::<u128>::new());
}

#[test]
fn a_token_is_for_its_filter_its_party_and_its_access_point() {
    let mut shelf = Shelf::of(1..=4);
    let asked = pb::ListReferralsRequest { page_size: 2, ..any() };
    let page_token = shelf.ask(&asked, "moh").unwrap().next_page_token;
    let with =
        |request: pb::ListReferralsRequest| pb::ListReferralsRequest { page_token: page_token.clone(), ..request };
    let is_refused = |answer| matches!(answer, Err(Error::PageTokenInvalid));
    for other in [
        in_states(&[State::Submitted]),
        in_condition(pb::BranchCondition::Overdue),
        pb::ListReferralsRequest { side: 1, ..any() },
        pb::ListReferralsRequest { case_uid: Uuid::from_u128(2).to_string(), ..any() },
    ] {
        assert!(is_refused(shelf.ask(&with(other), "moh")));
    }
    assert!(is_refused(shelf.ask(&with(any()), "hanoi")));
    let elsewhere = AccessPointId::new("hanoi").unwrap();
    assert!(is_refused(shelf.0.transaction(|tx| page(&with(any()), &party("moh"), &elsewhere, time(500), tx))));
    for garbage in ["x", "..", "0.0.0"] {
        let request = pb::ListReferralsRequest { page_token: garbage.into(), ..any() };
        assert!(is_refused(shelf.ask(&request, "moh")), "{garbage}");
    }
    let larger = pb::ListReferralsRequest { page_size: 9, ..with(any()) };
    assert_eq!(numbers(&shelf.ask(&larger, "moh").unwrap()), [2, 1], "the size of a page may change");
    // The same filter said otherwise is the same filter.
    let asked = pb::ListReferralsRequest { page_size: 1, ..in_states(&[State::Submitted, State::Received]) };
    let page_token = shelf.ask(&asked, "moh").unwrap().next_page_token;
    let again = in_states(&[State::Received, State::Submitted, State::Received]);
    assert!(shelf.ask(&pb::ListReferralsRequest { page_token, ..again }, "moh").is_ok());
}

#[test]
fn codes_that_are_unknown_are_refused() {
    let mut shelf = Shelf::of([1]);
    for (request, field, expected) in [
        (pb::ListReferralsRequest { states: vec![0], ..any() }, "states", reason::CODE_UNKNOWN),
        (pb::ListReferralsRequest { states: vec![99], ..any() }, "states", reason::CODE_UNKNOWN),
        (pb::ListReferralsRequest { conditions: vec![0], ..any() }, "conditions", reason::CODE_UNKNOWN),
        (pb::ListReferralsRequest { conditions: vec![1, 99], ..any() }, "conditions", reason::CODE_UNKNOWN),
        (pb::ListReferralsRequest { side: 3, ..any() }, "side", reason::CODE_UNKNOWN),
        (pb::ListReferralsRequest { case_uid: "x".into(), ..any() }, "case_uid", reason::FIELD_FORMAT),
    ] {
        let refused = shelf.ask(&request, "moh");
        assert!(
            matches!(refused, Err(Error::Field { field: f, reason }) if f == field && reason == expected),
            "{field}"
        );
    }
}

#[test]
fn a_long_search_answers_in_short_pages_and_finds_everything() {
    let many = u128::try_from(LOOKED_AT).unwrap() + 50;
    let mut shelf = Shelf::of(2..many);
    let danger = Plan { kind: Kind::Referral, ..plan(1) }.open();
    let draft = Command::ReleaseInEmergency { basis: danger.view().basis, parts: parts(&[Part::Identity]) };
    shelf.put(Origin, [after(danger, &[(Origin, draft)])]);
    let wanted = in_condition(pb::BranchCondition::EmergencyReleased);
    let first = shelf.ask(&wanted, "moh").unwrap();
    assert!(first.referrals.is_empty() && !first.next_page_token.is_empty());
    assert_eq!(shelf.all(&wanted, "moh"), [1]);
}
