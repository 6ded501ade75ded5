//! What somebody with bad intent may try: a peer that is agreed with but lies, a party that shares an access point with
//! others, a calling system that goes beyond its own.

use nhipcau_domain::{
    id::{Purpose, SystemId, UnitId},
    reason,
    referral::{
        Actor, Basis, Body, Cause, Content, Digest, Draft, Event, Ids, Kind, Opening, Part, PartDigest, Refusal, Salt,
        Side, UnitRef, read_basis,
    },
};
use nhipcau_messaging::{
    message::{self, Address, Header, Lane, Recipient},
    pae,
};
use nhipcau_proto::referral::v1::{
    self as pb, BranchState, ReferralKind, referral_decision_service_server::ReferralDecisionService as _,
    referral_service_server::ReferralService as _, referral_steering_service_server::ReferralSteeringService as _,
    referral_watch_service_server::ReferralWatchService as _,
};
use tonic::Code;
use uuid::Uuid;

use crate::{deeds::*, world::*};

const FORGED: &str = "Forged Canary";

pub(crate) fn uid(name: &str) -> Uuid {
    Uuid::parse_str(name.rsplit('/').next().unwrap()).unwrap()
}

pub(crate) fn unit_ref(name: &str) -> UnitRef {
    let (owner, unit) = name.split_once('/').unwrap();
    UnitRef { party: party(owner), unit: UnitId::new(unit).unwrap() }
}

fn read(basis: &pb::LawfulBasis) -> Basis {
    read_basis(basis, "basis", &mut Refusal::default()).unwrap()
}

/// A transfer that a peer makes up, with everything in it, and its parts.
pub(crate) fn forged(world: &World, ids: Ids, from: &str, to: &str) -> (Draft, Vec<Vec<u8>>) {
    let mut given = content();
    given.identity.as_mut().unwrap().full_name = Some(pb::KnownText { value: FORGED.into(), unknown: 0 });
    let content = Content::read(&given, || Salt::new([7; 32])).unwrap();
    let parts = [Part::Preview, Part::Identity, Part::Narrative];
    let bytes = parts.map(|part| content.encode(part).unwrap());
    let digest = |(part, bytes): (Part, &Vec<u8>)| PartDigest { part, digest: pae::sha256(bytes) };
    let draft = Draft {
        ids,
        side: Side::Origin,
        owner: unit_ref(from),
        counterpart: unit_ref(to),
        ordinal: 1,
        previous: Digest::ZERO,
        seen: None,
        time: world.now(),
        actor: Actor { system: SystemId::new("desk").unwrap(), person: None },
        basis: Some(read(&duty())),
        parts: parts.into_iter().zip(&bytes).map(digest).collect(),
        body: Body::Opened(Opening {
            kind: Kind::Transfer,
            group: Uuid::from_u128(5),
            cause: Cause::Initial,
            cause_branch: None,
            time_limits: Vec::new(),
            limit_refusals: Vec::new(),
        }),
        salt: None,
        begun: Default::default(),
    };
    (draft, bytes.to_vec())
}

/// Has a node send an event of its own making.
pub(crate) async fn send(world: &World, way: (usize, usize), draft: Draft, parts: Vec<Vec<u8>>) -> Event {
    send_as(world, way, draft, parts, "").await
}

