//! Areas of older lists: what is accepted and kept as it was given, and what a person is asked.

use nhipcau_domain::reason;
use nhipcau_proto::referral::v1::{self as pb, AdminLevel, ReferralKind};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{deeds::*, world::*};

const INCIDENT: &str = "content.preview.incident_area";

/// The two communes that Điện Biên ward was split over, in the list of today.
const SPLIT: &str = "00004@VN-34 00070@VN-34";

fn area(reference: &str) -> Option<pb::AdminUnitRef> {
    let (code, version) = reference.split_once('@').unwrap();
    let level = match code.len() {
        2 => AdminLevel::Province,
        3 => AdminLevel::District,
        _ => AdminLevel::Commune,
    };
    Some(pb::AdminUnitRef { code: code.into(), level: level.into(), code_list_version: version.into() })
}

/// A transfer of something that happened there.
fn happened(reference: &str) -> pb::SubmitReferralRequest {
    let mut request = submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"]);
    request.content.as_mut().unwrap().preview.as_mut().unwrap().incident_area = area(reference);
    request
}

fn reported_on(request: &mut pb::SubmitReferralRequest, time: &str) {
    let time: jiff::Timestamp = time.parse().unwrap();
    let preview = request.content.as_mut().unwrap().preview.as_mut().unwrap();
    preview.reception.as_mut().unwrap().report_time =
        Some(prost_types::Timestamp { seconds: time.as_second(), nanos: 0 });
}

/// Field, reason and description of everything that is refused.
fn violations(refused: &Status) -> Vec<(String, String, String)> {
    let details = refused.get_error_details();
    let listed = &details.bad_request().unwrap().field_violations;
    listed.iter().map(|found| (found.field.clone(), found.reason.clone(), found.description.clone())).collect()
}

async fn refused(world: &World, request: &pb::SubmitReferralRequest) -> Vec<(String, String, String)> {
    let rows = "SELECT (SELECT COUNT(*) FROM referral_event) + (SELECT COUNT(*) FROM outbox)";
    let before = world.count(MOH, rows).await;
    let refused = world.try_submit(MOH, request).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::InvalidArgument, reason::REQUEST_INVALID.into()));
    assert_eq!(world.count(MOH, rows).await, before, "nothing half-done");
    violations(&refused)
}

fn found(field: &str, reason: &str, description: &str) -> (String, String, String) {
    (field.into(), reason.into(), description.into())
}

#[tokio::test]
async fn an_older_area_that_one_unit_holds_whole_is_accepted_and_kept_as_it_was_given() {
    let mut world = World::open().await;
    for older in ["02@VN-63", "01@VN-63", "00004@VN-63", "00004@VN-34"] {
        let mut request = happened(older);
        let identity = request.content.as_mut().unwrap().identity.as_mut().unwrap();
        (identity.home_area, identity.current_area) = (area("00004@VN-63"), area("02@VN-63"));
        let branch = world.submit(MOH, &request).await.remove(0);
        world.settle().await;
        let content = world.content(HANOI, &branch).await;
        assert_eq!(content.preview.unwrap().incident_area, area(older));
        let identity = content.identity.unwrap();
        assert_eq!((identity.home_area, identity.current_area), (area("00004@VN-63"), area("02@VN-63")));
    }
}

#[tokio::test]
async fn an_area_that_was_split_is_refused_with_its_candidates_and_their_choice_is_accepted() {
    let world = World::open().await;
    let mut request = happened("00019@VN-63");
    request.content.as_mut().unwrap().identity.as_mut().unwrap().home_area = area("00019@VN-63");
    let expected =
        [INCIDENT, "content.identity.home_area"].map(|field| found(field, reason::AREA_SPLIT, SPLIT)).to_vec();
    assert_eq!(refused(&world, &request).await, expected);
    for chosen in SPLIT.split(' ') {
        assert!(world.try_submit(MOH, &happened(chosen)).await.is_ok(), "a person's choice");
    }
}

#[tokio::test]
async fn the_candidates_of_a_split_are_codes_without_names() {
    let world = World::open().await;
    let refused = world.try_submit(MOH, &happened("00019@VN-63")).await.unwrap_err();
    let told =
        format!("{refused:?} {:?} {:?}", refused.get_error_details(), String::from_utf8_lossy(refused.details()));
    for name in ["Hoàn Kiếm", "Điện Biên", "Ba Đình"] {
        assert!(!told.contains(name), "{name} is told");
    }
}

