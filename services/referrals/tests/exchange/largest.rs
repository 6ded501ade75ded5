//! The largest case that the contract takes is sent and arrives: why no request that keeps the contract is refused as
//! `MESSAGE_TOO_LARGE`.

use nhipcau_proto::referral::v1::{self as pb, BranchState, ReferralKind};

use crate::{deeds::*, world::*};

/// So many characters of four bytes each, the longest that there are.
fn text(characters: usize) -> String {
    "\u{20000}".repeat(characters)
}

fn known() -> Option<pb::KnownText> {
    Some(pb::KnownText { value: text(2_000), unknown: 0 })
}

fn relative() -> Option<pb::Relative> {
    Some(pb::Relative { full_name: known(), age_years: Some(120), occupation: known() })
}

fn contact() -> Option<pb::SafeContact> {
    Some(pb::SafeContact {
        channel: pb::ContactChannel::Call.into(),
        detail: text(200),
        hours: text(200),
        answerer: text(200),
        message_allowed: true,
    })
}

#[tokio::test]
async fn the_largest_case_that_the_contract_takes_fits_a_message() {
    let mut world = World::open().await;
    let mut request = submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"]);
    request.lawful_basis =
        Some(pb::LawfulBasis { statutory_duty: Some(pb::StatutoryDuty { citation: text(200) }), ..Default::default() });
    let content = request.content.as_mut().unwrap();
    let identity = content.identity.as_mut().unwrap();
    (identity.full_name, identity.home_address, identity.contact) = (known(), known(), contact());
    (identity.mother, identity.father, identity.carer) = (relative(), relative(), relative());
    let narrative = content.narrative.as_mut().unwrap();
    for field in [
        &mut narrative.incident_place,
        &mut narrative.incident_time_text,
        &mut narrative.condition,
        &mut narrative.likely_consequences,
        &mut narrative.family_circumstances,
        &mut narrative.actions_taken,
        &mut narrative.request_reason,
    ] {
        *field = known();
    }
    narrative.notes = text(4_000);
    content.reporter = Some(pb::ReferralReporter {
        agreed: true,
        full_name: known(),
        address: known(),
        contact: contact(),
        ..Default::default()
    });
    let branch = world.submit(MOH, &request).await.remove(0);
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Received; 2]);
    let arrived = world.content(HANOI, &branch).await;
    assert_eq!(arrived.narrative.unwrap().notes, text(4_000));
    assert_eq!(arrived.identity.unwrap().carer, relative());
    assert!(arrived.reporter.is_some());
}