/// The same, counted under a kind.
async fn send_as(world: &World, (from, to): (usize, usize), draft: Draft, parts: Vec<Vec<u8>>, kind: &str) -> Event {
    let address = |unit: &UnitRef| Address { party: unit.party.clone(), unit: Some(unit.unit.clone()) };
    let (sender, recipient) = (address(&draft.owner), address(&draft.counterpart));
    let case = draft.ids.case;
    let sane = Ids { case, referral: case, branch: case };
    let (_, beside) =
        Event::write(Draft { ids: sane, ordinal: 1, time: world.now(), begun: Default::default(), ..draft.clone() });
    let (event, bytes) = Event::write(draft);
    let message = message::Draft {
        header: Header {
            message: "nhipcau.referral.v1.ReferralEvent".into(),
            contract: contract(),
            contract_minor: 0,
            sender,
            recipient: Some(recipient),
            purpose: Purpose::new(PURPOSE).unwrap(),
            legal_basis: String::new(),
            correlation: Some(case.into_bytes()),
            kind: kind.to_owned(),
            corrected: None,
            traceparent: String::new(),
            blobs: Vec::new(),
        },
        recipient: Recipient::One(point(NAMES[to])),
        lane: Lane::Messages,
        parts: std::iter::once(bytes).chain(parts).collect(),
        cause: message::Cause::Timer(request_id()),
        ordinal: 0,
    };
    world.submit_beside(from, message, beside).await;
    event
}

/// What came of the newest message that a node took.
pub(crate) async fn outcome(world: &World, node: usize) -> i64 {
    world.count(node, "SELECT outcome FROM received ORDER BY receive_time DESC, sequence DESC LIMIT 1").await
}

pub(crate) const RECEIVED: i64 = 0;
pub(crate) const INVALID: i64 = 6;
pub(crate) const WRONG_STATE: i64 = 7;

#[tokio::test]
async fn a_peer_that_names_its_branch_like_my_referral_neither_changes_nor_erases_my_content() {
    let mut world = World::open().await;
    let request = submission(ReferralKind::Referral, "hanoi/ba-dinh", &["vwu/desk"]);
    let mine = world.submit(HANOI, &request).await.remove(0);
    world.settle().await;
    // A recipient knows the uids of the referral and the case.
    let case = uid(&world.get(VWU, &referral_of(&mine)).await.unwrap().case_uid);
    let ids = Ids { case, referral: Uuid::from_u128(1 << 70), branch: uid(&referral_of(&mine)) };
    let (opening, parts) = forged(&world, ids, "vwu/desk", "hanoi/cua-nam");
    let opened = send(&world, (VWU, HANOI), opening.clone(), parts).await;
    world.settle().await;
    assert_eq!(name_in(&world.content(HANOI, &mine).await), CHILD, "not what the peer says");
    let recall = Draft {
        ordinal: 2,
        previous: opened.digest(),
        basis: None,
        parts: Vec::new(),
        body: Body::EnteredInError { reason: nhipcau_domain::referral::Mistake::from_wire(1).unwrap() },
        ..opening
    };
    send(&world, (VWU, HANOI), recall, Vec::new()).await;
    world.settle().await;
    assert_eq!(outcome(&world, HANOI).await, RECEIVED);
    assert_eq!(name_in(&world.content(HANOI, &mine).await), CHILD, "its end ends nothing of mine");
    world.accept(VWU, &mine).await.unwrap();
    world.settle().await;
    assert_eq!(name_in(&world.content(VWU, &mine).await), CHILD);
}

#[tokio::test]
async fn a_peer_that_counts_a_transfer_as_something_else_is_refused() {
    let mut world = World::open().await;
    // An older version says no kind.
    for (n, (kind, expected)) in (3..).zip([("NOTIFICATION", INVALID), ("TRANSFER", RECEIVED), ("", RECEIVED)]) {
        let uid = Uuid::from_u128(n << 70);
        let ids = Ids { case: uid, referral: uid, branch: uid };
        let (opening, parts) = forged(&world, ids, "vwu/desk", "hanoi/cua-nam");
        send_as(&world, (VWU, HANOI), opening, parts, kind).await;
        world.settle().await;
        assert_eq!(outcome(&world, HANOI).await, expected, "{kind}");
    }
}

