//! Sending: everything that stands against it is said at once, and what is sent keeps the contract of referrals.

use std::collections::BTreeSet;

use super::*;
use crate::{
    reason,
    referral::{Answer, Content, Requested, Salt},
    route::tests::unit,
};

fn send(details: pb::ContactDetails, request: &pb::SendContactRequest) -> Result<Sent, Refusal> {
    record(Some(details)).unwrap().send(request, &call("1", &person()), &ROUTES)
}

fn units(names: &[&str]) -> Vec<referral::UnitRef> {
    names.iter().map(|name| crate::referral::write_unit(&unit(name))).collect()
}

fn consent(giver: referral::ConsentGiver, scopes: &[referral::ConsentScope]) -> referral::LawfulBasis {
    let consent = referral::Consent {
        giver: giver.into(),
        scopes: scopes.iter().map(|scope| (*scope).into()).collect(),
        consent_time: reception().report_time,
        expire_time: None,
    };
    referral::LawfulBasis { consent: Some(consent), ..referral::LawfulBasis::default() }
}

#[test]
fn the_least_is_sent_and_nothing_else_was_asked() {
    let sent = send(least(), &sending()).unwrap();
    let request = sent.requested.request.expose();
    assert_eq!(request.recipients, units(&["hanoi/ba-dinh"]));
    assert_eq!(request.origin, Some(referral::UnitRef { party: "moh".into(), unit: "111".into() }));
    let content = request.content.clone().unwrap();
    let preview = content.preview.unwrap();
    assert_eq!(preview.reception, Some(reception()));
    assert_eq!((preview.criteria, preview.incident_area), (least().criteria, least().incident_area));
    assert_eq!(preview.response_timeframe, i32::from(referral::ResponseTimeframe::OneHour));
    assert_eq!(preview.age_group, i32::from(referral::AgeGroup::Unknown));
    let not_asked = referral::UnknownReason::NotAsked as i32;
    let identity = content.identity.unwrap();
    assert_eq!(identity.full_name.unwrap().unknown, not_asked);
    assert_eq!(identity.birth.unwrap().unknown, not_asked);
    assert_eq!(content.narrative.unwrap().condition.unwrap().unknown, not_asked);
    assert_eq!(content.reporter, None);
}

#[test]
fn a_contact_without_an_area_stays_with_the_switchboard_unless_a_person_chooses() {
    let silent = pb::ContactDetails { incident_area: None, ..least() };
    let refusal = send(silent.clone(), &sending()).unwrap_err();
    assert_eq!(found(&refusal), [("details.incident_area", reason::AREA_MISSING)]);
    let unknown = pb::ContactDetails { area_unknown: true, ..silent.clone() };
    let refusal = send(unknown.clone(), &sending()).unwrap_err();
    assert_eq!(found(&refusal), [("recipients", reason::AREA_MISSING)]);
    let chosen = pb::SendContactRequest { recipients: units(&["hanoi/ba-dinh"]), ..sending() };
    let sent = send(unknown, &chosen).unwrap();
    assert_eq!((sent.route, sent.requested.request.expose().recipients.len()), (None, 1));
    // Also then somebody must have asked.
    assert_eq!(found(&send(silent, &chosen).unwrap_err()), [("details.incident_area", reason::AREA_MISSING)]);
}

#[test]
fn a_suspected_parent_is_never_asked_and_consent_has_its_scope() {
    let father = i32::from(referral::ConsentGiver::Father);
    let details = pb::ContactDetails { narrative: Some(narrative("có vết bầm", vec![father])), ..least() };
    let scopes = [referral::ConsentScope::Services];
    let lawful_basis = Some(consent(referral::ConsentGiver::Father, &scopes));
    let refusal = send(details, &pb::SendContactRequest { lawful_basis, ..sending() }).unwrap_err();
    assert_eq!(found(&refusal), [("lawful_basis", reason::BASIS_SUSPECT_ASKED)]);
    let lawful_basis = Some(consent(referral::ConsentGiver::Mother, &[referral::ConsentScope::Identity]));
    let refusal = send(least(), &pb::SendContactRequest { lawful_basis, ..sending() }).unwrap_err();
    assert_eq!(found(&refusal), [("lawful_basis", reason::BASIS_SCOPE)]);
}

#[test]
fn what_hands_nothing_on_sends_no_contact_and_a_service_is_asked_for_by_name() {
    let notification = referral::ReferralKind::Notification.into();
    let refusal = send(least(), &pb::SendContactRequest { kind: notification, ..sending() }).unwrap_err();
    assert_eq!(found(&refusal), [("kind", reason::NOT_FOR_THIS_KIND)]);
    let service = referral::ReferralKind::Referral.into();
    let refusal = send(least(), &pb::SendContactRequest { kind: service, ..sending() }).unwrap_err();
    assert_eq!(found(&refusal), [("details.service_types", reason::FIELD_REQUIRED)]);
}

