//! What contacts promise, over contacts that were made up for it.

mod amending;
mod continuing;
mod deeds;
mod kept;
mod sending;
mod ways;

use std::sync::LazyLock;

use jiff::Timestamp;
use nhipcau_proto::referral::v1 as referral;
use proptest::prelude::*;

use super::*;
use crate::{
    id::SystemId,
    referral::{Actor, PersonRef},
    route::{
        Routes,
        tests::{Directory, MONDAY, time},
    },
};

const BA_DINH: &str = "00004@VN-34-2026";
const REQUEST: &str = "0190a5f0-0000-7000-8000-000000000001";

/// A directory in which one ward's unit gives `protection`, around the clock.
static ROUTES: LazyLock<Routes> =
    LazyLock::new(|| Directory::new().serving("hanoi/ba-dinh", &[BA_DINH]).routes(MONDAY));

fn now() -> Timestamp {
    time(MONDAY)
}

fn ids() -> Ids {
    Ids { contact: Uuid::from_u128(1), case: Uuid::from_u128(2) }
}

fn person() -> Actor {
    let person = Some(PersonRef::new("tv-3").unwrap());
    Actor { person, ..system() }
}

fn system() -> Actor {
    Actor { system: SystemId::new("hotline").unwrap(), person: None }
}

/// A call by somebody who has read the contact as it stands.
fn call<'a>(etag: &'a str, actor: &'a Actor) -> Call<'a> {
    Call { etag, actor, now: now() }
}

fn area(text: &str) -> referral::AdminUnitRef {
    let (code, version) = text.split_once('@').unwrap();
    referral::AdminUnitRef {
        code: code.into(),
        level: referral::AdminLevel::Commune.into(),
        code_list_version: version.into(),
    }
}

fn graded(criterion: i32, level: i32) -> referral::RiskCriterion {
    referral::RiskCriterion { criterion, level }
}

/// By phone, a minute ago.
fn reception() -> referral::Reception {
    let minute_ago = now().as_second() - 60;
    referral::Reception {
        report_number: "111/2026/77".into(),
        channel: referral::ReportChannel::Phone.into(),
        report_time: Some(prost_types::Timestamp { seconds: minute_ago, nanos: 0 }),
        officer: "tv-3".into(),
    }
}

fn record(details: Option<pb::ContactDetails>) -> Result<Contact, Refusal> {
    let unit = Some(referral::UnitRef { party: "moh".into(), unit: "111".into() });
    let reception = Some(reception());
    let request = pb::RecordContactRequest { unit, reception, details, ..pb::RecordContactRequest::default() };
    Contact::record(&request, ids(), now())
}

/// The least that can be sent.
fn least() -> pb::ContactDetails {
    pb::ContactDetails {
        subject: referral::CaseSubject::AtRisk.into(),
        incident_area: Some(area(BA_DINH)),
        criteria: vec![graded(2, referral::RiskLevel::High.into())],
        ..pb::ContactDetails::default()
    }
}

fn duty() -> referral::LawfulBasis {
    let citation = "Decree 56/2017/NĐ-CP art. 26".into();
    let statutory_duty = Some(referral::StatutoryDuty { citation });
    referral::LawfulBasis { statutory_duty, ..referral::LawfulBasis::default() }
}

fn sending() -> pb::SendContactRequest {
    pb::SendContactRequest {
        request_id: REQUEST.into(),
        kind: referral::ReferralKind::Transfer.into(),
        purpose: "protection".into(),
        lawful_basis: Some(duty()),
        service: "protection".into(),
        ..pb::SendContactRequest::default()
    }
}

fn found(refusal: &Refusal) -> Vec<(&str, &str)> {
    refusal.violations().iter().map(|it| (it.subject.as_str(), it.reason)).collect()
}

fn told(value: &str) -> Option<referral::KnownText> {
    Some(referral::KnownText { value: value.into(), unknown: 0 })
}

fn identity(name: &str) -> referral::ReferralIdentity {
    referral::ReferralIdentity {
        full_name: told(name),
        birth: Some(referral::Birth { estimated_age_years: Some(9), ..referral::Birth::default() }),
        sex: referral::Sex::Female.into(),
        home_address: told("ngõ 1"),
        ..referral::ReferralIdentity::default()
    }
}

fn narrative(condition: &str, suspects: Vec<i32>) -> referral::ReferralNarrative {
    referral::ReferralNarrative {
        incident_place: told("ở nhà"),
        incident_time_text: told("tối qua"),
        condition: told(condition),
        likely_consequences: told("bị đánh tiếp"),
        family_circumstances: told("bố mẹ ly hôn"),
        actions_taken: told("đã trấn an"),
        request_reason: told("cần đến ngay"),
        suspects,
        ..referral::ReferralNarrative::default()
    }
}

/// Details as callers give them: every field stated or not.
fn details() -> impl Strategy<Value = pb::ContactDetails> {
    let places = prop_oneof![
        Just((None, false)),
        Just((None, true)),
        prop::sample::select(vec![BA_DINH, "00070@VN-34-2026"]).prop_map(|text| (Some(area(text)), false)),
    ];
    let criteria = prop::collection::btree_map(1..=4, 1..=4, 0..=4);
    let codes = (0..=5, 0..=4, 0..=4, 0..=6, 0..=3);
    let lists = (
        prop::sample::subsequence(vec![1, 2, 3], 0..=3),
        prop::sample::subsequence(vec![3, 4, 7], 0..=3),
        prop::sample::subsequence(vec!["neglect".to_owned(), "trafficking".to_owned()], 0..=2),
    );
    let parts = (prop::option::of("[a-z]{1,9}"), prop::option::of("[a-z]{1,9}"));
    (places, criteria, codes, lists, parts).prop_map(|(place, criteria, codes, lists, parts)| {
        let (subject, response_timeframe, risk_level, age_group, sex) = codes;
        pb::ContactDetails {
            subject,
            incident_area: place.0,
            area_unknown: place.1,
            criteria: criteria.into_iter().map(|(criterion, level)| graded(criterion, level)).collect(),
            abuse_types: lists.0,
            service_types: lists.1,
            protection_concerns: lists.2,
            response_timeframe,
            risk_level,
            age_group,
            sex,
            identity: parts.0.map(|name| identity(&name)),
            narrative: parts.1.map(|condition| narrative(&condition, Vec::new())),
            reporter: None,
        }
    })
}