#[tokio::test]
async fn every_message_of_a_branch_is_counted_under_its_kind_on_both_sides() {
    let mut world = World::open().await;
    for (kind, sent, received) in [
        (
            ReferralKind::Transfer,
            "SELECT COUNT(*) FROM sent WHERE kind = 'TRANSFER'",
            "SELECT COUNT(*) FROM received WHERE kind = 'TRANSFER'",
        ),
        (
            ReferralKind::Referral,
            "SELECT COUNT(*) FROM sent WHERE kind = 'REFERRAL'",
            "SELECT COUNT(*) FROM received WHERE kind = 'REFERRAL'",
        ),
    ] {
        let branch = world.refer(kind, consent()).await;
        world.settle().await;
        if kind == ReferralKind::Referral {
            world.accept(HANOI, &branch).await.unwrap();
            world.settle().await;
        }
        let counted = (world.count(MOH, sent).await, world.count(HANOI, received).await);
        assert!(counted.0 > 0 && counted.0 == counted.1, "{kind:?}: {counted:?}");
        if kind == ReferralKind::Referral {
            assert!(world.count(HANOI, sent).await > 0 && world.count(MOH, received).await > 0, "the answers too");
        }
    }
    let other = "SELECT COUNT(*) FROM sent WHERE contract <> 'nhipcau.referral.v1' OR kind = ''";
    assert_eq!((world.count(MOH, other).await, world.count(HANOI, other).await), (0, 0));
}

#[tokio::test]
async fn a_request_id_whose_case_was_erased_answers_for_nothing_else() {
    let mut world = World::open().await;
    let first = world.refer(ReferralKind::Referral, consent()).await;
    let second = world.refer(ReferralKind::Referral, consent()).await;
    world.settle().await;
    let rejection = pb::RejectBranchRequest {
        request_id: request_id(),
        name: first.clone(),
        etag: world.branch(HANOI, &first).await.etag,
        acting_person: "cb-17".into(),
        validate_only: false,
        code: pb::RejectionCode::NoCapacity.into(),
    };
    let door = &world.nodes[HANOI].door;
    door.reject_branch(call(rejection.clone(), "hanoi")).await.unwrap();
    world.settle().await;
    let door = &world.nodes[HANOI].door;
    let again = door.reject_branch(call(rejection.clone(), "hanoi")).await.unwrap().into_inner();
    assert!(again.replayed, "the same request is still the same");
    let etag = world.branch(HANOI, &second).await.etag;
    let other = pb::RejectBranchRequest { name: second.clone(), etag, ..rejection };
    let reused = door.reject_branch(call(other, "hanoi")).await.unwrap_err();
    assert_eq!(refusal(&reused), (Code::AlreadyExists, reason::REQUEST_ID_REUSED.into()), "not a false 'done'");
}

#[tokio::test]
async fn who_consented_and_is_then_suspected_ends_disclosure_on_that_consent() {
    let mut world = World::open().await;
    for kind in [ReferralKind::Transfer, ReferralKind::Referral] {
        let branch = world.refer(kind, consent()).await;
        world.settle().await;
        if kind == ReferralKind::Referral {
            world.accept(HANOI, &branch).await.unwrap();
            world.settle().await;
        }
        let mut narrative = content().narrative.unwrap();
        narrative.suspects = vec![pb::ConsentGiver::Mother.into()];
        let given = pb::ReferralContent { narrative: Some(narrative), ..Default::default() };
        let refused = world.disclose(MOH, &branch, Some(given), None).await.unwrap_err();
        assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::BASIS_SUSPECT_ASKED.into()), "{kind:?}");
    }
}

#[tokio::test]
async fn what_an_emergency_told_of_the_one_who_consented_keeps_the_rest_from_being_assigned() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, consent()).await;
    world.settle().await;
    let mut narrative = content().narrative.unwrap();
    narrative.suspects = vec![pb::ConsentGiver::Mother.into()];
    let given = pb::ReferralContent { narrative: Some(narrative), ..Default::default() };
    let danger = pb::VitalInterest { citation: "Law art. 1".into(), danger: 1 };
    world.disclose(MOH, &branch, Some(given), Some(danger)).await.unwrap();
    world.settle().await;
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert!(world.content(HANOI, &branch).await.identity.is_none(), "the consent does not carry it any more");
}

