//! Cursors that lose nothing, whatever happens between two calls.

use nhipcau_domain::referral::{Command, Side, State};
use nhipcau_messaging::store::Store;
use proptest::prelude::*;

use super::*;
use crate::{
    store::SCHEMA,
    view::fixture::{Plan, after, party, put, time},
};

fn point() -> AccessPointId {
    AccessPointId::new("hanoi").unwrap()
}

fn shelf() -> Store {
    let mut store = Store::scratch().unwrap();
    store.add_tables(SCHEMA).unwrap();
    store
}

fn store(shelf: &mut Store, side: Side, branch: &Branch) {
    shelf
        .transaction(|tx| {
            put(tx, side, branch);
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

fn plan(number: u128) -> Plan {
    Plan { referral: number, branch: 100 + number, ..Plan::default() }
}

fn from(cursor: &str) -> pb::WatchReferralsRequest {
    pb::WatchReferralsRequest { cursor: cursor.to_owned(), ..Default::default() }
}

fn beginning() -> pb::WatchReferralsRequest {
    pb::WatchReferralsRequest { start: pb::WatchStart::Beginning as i32, ..Default::default() }
}

fn start(shelf: &mut Store, request: &pb::WatchReferralsRequest, of: &str) -> Result<Watch, Error> {
    shelf.transaction(|tx| Watch::start(request, party(of), point(), tx))
}

fn step(shelf: &mut Store, watch: &mut Watch) -> Option<pb::WatchReferralsResponse> {
    shelf.transaction(|tx| watch.steps(1, time(90), tx)).unwrap().pop()
}

/// All that is told from a place on, with the last cursor.
fn told(shelf: &mut Store, request: &pb::WatchReferralsRequest, of: &str) -> (Vec<(String, i32)>, String) {
    let mut watch = start(shelf, request, of).unwrap();
    let (mut told, mut cursor) = (Vec::new(), watch.sign_of_life().cursor);
    while let Some(change) = step(shelf, &mut watch) {
        let branch = change.branch.unwrap();
        told.push((branch.uid, branch.state));
        cursor = change.cursor;
    }
    (told, cursor)
}

fn states(told: &[(String, i32)]) -> Vec<i32> {
    told.iter().map(|(_, state)| *state).collect()
}

#[test]
fn every_change_is_told_in_order_as_the_branch_was_after_it() {
    let mut shelf = shelf();
    let opened = plan(1).open();
    let acknowledged = after(opened.clone(), &[(Side::Recipient, Command::Acknowledge)]);
    let accepted = after(acknowledged.clone(), &[(Side::Recipient, Command::Accept)]);
    for branch in [&opened, &acknowledged, &accepted] {
        store(&mut shelf, Side::Recipient, branch);
    }
    let (told, _) = told(&mut shelf, &beginning(), "hanoi");
    assert_eq!(states(&told), [State::Submitted, State::Acknowledged, State::Accepted].map(State::to_wire));
}

#[test]
fn without_a_cursor_the_next_change_comes_first() {
    let mut shelf = shelf();
    store(&mut shelf, Side::Recipient, &plan(1).open());
    let mut watch = start(&mut shelf, &from(""), "hanoi").unwrap();
    assert_eq!(step(&mut shelf, &mut watch), None);
    store(&mut shelf, Side::Recipient, &plan(2).open());
    assert_eq!(step(&mut shelf, &mut watch).unwrap().branch.unwrap().uid, plan(2).open().ids().branch.to_string());
    assert_eq!(step(&mut shelf, &mut watch), None);
}

#[test]
fn a_cursor_of_an_empty_access_point_leads_to_the_first_change() {
    let mut shelf = shelf();
    let cursor = start(&mut shelf, &from(""), "hanoi").unwrap().sign_of_life().cursor;
    store(&mut shelf, Side::Recipient, &plan(1).open());
    assert_eq!(told(&mut shelf, &from(&cursor), "hanoi").0.len(), 1);
}

#[test]
fn another_party_of_the_same_access_point_is_told_nothing_and_its_cursors_stand_still() {
    let mut shelf = shelf();
    let before = start(&mut shelf, &from(""), "vwu").unwrap().sign_of_life();
    store(&mut shelf, Side::Origin, &plan(1).open());
    store(&mut shelf, Side::Recipient, &plan(1).open());
    assert_eq!(told(&mut shelf, &beginning(), "vwu").0, []);
    assert_eq!(start(&mut shelf, &from(""), "vwu").unwrap().sign_of_life(), before);
    assert_eq!(told(&mut shelf, &beginning(), "moh").0.len(), 1);
    assert_eq!(told(&mut shelf, &beginning(), "hanoi").0.len(), 1);
}

#[test]
fn a_cursor_that_is_not_ones_own_is_refused() {
    let mut shelf = shelf();
    store(&mut shelf, Side::Recipient, &plan(1).open());
    let (_, cursor) = told(&mut shelf, &beginning(), "hanoi");
    let is_refused = |watch: Result<Watch, Error>| matches!(watch, Err(Error::CursorInvalid));
    assert!(is_refused(start(&mut shelf, &from(&cursor), "vwu")));
    for garbage in ["x", "0", "..", "aa.1.00", &cursor[1..], &cursor[..cursor.len() - 1]] {
        assert!(is_refused(start(&mut shelf, &from(garbage), "hanoi")), "{garbage}");
    }
    let unknown = pb::WatchReferralsRequest { start: 9, ..Default::default() };
    assert!(matches!(start(&mut shelf, &unknown, "hanoi"), Err(Error::Field { field: "start", .. })));
}

#[test]
fn after_the_store_was_restored_from_an_older_copy_everything_is_told_again() {
    let mut shelf = shelf();
    store(&mut shelf, Side::Recipient, &plan(1).open());
    let (_, kept) = told(&mut shelf, &beginning(), "hanoi");
    let copy = shelf.image().unwrap();
    store(&mut shelf, Side::Recipient, &plan(2).open());
    let (_, lost) = told(&mut shelf, &beginning(), "hanoi");
    let mut restored = Store::scratch_from(&copy).unwrap();
    assert_eq!(told(&mut restored, &from(&lost), "hanoi").0.len(), 1, "the change is not there any more");
    store(&mut restored, Side::Recipient, &plan(3).open());
    assert_eq!(told(&mut restored, &from(&lost), "hanoi").0.len(), 2, "another change stands in its place");
    assert_eq!(told(&mut restored, &from(&kept), "hanoi").0.len(), 1, "what was kept is not told again");
    // What was given back is the same history again.
    let mut same = Store::scratch_from(&copy).unwrap();
    store(&mut same, Side::Recipient, &plan(2).open());
    assert_eq!(told(&mut same, &from(&lost), "hanoi").0, []);
}

#[test]
fn a_change_whose_events_were_given_up_is_told_as_the_branch_is() {
    let mut shelf = shelf();
    let opened = plan(1).open();
    store(&mut shelf, Side::Recipient, &opened);
    store(&mut shelf, Side::Recipient, &after(opened, &[(Side::Recipient, Command::Accept)]));
    shelf.transaction(|tx| tx.execute("DELETE FROM referral_event WHERE side = 2", &[])).unwrap();
    let (told, _) = told(&mut shelf, &beginning(), "hanoi");
    assert_eq!(states(&told), [State::Submitted, State::Submitted].map(State::to_wire));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Writing, reading some and losing the connection in any order: nothing is missed and nothing comes twice but
    /// after a loss, and then only the last.
    #[test]
    fn a_reader_that_comes_back_misses_nothing(actions in prop::collection::vec(0_u8..4, 1..60)) {
        let mut shelf = shelf();
        let mut watch = start(&mut shelf, &beginning(), "hanoi").unwrap();
        let (mut written, mut cursor, mut seen) = (Vec::new(), watch.sign_of_life().cursor, Vec::new());
        for action in actions {
            match action {
                0 | 1 => {
                    let branch = plan(written.len() as u128 + 1).open();
                    store(&mut shelf, Side::Recipient, &branch);
                    // Others are busy too.
                    store(&mut shelf, Side::Origin, &branch);
                    written.push(branch.ids().branch.to_string());
                }
                2 => {
                    if let Some(change) = step(&mut shelf, &mut watch) {
                        seen.push(change.branch.unwrap().uid);
                        cursor = change.cursor;
                    }
                }
                _ => watch = start(&mut shelf, &from(&cursor), "hanoi").unwrap(),
            }
        }
        while let Some(change) = step(&mut shelf, &mut watch) {
            seen.push(change.branch.unwrap().uid);
        }
        prop_assert_eq!(seen, written);
    }
}
