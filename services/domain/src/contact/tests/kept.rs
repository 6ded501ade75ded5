//! What a contact has to say of itself, and how it is kept and shown.

use super::*;
use crate::reason;

#[test]
fn a_contact_begins_with_how_and_when_it_was_received_and_nothing_more() {
    let contact = record(None).unwrap();
    assert_eq!((contact.state, contact.since, contact.etag().as_str()), (State::Open, now(), "1"));
    assert_eq!(contact.report.received(), now() - jiff::SignedDuration::from_secs(60));
    assert_eq!(contact.report.details(), &pb::ContactDetails::default());
}

#[test]
fn everything_that_is_wrong_with_a_contact_is_found_at_once() {
    let request = pb::RecordContactRequest {
        unit: None,
        reception: Some(referral::Reception { channel: 0, report_number: "\u{7}".into(), ..reception() }),
        details: Some(pb::ContactDetails {
            subject: 77,
            area_unknown: true,
            criteria: vec![graded(1, 1), graded(1, 2)],
            identity: Some(identity("Tra\u{302}\u{300}n")),
            ..least()
        }),
        ..pb::RecordContactRequest::default()
    };
    let refusal = Contact::record(&request, ids(), now()).unwrap_err();
    let expected = [
        ("unit", reason::FIELD_REQUIRED),
        ("details.area_unknown", reason::FIELD_FORMAT),
        ("reception.report_number", reason::TEXT_CONTROL),
        ("reception.channel", reason::FIELD_REQUIRED),
        ("details.subject", reason::CODE_UNKNOWN),
        ("details.criteria[1]", reason::FIELD_FORMAT),
        ("details.identity.full_name.value", reason::TEXT_NOT_NFC),
    ];
    assert_eq!(found(&refusal), expected);
}

#[test]
fn a_contact_is_not_received_in_the_future_and_not_without_saying_when() {
    let ahead = |minutes: i64| {
        let seconds = now().as_second() + minutes * 60;
        let report_time = Some(prost_types::Timestamp { seconds, nanos: 0 });
        let unit = Some(referral::UnitRef { party: "moh".into(), unit: "111".into() });
        let reception = Some(referral::Reception { report_time, ..reception() });
        Contact::record(&pb::RecordContactRequest { unit, reception, ..Default::default() }, ids(), now())
    };
    assert!(ahead(5).is_ok());
    assert_eq!(found(&ahead(6).unwrap_err()), [("reception.report_time", reason::TIME_IN_FUTURE)]);
    let unit = Some(referral::UnitRef { party: "moh".into(), unit: "111".into() });
    let silent = pb::RecordContactRequest { unit, ..Default::default() };
    let refusal = Contact::record(&silent, ids(), now()).unwrap_err();
    assert_eq!(found(&refusal), [("reception", reason::FIELD_REQUIRED)]);
}

#[test]
fn nothing_about_a_person_is_printed_or_in_the_basic_view() {
    let details = pb::ContactDetails {
        identity: Some(identity("Trần Thị Thử")),
        narrative: Some(narrative("có vết bầm", vec![3])),
        ..least()
    };
    let contact = record(Some(details)).unwrap();
    let basic = basic(contact.write());
    let shown = format!("{contact:?} {basic:?}");
    for value in ["Trần", "bầm", "ngõ", "00004", "111/2026/77", "AtRisk", "criteria: [R", "Father"] {
        assert!(!shown.contains(value), "{value} is shown");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_contact_that_is_kept_comes_back_as_it_was(details in details(), way in 0..4) {
        let open = record(Some(details)).unwrap();
        let actor = person();
        let etag = open.etag();
        let contact = match way {
            0 => open,
            1 => open.counsel(&call(&etag, &actor)).unwrap(),
            2 => {
                let [sending, referral, handover] = [7, 8, 9].map(|uid| Some(Uuid::from_u128(uid)));
                Contact { sending, referral, handover, ..open }
            }
            _ => open.close(pb::ContactCloseReason::Duplicate.into(), &call(&etag, &actor)).unwrap(),
        };
        prop_assert_eq!(Contact::read(&contact.write()).unwrap(), contact);
    }
}

#[test]
fn what_was_not_kept_whole_is_not_read() {
    let whole = record(Some(least())).unwrap().write();
    let broken = pb::Contact { uid: "x".into(), state: 9, etag: String::new(), create_time: None, ..whole };
    let expected = [
        ("uid", reason::FIELD_FORMAT),
        ("state", reason::CODE_UNKNOWN),
        ("create_time", reason::DATE_INVALID),
        ("etag", reason::FIELD_FORMAT),
    ];
    assert_eq!(found(&Contact::read(&broken).unwrap_err()), expected);
}