#[tokio::test]
async fn consent_that_ended_meanwhile_discloses_nothing_to_who_accepts() {
    let mut world = World::open().await;
    let mut basis = consent();
    basis.consent.as_mut().unwrap().expire_time =
        Some(prost_types::Timestamp { seconds: world.now().as_second() + 3_600, nanos: 0 });
    let branch = world.refer(ReferralKind::Referral, basis).await;
    world.settle().await;
    world.pass(jiff::SignedDuration::from_hours(2));
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2]);
    let shown = world.content(HANOI, &branch).await;
    assert!(shown.identity.is_none() && shown.narrative.is_none());
}

#[tokio::test]
async fn a_party_of_the_same_access_point_reaches_nothing_of_its_neighbour() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    let request = submission(ReferralKind::Referral, "hanoi/ba-dinh", &["vwu/desk"]);
    let opened = world.submit(HANOI, &request).await.remove(0);
    world.settle().await;
    let case = world.get(HANOI, &referral_of(&branch)).await.unwrap().case_uid;
    let door = &world.nodes[HANOI].door;
    let denied = (Code::PermissionDenied, reason::ACCESS_DENIED.to_owned());
    let etag = world.branch(HANOI, &branch).await.etag;
    for view in [pb::ReferralView::Basic, pb::ReferralView::Full] {
        let name = referral_of(&branch);
        let acting_person = "cb-17".into();
        let request = pb::GetReferralRequest { name, view: view.into(), acting_person, ..Default::default() };
        assert_eq!(refusal(&door.get_referral(call(request, GUEST)).await.unwrap_err()), denied);
    }
    let decision = pb::AcknowledgeBranchRequest {
        request_id: request_id(),
        name: branch.clone(),
        etag,
        acting_person: "cb-17".into(),
        validate_only: true,
    };
    assert_eq!(refusal(&door.acknowledge_branch(call(decision, GUEST)).await.unwrap_err()), denied);
    let etag = world.branch(HANOI, &opened).await.etag;
    let close = pb::CloseBranchRequest {
        request_id: request_id(),
        name: opened.clone(),
        etag,
        acting_person: "cb-17".into(),
        validate_only: true,
    };
    assert_eq!(refusal(&door.close_branch(call(close, GUEST)).await.unwrap_err()), denied);
    let join = pb::SubmitReferralRequest {
        case_uid: case.clone(),
        validate_only: true,
        ..submission(ReferralKind::Referral, "dolisa/desk", &["vwu/desk"])
    };
    assert_eq!(refusal(&door.submit_referral(call(join, GUEST)).await.unwrap_err()), denied);
    let list = |parent: &str, case_uid: String, page_token: String| pb::ListReferralsRequest {
        parent: format!("parties/{parent}"),
        case_uid,
        page_size: 1,
        page_token,
        ..Default::default()
    };
    let own = door.list_referrals(call(list(GUEST, case, String::new()), GUEST)).await.unwrap().into_inner();
    assert!(own.referrals.is_empty() && own.next_page_token.is_empty());
    let page = list("hanoi", String::new(), String::new());
    let token = door.list_referrals(call(page, "hanoi")).await.unwrap().into_inner().next_page_token;
    assert!(!token.is_empty());
    let foreign = door.list_referrals(call(list(GUEST, String::new(), token), GUEST)).await.unwrap_err();
    assert_eq!(refusal(&foreign), (Code::InvalidArgument, reason::PAGE_TOKEN_INVALID.into()));
    let watch = pb::WatchReferralsRequest { parent: "parties/hanoi".into(), ..Default::default() };
    assert_eq!(refusal(&door.watch_referrals(call(watch, GUEST)).await.err().unwrap()), denied);
}

