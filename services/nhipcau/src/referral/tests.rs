//! What people type, what they read, and the examples that they begin from.

use nhipcau_domain::referral::{Content, Salt};
use nhipcau_proto::referral::v1 as pb;

use super::{show::Shown, template::example, *};
use crate::client::document;

const KINDS: [pb::ReferralKind; 3] =
    [pb::ReferralKind::Transfer, pb::ReferralKind::Referral, pb::ReferralKind::Notification];

fn unit(party: &str, unit: &str) -> pb::UnitRef {
    pb::UnitRef { party: party.to_owned(), unit: unit.to_owned() }
}

fn filled(kind: pb::ReferralKind) -> pb::SubmitReferralRequest {
    let request = example(kind, unit("moh", "111"), unit("hanoi", "ba-dinh"), jiff::Timestamp::UNIX_EPOCH);
    pb::SubmitReferralRequest { request_id: uuid::Uuid::nil().to_string(), ..request }
}

#[test]
fn every_example_meets_the_contract_and_the_rules_of_content() {
    for kind in KINDS {
        let request = filled(kind);
        assert_eq!(nhipcau_proto::violations(&request), [], "{kind:?}");
        let content = Content::read(&request.content.unwrap(), || Salt::new([1; 32]));
        assert!(content.is_ok(), "{kind:?}: {content:?}");
    }
}

#[test]
fn an_example_is_read_back_from_the_json_that_is_printed() {
    for kind in KINDS {
        let json = document::write(&filled(kind)).unwrap().to_string();
        assert_eq!(document::read::<pb::SubmitReferralRequest>(&json).unwrap(), filled(kind));
    }
}

#[test]
fn a_code_is_read_in_any_spelling_of_its_words() {
    for text in ["no-capacity", "NO_CAPACITY", "No-Capacity"] {
        assert_eq!(code::parse::<pb::RejectionCode>(text), Ok(pb::RejectionCode::NoCapacity));
    }
    assert_eq!(code::parse::<pb::BranchState>("in-service"), Ok(pb::BranchState::InService));
}

#[test]
fn an_unknown_code_is_refused_with_those_that_there_are() {
    let error = code::parse::<pb::Outcome>("done").unwrap_err();
    assert_eq!(error, "expected one of resolved, ongoing-elsewhere, declined, not-reached, not-provided, other");
    assert!(code::parse::<pb::Side>("unspecified").is_err());
    assert_eq!(code::shown::<pb::Outcome>(99), "99");
}

#[test]
fn a_unit_is_a_party_and_a_unit() {
    assert_eq!(transition::unit("hanoi/ba-dinh"), Ok(unit("hanoi", "ba-dinh")));
    for text in ["hanoi", "hanoi/", "Hanoi/x", "a/b/c"] {
        assert!(transition::unit(text).is_err(), "{text}");
    }
}

#[test]
fn a_person_reads_where_every_branch_stands() {
    let time = Some(prost_types::Timestamp { seconds: 1_790_000_000, nanos: 0 });
    let branch = pb::Branch {
        name: "parties/moh/referrals/r/branches/b".to_owned(),
        recipient: Some(unit("hanoi", "ba-dinh")),
        state: pb::BranchState::Assigned.into(),
        conditions: vec![pb::BranchCondition::Overdue.into(), 77],
        redirect_reason: pb::RedirectReason::OutsideArea.into(),
        responsible_side: pb::Side::Recipient.into(),
        state_time: time,
        time_limits: vec![pb::TimeLimit {
            rule: "answer".to_owned(),
            citation: "Agreement".to_owned(),
            due_time: time,
            steps: vec![
                pb::LadderStep { step_time: time, unit: Some(unit("hanoi", "west")) },
                pb::LadderStep { step_time: time, unit: None },
            ],
            ..pb::TimeLimit::default()
        }],
        limit_refusals: vec![pb::LimitRefusal {
            rule: "plan".to_owned(),
            citation: String::new(),
            reason: "LIMIT_CALENDAR_ENDED".to_owned(),
        }],
        history: vec![pb::HistoryEntry {
            event: "acknowledged".to_owned(),
            side: pb::Side::Recipient.into(),
            ordinal: 1,
            event_time: time,
            superseded: false,
            unit: Some(unit("hanoi", "ba-dinh")),
        }],
        ..pb::Branch::default()
    };
    let referral = pb::Referral {
        kind: pb::ReferralKind::Transfer.into(),
        origin: Some(unit("moh", "111")),
        branches: vec![branch],
        ..pb::Referral::default()
    };
    let text = Shown(&referral).to_string();
    for part in [
        "TRANSFER of moh/111",
        "→ hanoi/ba-dinh: ASSIGNED since 2026-09-21T21:13:20+07:00",
        "answers for the child: recipient",
        "redirected: OUTSIDE_AREA",
        "conditions: OVERDUE, 77",
        "answer: due 2026-09-21T21:13:20+07:00 (Agreement)",
        "2026-09-21T21:13:20+07:00 turn to hanoi/west",
        "2026-09-21T21:13:20+07:00 turn to the level above",
        "plan: not computed, LIMIT_CALENDAR_ENDED",
        "2026-09-21T21:13:20+07:00 acknowledged (recipient)",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}
