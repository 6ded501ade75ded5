//! Who sees which branch and which part, and that reading content leaves its record.

use std::collections::HashMap;

use nhipcau_domain::referral::{
    Command, Danger, Ids, Kind, Outcome, Part, PartSet, Redirection, Rejection, Revocation, State,
};
use nhipcau_messaging::{
    engine::{self, RestError, SubmitError},
    message::{Correlation, Draft, MessageId},
    store::Store,
    writer::Row,
};
use prost::Message as _;

use super::*;
use crate::{
    store::{SCHEMA, access::after as records},
    view::fixture::{CANARY, Plan, after, lives, parts, party, put, time},
};

/// A desk whose bodies lie open, until a case is erased.
struct Plain<'d, 't> {
    tx: &'d mut Tx<'t>,
    erased: bool,
}

impl<'t> Desk<'t> for Plain<'_, 't> {
    fn tx(&mut self) -> &mut Tx<'t> {
        self.tx
    }

    fn now(&self) -> Timestamp {
        time(90)
    }

    fn uid(&self, _: &str, _: &[u8]) -> Uuid {
        unreachable!("reading makes nothing")
    }

    fn rest(&mut self, _: &Row<'_>, body: &[u8]) -> Result<Vec<u8>, RestError> {
        Ok(body.to_vec())
    }

    fn wake(&mut self, _: &Row<'_>, body: &[u8]) -> Result<Option<Vec<u8>>, RestError> {
        Ok((!self.erased).then(|| body.to_vec()))
    }

    fn send(&mut self, _: Draft) -> Result<MessageId, SubmitError> {
        unreachable!("reading sends nothing")
    }

    fn recheck(&mut self, _: &Correlation) -> Result<(), engine::Error> {
        unreachable!("reading changes nothing")
    }

    fn erase(&mut self, _: &Correlation) -> Result<(), engine::Error> {
        unreachable!("reading changes nothing")
    }
}

struct Shelf {
    store: Store,
    erased: bool,
}

impl Shelf {
    fn of(copies: &[(Side, &Branch)]) -> Self {
        let mut store = Store::scratch().unwrap();
        store.add_tables(SCHEMA).unwrap();
        let mut shelf = Self { store, erased: false };
        shelf
            .at(|desk| {
                for (side, branch) in copies {
                    put(desk.tx, *side, branch);
                    let owner = send::owner(Held { branch: branch.ids().branch, side: *side }, branch.ids().referral);
                    // All parts lie there; what may be shown is for the reading to know.
                    for piece in pieces() {
                        content::put(desk, branch.ids().case, owner, &piece)?;
                    }
                }
                Ok(())
            })
            .unwrap();
        shelf
    }

    fn at<T>(&mut self, work: impl FnOnce(&mut Plain<'_, '_>) -> Result<T, Error>) -> Result<T, Error> {
        let erased = self.erased;
        self.store.transaction(|tx| work(&mut Plain { tx, erased }))
    }

    fn full(&mut self, name: &Name, of: &str) -> Result<pb::Referral, Error> {
        self.at(|desk| full(name, &reader(of), &AccessPointId::new("moh").unwrap(), desk))
    }

    fn basic(&mut self, name: &Name, of: &str) -> Result<pb::Referral, Error> {
        self.at(|desk| basic(name, &party(of), time(90), desk.tx))
    }

    fn records(&mut self) -> Vec<(String, String, String)> {
        let records = self.at(|desk| Ok(records(desk.tx, 0, 100)?)).unwrap();
        records.into_iter().map(|record| (record.party, record.person, record.parts)).collect()
    }
}

fn pieces() -> [Piece; 3] {
    let name = || Some(pb::KnownText { value: CANARY.to_owned(), unknown: 0 });
    let preview = pb::ReferralPreview { protection_concerns: vec![CANARY.to_owned()], ..Default::default() };
    let identity = pb::ReferralIdentity { full_name: name(), ..Default::default() };
    let narrative = pb::ReferralNarrative { condition: name(), ..Default::default() };
    [
        Piece::new(Part::Preview, preview.encode_to_vec()),
        Piece::new(Part::Identity, identity.encode_to_vec()),
        Piece::new(Part::Narrative, narrative.encode_to_vec()),
    ]
}