#[tokio::test]
async fn the_end_of_a_guests_branch_erases_nothing_of_the_host_in_the_same_case() {
    let mut world = World::open().await;
    let first = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let case = world.get(MOH, &referral_of(&first)).await.unwrap().case_uid;
    let request =
        pb::SubmitReferralRequest { case_uid: case, ..submission(ReferralKind::Transfer, "moh/111", &["dolisa/desk"]) };
    let second = world.submit(MOH, &request).await.remove(0);
    world.settle().await;
    world.recall(MOH, &second).await.unwrap();
    world.settle().await;
    assert_eq!(name_in(&world.content(HANOI, &first).await), CHILD);
    // And after everything of the case was erased, it may begin again.
    world.recall(MOH, &first).await.unwrap();
    world.settle().await;
    let request = pb::SubmitReferralRequest {
        case_uid: world.get(MOH, &referral_of(&first)).await.unwrap().case_uid,
        ..submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"])
    };
    let third = world.submit(MOH, &request).await.remove(0);
    world.settle().await;
    assert_eq!(name_in(&world.content(HANOI, &third).await), CHILD);
}

#[tokio::test]
async fn a_referral_to_oneself_is_like_any_other() {
    let mut world = World::open().await;
    let request = submission(ReferralKind::Referral, "moh/111", &["moh/111", "hanoi/ba-dinh"]);
    let branches = world.submit(MOH, &request).await;
    world.settle().await;
    world.accept(MOH, &branches[0]).await.unwrap();
    world.settle().await;
    assert_eq!(world.state(MOH, &branches[0]).await, BranchState::Assigned);
    assert_eq!(world.state(HANOI, &branches[1]).await, BranchState::Relieved);
    world.recall(MOH, &branches[0]).await.unwrap();
    world.settle().await;
    assert_eq!(name_in(&world.content(MOH, &branches[0]).await), CHILD, "the origin keeps its case");
}

#[tokio::test]
async fn uids_of_nothing_and_times_that_no_contract_has_are_refused() {
    let mut world = World::open().await;
    let ids = |case: u128, referral: u128, branch: u128| Ids {
        case: Uuid::from_u128(case),
        referral: Uuid::from_u128(referral),
        branch: Uuid::from_u128(branch),
    };
    for ids in [ids(1, 0, 3), ids(1, 2, 0)] {
        let (opening, parts) = forged(&world, ids, "vwu/desk", "hanoi/ba-dinh");
        send(&world, (VWU, HANOI), opening, parts).await;
        world.settle().await;
        assert_eq!(outcome(&world, HANOI).await, INVALID, "{ids:?}");
    }
    for time in [jiff::Timestamp::MIN, jiff::Timestamp::new(-62_135_596_801, 0).unwrap()] {
        let (opening, parts) = forged(&world, ids(1, 2, 3), "vwu/desk", "hanoi/ba-dinh");
        send(&world, (VWU, HANOI), Draft { time, ..opening }, parts).await;
        world.settle().await;
        assert_eq!(outcome(&world, HANOI).await, INVALID, "before the year 1");
    }
    let (opening, parts) = forged(&world, ids(1, 2, 3), "vwu/desk", "hanoi/ba-dinh");
    send(&world, (VWU, HANOI), Draft { ordinal: u64::MAX, ..opening }, parts).await;
    world.settle().await;
    assert_ne!(outcome(&world, HANOI).await, RECEIVED);
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM referral_branch").await, 0);
}

