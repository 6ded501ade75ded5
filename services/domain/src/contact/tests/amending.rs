//! Amending: what is given replaces what stood there, what is not given stays, and what was sent is not changed by it.

use std::collections::BTreeMap;

use super::*;
use crate::{
    reason,
    referral::{Answer, Part, PartSet},
};

fn amend(contact: &Contact, details: pb::ContactDetails, replace: bool) -> Result<Amended, Refusal> {
    let request = pb::AmendContactRequest { details: Some(details), replace, ..Default::default() };
    contact.amend(&request, &call(&contact.etag(), &person()))
}

fn referred(details: pb::ContactDetails) -> Contact {
    let contact = record(Some(details)).unwrap();
    let sent = contact.send(&sending(), &call(&contact.etag(), &person()), &ROUTES).unwrap().contact;
    let answer = Answer::Submitted { case: sent.case, referral: Uuid::from_u128(9) };
    sent.answered(Uuid::try_parse(REQUEST).unwrap(), answer, now()).unwrap()
}

fn grades(details: &pb::ContactDetails) -> BTreeMap<i32, i32> {
    details.criteria.iter().map(|graded| (graded.criterion, graded.level)).collect()
}

/// Each field of `now`, beside what it should be by what stood and what was given.
fn expected(old: &pb::ContactDetails, new: &pb::ContactDetails) -> pb::ContactDetails {
    let empty = pb::ContactDetails::default();
    let mut want = old.clone();
    macro_rules! take {
        ($($field:ident),*) => { $(if new.$field != empty.$field { want.$field = new.$field.clone(); })* };
    }
    take!(subject, abuse_types, protection_concerns, service_types, response_timeframe, risk_level, age_group, sex);
    take!(identity, narrative, reporter);
    if new.incident_area.is_some() || new.area_unknown {
        want.incident_area.clone_from(&new.incident_area);
        want.area_unknown = new.area_unknown;
    }
    want.criteria.clear();
    want
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_given_holds_and_what_is_not_given_stays(old in details(), new in details()) {
        let contact = record(Some(old.clone())).unwrap();
        let amended = amend(&contact, new.clone(), false).unwrap().contact;
        let stands = amended.report.details().clone();
        let mut union = grades(&old);
        union.extend(grades(&new));
        prop_assert_eq!(grades(&stands), union);
        prop_assert_eq!(pb::ContactDetails { criteria: Vec::new(), ..stands }, expected(&old, &new));
        prop_assert_eq!((amended.state, amended.version), (contact.state, contact.version + 1));
        // Given once more, it says the same.
        let again = amend(&amended, new, false).unwrap();
        prop_assert_eq!(&again.contact.report, &amended.report);
    }

    #[test]
    fn what_replaces_the_whole_is_the_whole(old in details(), new in details()) {
        let contact = record(Some(old)).unwrap();
        let amended = amend(&contact, new.clone(), true).unwrap().contact;
        prop_assert_eq!(amended.report.details(), &new);
    }

    #[test]
    fn after_the_sending_exactly_the_parts_that_changed_are_to_be_disclosed(new in details()) {
        let contact = referred(least());
        let amended = amend(&contact, new, false).unwrap();
        let (before, after) = (contact.report.content(), amended.contact.report.content());
        let changed: PartSet = [
            (Part::Preview, before.preview != after.preview),
            (Part::Identity, before.identity != after.identity),
            (Part::Narrative, before.narrative != after.narrative),
        ].into_iter().filter(|(_, changed)| *changed).map(|(part, _)| part).collect();
        prop_assert_eq!(amended.undisclosed, changed);
    }
}

#[test]
fn nothing_is_to_be_disclosed_of_what_was_never_sent() {
    let contact = record(Some(least())).unwrap();
    let details = pb::ContactDetails { identity: Some(identity("An")), ..Default::default() };
    assert_eq!(amend(&contact, details, false).unwrap().undisclosed, PartSet::EMPTY);
}

#[test]
fn every_reason_against_an_amendment_is_given_at_once_and_nothing_is_changed() {
    let contact = referred(least());
    let request = pb::AmendContactRequest {
        details: Some(pb::ContactDetails { subject: 77, ..Default::default() }),
        reception: Some(reception()),
        ..Default::default()
    };
    let refusal = contact.amend(&request, &call("1", &person())).unwrap_err();
    let expected =
        [("etag", reason::ETAG_STALE), ("reception", reason::WRONG_STATE), ("details.subject", reason::CODE_UNKNOWN)];
    assert_eq!(found(&refusal), expected);
}

#[test]
fn the_time_of_a_report_is_corrected_only_before_limits_run_from_it() {
    let contact = record(Some(least())).unwrap();
    let earlier = prost_types::Timestamp { seconds: now().as_second() - 3_600, nanos: 0 };
    let reception = Some(referral::Reception { report_time: Some(earlier), ..reception() });
    let request = pb::AmendContactRequest { reception, ..Default::default() };
    let amended = contact.amend(&request, &call(&contact.etag(), &person())).unwrap().contact;
    assert_eq!(amended.report.received().as_second(), earlier.seconds);
    assert_eq!(amended.report.details(), &least());
}

#[test]
fn one_by_one_no_more_is_gathered_than_a_preview_holds() {
    let many = |from: i32| -> Vec<_> { (from..from + 9).map(|criterion| graded(criterion, 1)).collect() };
    let contact = record(Some(pb::ContactDetails { criteria: many(100), ..least() })).unwrap();
    let more = pb::ContactDetails { criteria: many(200), ..Default::default() };
    let refusal = amend(&contact, more, false).unwrap_err();
    assert_eq!(found(&refusal), [("details.criteria", reason::TOO_MANY)]);
}