fn reader(of: &str) -> Reader {
    let (system, person) = (SystemId::new("desk").unwrap(), ActingPerson::new("cb-17").unwrap());
    Reader { party: party(of), system, person }
}

fn name(branch: &Branch) -> Name {
    Name::read(&view::name(branch)).unwrap()
}

fn given(referral: &pb::Referral) -> PartSet {
    let Some(content) = &referral.content else { return PartSet::EMPTY };
    let parts = [
        (Part::Preview, content.preview.is_some()),
        (Part::Identity, content.identity.is_some()),
        (Part::Narrative, content.narrative.is_some()),
        (Part::Reporter, content.reporter.is_some()),
    ];
    parts.into_iter().filter(|(_, is_there)| *is_there).map(|(part, _)| part).collect()
}

const ALL: [Part; 3] = [Part::Preview, Part::Identity, Part::Narrative];

fn assigned() -> Branch {
    let disclosed = parts(&[Part::Identity, Part::Narrative]);
    after(Plan::default().open(), &[(Side::Recipient, Command::Accept), (Side::Origin, Command::Assign(disclosed))])
}

#[test]
fn the_origin_sees_what_it_gave_and_the_recipient_what_was_disclosed() {
    let opened = Plan::default().open();
    let mut shelf = Shelf::of(&[(Side::Origin, &opened), (Side::Recipient, &opened)]);
    assert_eq!(given(&shelf.full(&name(&opened), "moh").unwrap()), PartSet::of(&ALL));
    assert_eq!(given(&shelf.full(&name(&opened), "hanoi").unwrap()), PartSet::of(&[Part::Preview]));
    let assigned = assigned();
    let mut shelf = Shelf::of(&[(Side::Recipient, &assigned)]);
    assert_eq!(given(&shelf.full(&name(&assigned), "hanoi").unwrap()), PartSet::of(&ALL));
    let handed_over = Plan { kind: Kind::Transfer, ..Plan::default() }.open();
    let mut shelf = Shelf::of(&[(Side::Recipient, &handed_over)]);
    assert_eq!(given(&shelf.full(&name(&handed_over), "hanoi").unwrap()), PartSet::of(&ALL));
}

#[test]
fn a_recipient_whose_branch_ended_without_service_sees_no_content_although_it_lies_there() {
    let opened = Plan { kind: Kind::Transfer, ..Plan::default() }.open();
    let ends = [
        (Side::Origin, Command::Relieve),
        (Side::Origin, Command::Revoke { reason: Revocation::NeedMet }),
        (Side::Origin, Command::EnterInError { reason: nhipcau_domain::referral::Mistake::WrongPerson }),
    ];
    let mut ended: Vec<Branch> = ends.map(|end| after(opened.clone(), &[end])).into();
    let rejecting = Command::Reject { code: Rejection::NoCapacity };
    ended.push(after(Plan::default().open(), &[(Side::Recipient, rejecting)]));
    for branch in ended {
        let mut shelf = Shelf::of(&[(Side::Recipient, &branch)]);
        let shown = shelf.full(&name(&branch), "hanoi").unwrap();
        assert_eq!(shown.content, None);
        assert_eq!(shown.branches[0].state, branch.view().state.to_wire());
        assert_eq!(shelf.records().len(), 1, "that somebody looked is recorded all the same");
    }
}

#[test]
fn an_erased_case_shows_states_and_no_content() {
    let assigned = assigned();
    let mut shelf = Shelf::of(&[(Side::Origin, &assigned), (Side::Recipient, &assigned)]);
    shelf.erased = true;
    for of in ["moh", "hanoi"] {
        let shown = shelf.full(&name(&assigned), of).unwrap();
        assert_eq!(shown.content, None);
        assert_eq!(shown.branches[0].state, assigned.view().state.to_wire());
    }
}

/// Outcome and danger as an answer tells them.
fn told(shown: &pb::Referral) -> (i32, i32) {
    (shown.branches[0].outcome, shown.lawful_basis.as_ref().unwrap().vital_interest.as_ref().unwrap().danger)
}