#[tokio::test]
async fn nobody_speaks_for_a_unit_that_another_access_point_serves() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, duty()).await;
    world.settle().await;
    let case = uid(&world.get(MOH, &referral_of(&branch)).await.unwrap().case_uid);
    let ids = Ids { case, referral: uid(&referral_of(&branch)), branch: uid(&branch) };
    let (opening, _) = forged(&world, ids, "vwu/desk", "moh/111");
    let accepted =
        Draft { side: Side::Recipient, basis: None, parts: Vec::new(), body: Body::Accepted, ..opening.clone() };
    send(&world, (VWU, MOH), accepted, Vec::new()).await;
    world.settle().await;
    assert_ne!(outcome(&world, MOH).await, RECEIVED);
    assert_eq!(world.state(MOH, &branch).await, BranchState::Received);
    // Nor does the origin's word come from somebody else.
    let closed = Draft { ordinal: 2, basis: None, parts: Vec::new(), body: Body::Relieved, ..opening };
    let closed = Draft { counterpart: unit_ref("hanoi/ba-dinh"), ..closed };
    send(&world, (VWU, HANOI), closed, Vec::new()).await;
    world.settle().await;
    assert_ne!(outcome(&world, HANOI).await, RECEIVED);
    assert_eq!(world.state(HANOI, &branch).await, BranchState::Received);
}

#[tokio::test]
async fn a_referral_of_a_peer_has_no_more_branches_than_can_be_shown() {
    const MOST: u128 = 64;
    let mut world = World::open().await;
    let ids = |branch| Ids { case: Uuid::from_u128(1), referral: Uuid::from_u128(2), branch: Uuid::from_u128(branch) };
    for branch in 1..=MOST + 1 {
        let (opening, mut parts) = forged(&world, ids(branch), "vwu/desk", "hanoi/ba-dinh");
        parts.truncate(1);
        let opening = Draft { parts: opening.parts[..1].to_vec(), ..opening };
        send(&world, (VWU, HANOI), opening, parts).await;
    }
    world.settle().await;
    let held = world.count(HANOI, "SELECT COUNT(*) FROM referral_branch").await;
    assert_eq!(u128::try_from(held), Ok(MOST));
    assert_eq!(outcome(&world, HANOI).await, WRONG_STATE);
}

#[tokio::test]
async fn signs_that_steer_a_terminal_or_turn_the_text_round_are_refused() {
    let world = World::open().await;
    for sign in ['\u{1b}', '\0', '\u{9b}', '\u{202e}', '\u{2066}', '\u{7f}'] {
        let mut basis = duty();
        basis.statutory_duty.as_mut().unwrap().citation = format!("art. 26{sign}[2J");
        let request = pb::SubmitReferralRequest {
            lawful_basis: Some(basis),
            ..submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"])
        };
        let refused = world.try_submit(MOH, &request).await.unwrap_err();
        assert_eq!(refusal(&refused).1, reason::REQUEST_INVALID, "{sign:?}");
    }
    let mut request = submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"]);
    request.content.as_mut().unwrap().narrative.as_mut().unwrap().notes = "một\n\thai\r\n".into();
    world.try_submit(MOH, &request).await.unwrap();
}

#[tokio::test]
async fn the_most_that_a_content_may_say_can_be_sent() {
    let mut world = World::open().await;
    let most = |length: usize| Some(pb::KnownText { value: "\u{20bb7}".repeat(length), unknown: 0 });
    let mut request = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh"]);
    let given = request.content.as_mut().unwrap();
    let narrative = given.narrative.as_mut().unwrap();
    for text in [
        &mut narrative.incident_place,
        &mut narrative.incident_time_text,
        &mut narrative.condition,
        &mut narrative.likely_consequences,
        &mut narrative.family_circumstances,
        &mut narrative.actions_taken,
        &mut narrative.request_reason,
    ] {
        *text = most(2_000);
    }
    narrative.notes = "\u{20bb7}".repeat(4_000);
    let identity = given.identity.as_mut().unwrap();
    identity.full_name = most(2_000);
    identity.home_address = most(2_000);
    let relative = pb::Relative { full_name: most(2_000), occupation: most(2_000), ..Default::default() };
    identity.mother = Some(relative.clone());
    identity.father = Some(relative.clone());
    identity.carer = Some(relative);
    let branch = world.submit(MOH, &request).await.remove(0);
    world.settle().await;
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2]);
}