#[test]
fn units_that_a_person_chose_are_checked_one_by_one() {
    let mut recipients = units(&["hanoi/a", "hanoi/a"]);
    recipients.push(referral::UnitRef { party: "Hà Nội".into(), unit: "b".into() });
    let refusal = send(least(), &pb::SendContactRequest { recipients, service: "A b".into(), ..sending() });
    let expected = [
        ("service", reason::FIELD_FORMAT),
        ("recipients[1]", reason::RECIPIENT_REPEATED),
        ("recipients[2].party", reason::FIELD_FORMAT),
    ];
    assert_eq!(found(&refusal.unwrap_err()), expected);
    let names: Vec<String> = (0..17).map(|index| format!("hanoi/u-{index}")).collect();
    let recipients = units(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let refusal = send(least(), &pb::SendContactRequest { recipients, ..sending() }).unwrap_err();
    assert_eq!(found(&refusal), [("recipients", reason::TOO_MANY)]);
}

#[test]
fn a_contact_is_sent_once() {
    let contact = send(least(), &sending()).unwrap().contact;
    let again = contact.send(&sending(), &call("2", &person()), &ROUTES).unwrap_err();
    assert_eq!(found(&again), [("contact", reason::CONTACT_BEING_SENT)]);
    let answer = Answer::Submitted { case: ids().case, referral: Uuid::from_u128(9) };
    let referred = contact.answered(Uuid::try_parse(REQUEST).unwrap(), answer, now()).unwrap();
    let again = referred.send(&sending(), &call("3", &person()), &ROUTES).unwrap_err();
    assert_eq!(found(&again), [("contact", reason::WRONG_STATE)]);
}

/// What may be missing or wrong, and what is said of it.
const FAULTS: [(&str, &str); 8] = [
    ("details.subject", reason::FIELD_REQUIRED),
    ("details.criteria", reason::FIELD_REQUIRED),
    ("details.incident_area", reason::AREA_MISSING),
    ("lawful_basis", reason::BASIS_MISSING),
    ("service", reason::FIELD_REQUIRED),
    ("purpose", reason::FIELD_FORMAT),
    ("kind", reason::CODE_UNKNOWN),
    ("etag", reason::ETAG_STALE),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exactly_what_stands_against_it_is_said(is_broken in prop::array::uniform8(any::<bool>())) {
        let (mut details, mut request, mut etag) = (least(), sending(), "1");
        for (fault, _) in is_broken.iter().enumerate().filter(|(_, is_broken)| **is_broken) {
            match fault {
                0 => details.subject = 0,
                1 => details.criteria.clear(),
                2 => details.incident_area = None,
                3 => request.lawful_basis = None,
                4 => request.service.clear(),
                5 => request.purpose = "Bảo vệ".into(),
                6 => request.kind = 0,
                _ => etag = "0",
            }
        }
        let contact = record(Some(details)).unwrap();
        let expected: BTreeSet<_> =
            FAULTS.iter().zip(is_broken).filter(|(_, is_broken)| *is_broken).map(|(fault, _)| *fault).collect();
        match contact.send(&request, &call(etag, &system()), &ROUTES) {
            Ok(_) => prop_assert!(expected.is_empty(), "sent in spite of {expected:?}"),
            Err(refusal) => prop_assert_eq!(found(&refusal).into_iter().collect::<BTreeSet<_>>(), expected),
        }
    }

    #[test]
    fn whatever_is_known_what_is_sent_keeps_the_contract(known in details()) {
        let details = pb::ContactDetails { subject: 5, ..least() };
        let contact = record(Some(details)).unwrap();
        let request = pb::AmendContactRequest { details: Some(known), ..Default::default() };
        let contact = contact.amend(&request, &call("1", &person())).unwrap().contact;
        let request = pb::SendContactRequest { recipients: units(&["hanoi/ba-dinh"]), ..sending() };
        let sent = contact.send(&request, &call("2", &person()), &ROUTES).unwrap();
        let bytes = sent.requested.write();
        let read = Requested::read(&bytes).unwrap();
        prop_assert_eq!((read.contact, read.case, &read.actor), (contact.uid, contact.case, &person()));
        let submission = read.request.expose();
        prop_assert_eq!(nhipcau_proto::violations(submission), Vec::new());
        prop_assert_eq!(&submission.case_uid, &contact.case.to_string());
        let content = submission.content.clone().unwrap();
        prop_assert!(Content::read(&content, || Salt::new([1; 32])).is_ok());
        prop_assert_eq!(content, contact.report.content());
    }
}