#[test]
fn what_events_say_about_a_person_is_shown_with_the_content_and_not_without_it() {
    let resolved = (Outcome::Resolved.to_wire(), Danger::Life.to_wire());
    let closed = lives().into_iter().find(|life| life.view().state == State::Closed).unwrap();
    let mut shelf = Shelf::of(&[(Side::Origin, &closed), (Side::Recipient, &closed)]);
    for of in ["moh", "hanoi"] {
        assert_eq!(told(&shelf.full(&name(&closed), of).unwrap()), resolved);
        assert_eq!(told(&shelf.basic(&name(&closed), of).unwrap()), (0, 0));
    }
    shelf.erased = true;
    for of in ["moh", "hanoi"] {
        assert_eq!(told(&shelf.full(&name(&closed), of).unwrap()), (0, 0));
    }
    let recall = Command::EnterInError { reason: nhipcau_domain::referral::Mistake::WrongPerson };
    let recalled = after(closed, &[(Side::Origin, recall)]);
    let mut shelf = Shelf::of(&[(Side::Origin, &recalled), (Side::Recipient, &recalled)]);
    assert_eq!(told(&shelf.full(&name(&recalled), "hanoi").unwrap()), (0, 0));
    assert_eq!(told(&shelf.full(&name(&recalled), "moh").unwrap()), resolved, "the origin keeps the case");
}

#[test]
fn the_unit_that_takes_over_after_a_redirect_sees_the_danger() {
    let advice = Command::Redirect { reason: Redirection::OutsideArea, advice: None };
    let first = after(Plan::default().open(), &[(Side::Recipient, advice)]);
    let second = Plan { branch: 101, second: 70, recipient: ("hanoi", "cua-nam"), ..Plan::default() }.open();
    let mut shelf = Shelf::of(&[(Side::Recipient, &first), (Side::Recipient, &second)]);
    let shown = shelf.full(&name(&first), "hanoi").unwrap();
    assert_eq!((shown.branches.len(), told(&shown)), (2, (0, Danger::Life.to_wire())));
}

#[test]
fn a_recipient_sees_its_own_branch_and_the_origin_all() {
    let (first, second) = (Plan::default(), Plan { branch: 101, recipient: ("vwu", "desk"), ..Plan::default() });
    let (first, second) = (first.open(), second.open());
    let mut shelf = Shelf::of(&[
        (Side::Origin, &first),
        (Side::Origin, &second),
        (Side::Recipient, &first),
        (Side::Recipient, &second),
    ]);
    for (of, count) in [("moh", 2), ("hanoi", 1), ("vwu", 1)] {
        let shown = shelf.basic(&name(&first), of).unwrap();
        assert_eq!(shown.branches.len(), count);
        assert_eq!(shelf.full(&name(&first), of).unwrap().branches.len(), count);
        assert!(of == "moh" || shown.branches[0].recipient.as_ref().unwrap().party == of);
    }
}

#[test]
fn a_party_that_is_on_both_sides_sees_each_branch_once() {
    let branch = Plan { recipient: ("moh", "ward"), ..Plan::default() }.open();
    let mut shelf = Shelf::of(&[(Side::Origin, &branch), (Side::Recipient, &branch)]);
    assert_eq!(shelf.basic(&name(&branch), "moh").unwrap().branches.len(), 1);
    assert_eq!(given(&shelf.full(&name(&branch), "moh").unwrap()), PartSet::of(&ALL));
}

/// The referral as one branch got it.
fn by(branch: &Branch) -> Name {
    let uid = branch.ids().branch;
    name(branch).by(&format!("{}/branches/{uid}", view::name(branch))).unwrap()
}

/// Puts another version of the identity where a side of a branch holds its parts.
fn say(shelf: &mut Shelf, side: Side, branch: &Branch, text: &str) {
    let full_name = Some(pb::KnownText { value: text.to_owned(), unknown: 0 });
    let identity = pb::ReferralIdentity { full_name, salt: vec![9; 32], ..Default::default() };
    let (Ids { case, referral, branch }, piece) = (branch.ids(), Piece::new(Part::Identity, identity.encode_to_vec()));
    shelf.at(|desk| content::put(desk, case, send::owner(Held { branch, side }, referral), &piece)).unwrap();
}

