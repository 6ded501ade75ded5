//! What a press says to whoever answers for it.

use super::*;
use crate::{
    contact::{Call, Contact, Ids},
    reason,
    route::{Routes, tests::Directory},
};

fn incident(device: &Device, code: &str) -> (Option<String>, Vec<Note>) {
    let frame = Frame::new(DEVICE, 1, Flags::ALARM, code);
    let (_, details) = device.report(&frame, areas(), now());
    assert_eq!(details.area_unknown, details.incident_area.is_none());
    (details.incident_area.map(|area| area.code), Device::judge(Some(device), None, &frame, areas(), now()).notes)
}

#[test]
fn a_press_says_where_as_coarsely_as_it_must() {
    let code = |text: &str| Some(text.to_owned());
    let open = registered(Some("00070"), false);
    assert_eq!(incident(&open, "00004"), (code("00004"), vec![]));
    assert_eq!(incident(&open, "01"), (code("01"), vec![]));
    assert_eq!(incident(&open, ""), (code("00070"), vec![]));
    assert_eq!(incident(&open, "x"), (code("00070"), vec![Note::AreaRefused]));
    assert_eq!(incident(&open, "99999"), (code("00070"), vec![Note::AreaRefused]), "well formed, and not in the list");
    assert_eq!(incident(&open, "99"), (code("00070"), vec![Note::AreaRefused]));
    let protected = registered(Some("01"), true);
    assert_eq!(incident(&protected, "00004"), (code("01"), vec![Note::AreaRefused]), "no commune of a refuge");
    assert_eq!(incident(&protected, "79"), (code("79"), vec![]));
    let nowhere = registered(None, false);
    assert_eq!(incident(&nowhere, "00004"), (None, vec![Note::AreaRefused]), "a code without its list");
    assert_eq!(incident(&nowhere, ""), (None, vec![]));
}

/// Records a press as a contact and sends it on a vital interest.
fn sent(device: &Device, code: &str, routes: &Routes) -> Result<Contact, Refusal> {
    let (reception, details) = device.report(&Frame::new(DEVICE, 1, Flags::ALARM, code), areas(), now());
    let request = pb::RecordContactRequest {
        unit: Some(referral::UnitRef { party: "moh".into(), unit: "111".into() }),
        reception: Some(reception),
        details: Some(details),
        ..pb::RecordContactRequest::default()
    };
    let contact = Contact::record(&request, Ids { contact: Uuid::from_u128(1), case: Uuid::from_u128(2) }, now())?;
    let vital_interest = Some(referral::VitalInterest {
        citation: "Law 91/2025/QH15 art. 19.1".into(),
        danger: referral::Danger::Life.into(),
    });
    let sending = pb::SendContactRequest {
        request_id: "0190a5f0-0000-7000-8000-000000000001".into(),
        kind: referral::ReferralKind::Transfer.into(),
        purpose: "protection".into(),
        lawful_basis: Some(referral::LawfulBasis { vital_interest, ..referral::LawfulBasis::default() }),
        service: "protection".into(),
        ..pb::SendContactRequest::default()
    };
    let (etag, actor) = (contact.etag(), system());
    Ok(contact.send(&sending, &Call { etag: &etag, actor: &actor, now: now() }, routes)?.contact)
}

#[test]
fn a_press_is_sent_at_once_and_by_no_person() {
    let routes = Directory::new().serving("hanoi/ba-dinh", &["00004@VN-34-2026"]).routes(MONDAY);
    let device = registered(Some("00004"), false);
    for code in ["", "x", "99999"] {
        assert!(sent(&device, code, &routes).unwrap().sending.is_some(), "{code:?}");
    }
    let nowhere = sent(&registered(None, false), "", &routes).unwrap_err();
    assert_eq!(found(&nowhere), [("recipients", reason::AREA_MISSING)], "a person chooses");
}