#[tokio::test]
async fn an_area_that_leads_nowhere_is_refused_with_its_reason() {
    let world = World::open().await;
    for (reference, reason) in [
        ("99@VN-34", reason::AREA_UNKNOWN),
        ("01@VN-35", reason::AREA_UNKNOWN),
        ("08@VN-63", reason::AREA_UNKNOWN),
        ("001@VN-63", reason::AREA_NOT_IN_FORCE),
    ] {
        assert_eq!(refused(&world, &happened(reference)).await, [found(INCIDENT, reason, "does not fit")]);
    }
    let without = refused(&world, &happened("00004@")).await;
    assert!(without.iter().all(|(field, ..)| field.starts_with(INCIDENT)), "{without:?}");
}

#[tokio::test]
async fn where_it_happened_is_looked_up_on_the_day_of_the_report_as_well() {
    let world = World::open().await;
    let mut request = happened("00019@VN-63");
    reported_on(&mut request, "2025-06-30T16:59:00Z");
    assert!(world.try_submit(MOH, &request).await.is_ok(), "in force in the last minute of the old list");
    let mut request = happened("00070@VN-34");
    reported_on(&mut request, "2025-06-30T16:59:00Z");
    assert!(world.try_submit(MOH, &request).await.is_ok(), "typed later, by the list of today");
    let mut request = happened("00019@VN-63");
    reported_on(&mut request, "2025-06-30T17:00:00Z");
    assert_eq!(refused(&world, &request).await, [found(INCIDENT, reason::AREA_SPLIT, SPLIT)]);
    // Where the child lives is a matter of today.
    let mut request = happened("00070@VN-34");
    reported_on(&mut request, "2025-06-30T16:59:00Z");
    request.content.as_mut().unwrap().identity.as_mut().unwrap().home_area = area("00019@VN-63");
    let home = found("content.identity.home_area", reason::AREA_SPLIT, SPLIT);
    assert_eq!(refused(&world, &request).await, [home]);
}

#[tokio::test]
async fn an_area_that_is_told_later_is_looked_up_as_well() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let told = |reference: &str| {
        let mut later = content();
        later.identity.as_mut().unwrap().home_area = area(reference);
        Some(pb::ReferralContent { identity: later.identity, ..Default::default() })
    };
    let refused = world.disclose(MOH, &branch, told("00019@VN-63"), None).await.unwrap_err();
    assert_eq!(violations(&refused), [found("content.identity.home_area", reason::AREA_SPLIT, SPLIT)]);
    world.disclose(MOH, &branch, told("00004@VN-63"), None).await.unwrap();
    world.settle().await;
    let content = world.content(HANOI, &branch).await;
    assert_eq!(content.identity.unwrap().home_area, area("00004@VN-63"));
}

#[tokio::test]
async fn what_was_accepted_is_not_asked_again_after_a_reform() {
    let mut world = World::open().await;
    let mut request = happened("00070@VN-34");
    reported_on(&mut request, "2025-06-30T16:59:00Z");
    let branch = world.submit(MOH, &request).await.remove(0);
    world.settle().await;
    world.pass(jiff::SignedDuration::from_hours(24 * 60));
    request.request_id = request_id();
    let candidates = found(INCIDENT, reason::AREA_SPLIT, "00070@NEXT 00071@NEXT");
    assert_eq!(refused(&world, &request).await, [candidates]);
    let later = pb::ReferralContent { narrative: content().narrative, ..Default::default() };
    world.disclose(MOH, &branch, Some(later), None).await.unwrap();
    world.settle().await;
    assert_eq!(world.content(HANOI, &branch).await.preview.unwrap().incident_area, area("00070@VN-34"));
}

#[tokio::test]
async fn a_request_that_comes_again_after_a_reform_gets_its_first_answer() {
    let mut world = World::open().await;
    let mut request = happened("00070@VN-34");
    reported_on(&mut request, "2025-06-30T16:59:00Z");
    let branch = world.submit(MOH, &request).await.remove(0);
    world.settle().await;
    world.pass(jiff::SignedDuration::from_hours(24 * 60));
    let again = world.try_submit(MOH, &request).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.referral.unwrap().branches[0].name, branch);
}

#[tokio::test]
async fn an_area_is_refused_together_with_all_else_and_by_a_call_that_only_checks() {
    let world = World::open().await;
    let mut request = happened("00019@VN-63");
    let split = found(INCIDENT, reason::AREA_SPLIT, SPLIT);
    request.validate_only = true;
    assert_eq!(refused(&world, &request).await, std::slice::from_ref(&split));
    request.recipients.push(unit("hanoi/ba-dinh"));
    let repeated = found("recipients[1]", reason::RECIPIENT_REPEATED, "does not fit");
    assert_eq!(refused(&world, &request).await, [repeated, split]);
}