fn named_in(referral: &pb::Referral) -> Option<String> {
    Some(referral.content.as_ref()?.identity.as_ref()?.full_name.as_ref()?.value.clone())
}

#[test]
fn asked_for_one_branch_its_own_parts_are_shown_and_nothing_of_another() {
    let first = Plan { kind: Kind::Transfer, ..Plan::default() }.open();
    let second = Plan { kind: Kind::Transfer, branch: 101, second: 70, ..Plan::default() };
    let second = Plan { recipient: ("hanoi", "cua-nam"), ..second }.open();
    let offered = Plan { branch: 102, second: 80, recipient: ("hanoi", "ba-dinh"), ..Plan::default() }.open();
    let copies = [&first, &second, &offered].map(|branch| (Side::Recipient, branch));
    let mut shelf = Shelf::of(&copies);
    say(&mut shelf, Side::Recipient, &first, "told to the first");
    say(&mut shelf, Side::Recipient, &second, "told to the second");
    for (branch, text) in [(&first, Some("told to the first")), (&second, Some("told to the second")), (&offered, None)]
    {
        let shown = shelf.full(&by(branch), "hanoi").unwrap();
        assert_eq!((named_in(&shown).as_deref(), shown.branches.len()), (text, 1));
        assert_eq!(shelf.basic(&by(branch), "hanoi").unwrap().branches.len(), 1);
    }
    assert_eq!(given(&shelf.full(&by(&offered), "hanoi").unwrap()), PartSet::of(&[Part::Preview]));
}

#[test]
fn where_its_party_is_the_origin_a_branch_shows_what_it_was_given_and_no_more() {
    let branch = Plan { recipient: ("moh", "ward"), ..Plan::default() }.open();
    let mut shelf = Shelf::of(&[(Side::Origin, &branch), (Side::Recipient, &branch)]);
    assert_eq!(given(&shelf.full(&by(&branch), "moh").unwrap()), PartSet::of(&[Part::Preview]));
    let transfer = Plan { kind: Kind::Transfer, recipient: ("moh", "ward"), ..Plan::default() }.open();
    let mut shelf = Shelf::of(&[(Side::Origin, &transfer), (Side::Recipient, &transfer)]);
    say(&mut shelf, Side::Origin, &transfer, "not disclosed yet");
    assert_eq!(named_in(&shelf.full(&by(&transfer), "moh").unwrap()).as_deref(), Some(CANARY));
}

#[test]
fn a_branch_that_calls_for_erasure_shows_nothing_though_another_of_its_party_does() {
    let advice = Command::Redirect { reason: Redirection::OutsideArea, advice: None };
    let first = after(Plan { kind: Kind::Transfer, ..Plan::default() }.open(), &[(Side::Recipient, advice)]);
    let second = Plan { kind: Kind::Transfer, branch: 101, second: 70, ..Plan::default() };
    let second = Plan { recipient: ("hanoi", "cua-nam"), ..second }.open();
    let mut shelf = Shelf::of(&[(Side::Recipient, &first), (Side::Recipient, &second)]);
    assert_eq!(shelf.full(&by(&first), "hanoi").unwrap().content, None);
    assert_eq!(given(&shelf.full(&by(&second), "hanoi").unwrap()), PartSet::of(&ALL));
}

#[test]
fn a_branch_that_is_not_there_and_one_that_the_party_did_not_get_are_one_answer_and_leave_no_record() {
    let (own, others) = (Plan::default().open(), Plan { branch: 101, recipient: ("vwu", "desk"), ..Plan::default() });
    let others = others.open();
    let copies = [(Side::Origin, &own), (Side::Origin, &others), (Side::Recipient, &own), (Side::Recipient, &others)];
    let mut shelf = Shelf::of(&copies);
    let nowhere = Name { branch: Some(Uuid::from_u128(404)), ..name(&own) };
    for (name, of) in [(&nowhere, "hanoi"), (&by(&others), "hanoi"), (&by(&own), "vwu"), (&by(&own), "moh")] {
        assert!(matches!(shelf.basic(name, of), Err(Error::AccessDenied)));
        assert!(matches!(shelf.full(name, of), Err(Error::AccessDenied)));
    }
    let elsewhere = format!("parties/moh/referrals/{}/branches/{}", Uuid::from_u128(77), own.ids().branch);
    for text in [elsewhere.as_str(), "x", "parties/moh/referrals/x/branches/y", &view::name(&own)] {
        assert!(matches!(name(&own).by(text), Err(Error::AccessDenied)), "{text}");
    }
    assert_eq!(shelf.records(), []);
}

#[test]
fn unknown_not_ones_own_and_wrongly_named_are_one_answer_and_leave_no_record() {
    let branch = Plan::default().open();
    let mut shelf = Shelf::of(&[(Side::Origin, &branch)]);
    let unknown = Name { referral: Uuid::from_u128(77), ..name(&branch) };
    let misnamed = Name { origin: party("hanoi"), ..name(&branch) };
    for (name, of) in [(&unknown, "moh"), (&name(&branch), "vwu"), (&name(&branch), "hanoi"), (&misnamed, "moh")] {
        assert!(matches!(shelf.basic(name, of), Err(Error::AccessDenied)));
        assert!(matches!(shelf.full(name, of), Err(Error::AccessDenied)));
    }
    assert_eq!(shelf.records(), []);
}

#[test]
fn a_record_names_reader_person_parts_and_the_branch_where_one_was_asked_for() {
    let branch = Plan::default().open();
    let mut shelf = Shelf::of(&[(Side::Origin, &branch), (Side::Recipient, &branch)]);
    shelf.full(&name(&branch), "moh").unwrap();
    shelf.full(&name(&branch), "hanoi").unwrap();
    shelf.basic(&name(&branch), "hanoi").unwrap();
    shelf.full(&by(&branch), "hanoi").unwrap();
    let record = |party: &str, parts: &str| (party.to_owned(), "cb-17".to_owned(), parts.to_owned());
    let of_branch = format!("1@{}", branch.ids().branch);
    assert_eq!(shelf.records(), [record("moh", "1,2,3"), record("hanoi", "1"), record("hanoi", &of_branch)]);
}

#[test]
fn basic_holds_no_name_in_any_state_and_full_does() {
    for branch in lives() {
        let mut shelf = Shelf::of(&[(Side::Origin, &branch), (Side::Recipient, &branch)]);
        for of in ["moh", "hanoi"] {
            let shown = shelf.basic(&name(&branch), of).unwrap();
            assert!(!format!("{shown:?}").contains(CANARY));
            assert_eq!(shown.content, None);
        }
        let shown = shelf.full(&name(&branch), "moh").unwrap();
        assert!(format!("{shown:?}").contains(CANARY), "the canary is where it can be found");
    }
}

#[test]
fn of_two_versions_the_newer_is_shown() {
    let assigned = assigned();
    let mut shelf = Shelf::of(&[(Side::Recipient, &assigned)]);
    let newer = pb::ReferralIdentity { salt: vec![9; 32], ..Default::default() };
    let piece = Piece::new(Part::Identity, newer.encode_to_vec());
    let Ids { case, referral, branch } = assigned.ids();
    let owner = send::owner(Held { branch, side: Side::Recipient }, referral);
    shelf.at(|desk| content::put(desk, case, owner, &piece)).unwrap();
    let shown = shelf.full(&name(&assigned), "hanoi").unwrap();
    assert_eq!(shown.content.unwrap().identity, Some(newer));
}

#[test]
fn what_is_no_name_does_not_exist() {
    for text in
        ["", "parties/moh", "parties/MOH/referrals/00000000-0000-0000-0000-000000000002", "parties/moh/referrals/x"]
    {
        assert!(matches!(Name::read(text), Err(Error::AccessDenied)), "{text}");
    }
    let mut seen = HashMap::new();
    for branch in lives() {
        seen.insert(view::name(&branch), name(&branch));
    }
    assert_eq!(seen.len(), 1);
}
