//! A unit asks an intake desk whether somebody can be taken in: what each side sees and may do.

use jiff::SignedDuration;
use nhipcau_domain::{placement::MOST_AN_HOUR, reason};
use nhipcau_proto::{
    placement::v1::{
        self as pb, PlacementAnswer as A, PlacementState as S, placement_service_server::PlacementService as _,
    },
    referral::v1 as referral,
};
use nhipcau_runtime::caller::Role;
use nhipcau_switchboard::verify_access;
use tonic::Code;

use crate::{deeds::*, placements::*, world::*};

const ROWS: &str = "SELECT COUNT(*) FROM switchboard_placement";
const EVENTS: &str = "SELECT COUNT(*) FROM switchboard_placement_event";
const WORDS: &str = "SELECT (SELECT COUNT(*) FROM switchboard_word) + (SELECT COUNT(*) FROM switchboard_word_notice)";

#[tokio::test]
async fn a_desk_holds_until_its_time_and_knows_for_which_referral() {
    let mut world = World::open().await;
    let asked = world.ask().await;
    assert_eq!(world.stands(&asked).await, [S::Asked, S::Asked]);
    let theirs = world.placement(HANOI, &asked).await.unwrap();
    assert!(theirs.need.is_none() && !theirs.over_limit);
    assert_eq!(world.need(HANOI, &asked).await, asking().need);
    let records = world.nodes[HANOI].readers.read(|tx| verify_access(&point("hanoi"), tx)).await.unwrap().records;
    assert_eq!(records, 1, "who reads leaves a record");
    let held = world.reply(&asked, A::Yes, Some(2)).await.unwrap();
    assert_eq!((held.state(), held.hold_until_time.unwrap().seconds), (S::Held, world.seconds() + 7_200));
    world.settle().await;
    let ours = world.placement(MOH, &asked).await.unwrap();
    assert_eq!((ours.state(), ours.hold_until_time), (S::Held, held.hold_until_time));
    world.confirm(&ours).await.unwrap();
    world.settle().await;
    let theirs = world.placement(HANOI, &asked).await.unwrap();
    assert_eq!((theirs.state(), theirs.referral_uid.as_str(), theirs.late), (S::Confirmed, REFERRAL, false));
    world.pass(SignedDuration::from_hours(3));
    assert_eq!(world.stands(&asked).await, [S::Confirmed, S::Confirmed], "what is confirmed does not run out");
    world.release(&world.placement(MOH, &asked).await.unwrap()).await.unwrap();
    world.settle().await;
    assert_eq!(world.stands(&asked).await, [S::Released, S::Released]);
}

#[tokio::test]
async fn a_hold_and_an_enquiry_run_out_by_themselves_and_at_both_sides_alike() {
    let mut world = World::open().await;
    let (one, two) = (world.ask().await, world.ask().await);
    world.reply(&one, A::Yes, Some(1)).await.unwrap();
    world.settle().await;
    // Nothing is sent for it, and nobody has to be awake.
    world.silent = vec![MOH, HANOI];
    world.pass(SignedDuration::from_hours(2));
    assert_eq!(world.stands(&one).await, [S::Expired, S::Expired]);
    let ours = world.placement(MOH, &one).await.unwrap();
    assert_eq!(refusal(&world.confirm(&ours).await.unwrap_err()).1, reason::WRONG_STATE);
    world.pass(SignedDuration::from_hours(23));
    assert_eq!(world.stands(&two).await, [S::Expired, S::Expired]);
    assert_eq!(refusal(&world.reply(&two, A::Yes, Some(1)).await.unwrap_err()).1, reason::WRONG_STATE);
}

#[tokio::test]
async fn a_confirmation_that_comes_after_the_hold_is_shown_as_late_at_the_desk() {
    let mut world = World::open().await;
    let asked = world.ask().await;
    world.reply(&asked, A::Yes, Some(1)).await.unwrap();
    world.settle().await;
    world.confirm(&world.placement(MOH, &asked).await.unwrap()).await.unwrap();
    world.pass(SignedDuration::from_hours(2));
    assert_eq!(world.stands(&asked).await, [S::Confirmed, S::Expired]);
    world.settle_slowly().await;
    let theirs = world.placement(HANOI, &asked).await.unwrap();
    assert_eq!((theirs.state(), theirs.late), (S::Confirmed, true), "both sides say the same, and the desk looks");
    assert!(!world.placement(MOH, &asked).await.unwrap().late);
}

#[tokio::test]
async fn a_no_and_a_wish_to_be_called_have_the_shape_of_a_yes_on_the_wire() {
    let mut world = World::open().await;
    let mut sizes = Vec::new();
    for (answer, hours, state) in
        [(A::Yes, Some(2), S::Held), (A::No, None, S::Refused), (A::CallMe, None, S::CallWanted)]
    {
        let asked = world.ask().await;
        let before = world.count(HANOI, "SELECT COALESCE(MAX(sequence), 0) FROM sent").await;
        let answered = world.reply(&asked, answer, hours).await.unwrap();
        assert_eq!(answered.state(), state);
        world.settle().await;
        assert_eq!(world.count(HANOI, "SELECT MAX(sequence) FROM sent").await, before + 1, "one message");
        let size = "SELECT LENGTH(envelope) FROM sent WHERE sequence = (SELECT MAX(sequence) FROM sent)";
        sizes.push(world.count(HANOI, size).await);
        assert_eq!(world.stands(&asked).await, [state, state]);
    }
    let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
    // What differs are numbers of the routing part.
    assert!(most - least < 16, "{sizes:?}");
}

#[tokio::test]
async fn who_wants_to_be_called_still_says_yes_and_a_withdrawal_wins_over_that() {
    let mut world = World::open().await;
    let asked = world.ask().await;
    world.reply(&asked, A::CallMe, None).await.unwrap();
    world.settle().await;
    assert_eq!(world.stands(&asked).await, [S::CallWanted, S::CallWanted]);
    world.reply(&asked, A::Yes, Some(2)).await.unwrap();
    world.withdraw_placement(&world.placement(MOH, &asked).await.unwrap()).await.unwrap();
    assert_eq!(world.stands(&asked).await, [S::Withdrawn, S::Held]);
    world.settle().await;
    assert_eq!(world.stands(&asked).await, [S::Withdrawn, S::Withdrawn]);
}

#[tokio::test]
async fn whoever_asks_too_often_is_answered_only_by_a_person_who_has_seen_that() {
    let mut world = World::open().await;
    let mut asked = Vec::new();
    for _ in 0..=MOST_AN_HOUR {
        asked.push(world.ask().await);
    }
    let [last, before] = [asked.pop().unwrap(), asked.pop().unwrap()];
    assert!(!world.placement(HANOI, &before).await.unwrap().over_limit);
    let theirs = world.placement(HANOI, &last).await.unwrap();
    assert!(theirs.over_limit && !world.placement(MOH, &last).await.unwrap().over_limit, "the asker learns nothing");
    let request = answering(&theirs, A::No, None);
    assert_eq!(refusal(&world.try_answer(request.clone()).await.unwrap_err()).1, reason::PLACEMENT_LIMIT);
    let seen = pb::AnswerPlacementRequest { despite_limit: true, request_id: request_id(), ..request };
    assert_eq!(world.try_answer(seen).await.unwrap().state(), S::Refused);
    world.pass(SignedDuration::from_hours(1));
    let later = world.ask().await;
    assert!(!world.placement(HANOI, &later).await.unwrap().over_limit);
}

#[tokio::test]
async fn what_the_rules_and_the_directory_do_not_allow_is_refused() {
    let mut world = World::open().await;
    let valid = asking();
    let unit = |party: &str, unit: &str| Some(referral::UnitRef { party: party.into(), unit: unit.into() });
    let past = Some(prost_types::Timestamp { seconds: world.seconds() - 60, nanos: 0 });
    let need = |count| {
        let mut need = asking().need.unwrap();
        need.persons[0].count = count;
        Some(need)
    };
    for (request, expected) in [
        (pb::AskPlacementRequest { recipient: unit("hanoi", "nobody"), ..valid.clone() }, reason::NOT_HOSTED),
        (pb::AskPlacementRequest { purpose: "other".into(), ..valid.clone() }, reason::NOT_AGREED),
        (pb::AskPlacementRequest { origin: unit("hanoi", "health"), ..valid.clone() }, reason::ACCESS_DENIED),
        (pb::AskPlacementRequest { from_time: past, ..valid.clone() }, reason::PLACEMENT_TIME_INVALID),
        (pb::AskPlacementRequest { need: need(21), ..valid.clone() }, reason::REQUEST_INVALID),
        (pb::AskPlacementRequest { need: Some(Default::default()), ..valid.clone() }, reason::REQUEST_INVALID),
        (pb::AskPlacementRequest { acting_person: String::new(), ..valid.clone() }, reason::REQUEST_INVALID),
    ] {
        let refused = world.try_ask(&pb::AskPlacementRequest { request_id: request_id(), ..request }).await;
        assert_eq!(refusal(&refused.unwrap_err()).1, expected);
    }
    let trial = pb::AskPlacementRequest { validate_only: true, ..valid.clone() };
    assert_eq!(world.try_ask(&trial).await.unwrap().placement, None);
    assert_eq!(world.count(MOH, ROWS).await, 0);
    let first = world.try_ask(&valid).await.unwrap().placement.unwrap();
    let again = world.try_ask(&valid).await.unwrap();
    assert!(again.replayed && again.placement.unwrap().uid == first.uid);
    let other = pb::AskPlacementRequest { need: need(1), ..valid };
    assert_eq!(refusal(&world.try_ask(&other).await.unwrap_err()).1, reason::REQUEST_ID_REUSED);
    world.settle().await;
    assert_eq!(world.count(HANOI, ROWS).await, 1);
    let theirs = world.placement(HANOI, &first).await.unwrap();
    let long = answering(&theirs, A::Yes, Some(world.seconds() + 25 * 3_600));
    assert_eq!(refusal(&world.try_answer(long).await.unwrap_err()).1, reason::PLACEMENT_TIME_INVALID);
    let bare = answering(&theirs, A::Yes, None);
    assert_eq!(refusal(&world.try_answer(bare).await.unwrap_err()).1, reason::REQUEST_INVALID);
    let stale = pb::AnswerPlacementRequest { etag: "9.9".into(), ..answering(&theirs, A::No, None) };
    assert_eq!(refusal(&world.try_answer(stale).await.unwrap_err()), (Code::Aborted, reason::ETAG_STALE.into()));
    assert_eq!(refusal(&world.confirm(&first).await.unwrap_err()).1, reason::WRONG_STATE, "nothing is held");
    assert_eq!(refusal(&world.release(&first).await.unwrap_err()).1, reason::WRONG_STATE);
}

#[tokio::test]
async fn only_the_two_sides_learn_of_an_enquiry_each_does_its_own_and_content_needs_its_role() {
    let mut world = World::open().await;
    let asked = world.ask().await;
    let theirs = world.placement(HANOI, &asked).await.unwrap();
    // The desk's name is not the asker's, and the asker answers nothing.
    let door = &world.nodes[MOH].door;
    let own = answering(&asked, A::No, None);
    assert_eq!(refusal(&door.answer_placement(call(own, "moh")).await.unwrap_err()).1, reason::ACCESS_DENIED);
    let foreign = answering(&theirs, A::No, None);
    assert_eq!(refusal(&door.answer_placement(call(foreign, "moh")).await.unwrap_err()).1, reason::ACCESS_DENIED);
    let get = |view: referral::ReferralView, name: &str| pb::GetPlacementRequest {
        name: name.into(),
        view: view.into(),
        acting_person: "tv-3".into(),
    };
    let full = get(referral::ReferralView::Full, &asked.name);
    let roles = [Role::ReadMetadata, Role::Submit, Role::Decide];
    let refused = door.get_placement(call_as(full, "moh", &roles)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let unknown = asked.name.replace(&asked.uid, REFERRAL);
    let refused = door.get_placement(call(get(referral::ReferralView::Basic, &unknown), "moh")).await.unwrap_err();
    assert_eq!(refusal(&refused).1, reason::ACCESS_DENIED);
    let answer = answering(&theirs, A::No, None);
    let refused = world.nodes[HANOI].door.answer_placement(call_as(answer, "hanoi", &[Role::Submit])).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn pages_of_a_list_neither_repeat_nor_skip_and_a_state_is_that_of_the_moment() {
    let mut world = World::open().await;
    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.push(world.ask().await.uid);
    }
    asked.reverse();
    let list = |page_token: String, states: Vec<i32>| pb::ListPlacementsRequest {
        parent: "parties/moh".into(),
        page_size: 2,
        page_token,
        states,
    };
    let door = &world.nodes[MOH].door;
    let first = door.list_placements(call(list(String::new(), vec![]), "moh")).await.unwrap().into_inner();
    let next = list(first.next_page_token.clone(), vec![]);
    let second = door.list_placements(call(next, "moh")).await.unwrap().into_inner();
    let uids: Vec<_> = first.placements.into_iter().chain(second.placements).map(|it| it.uid).collect();
    assert_eq!((uids, second.next_page_token.as_str()), (asked, ""));
    let other = list(first.next_page_token, vec![S::Asked.into()]);
    let refused = door.list_placements(call(other, "moh")).await.unwrap_err();
    assert_eq!(refusal(&refused).1, reason::PAGE_TOKEN_INVALID);
    world.pass(SignedDuration::from_hours(25));
    let expired = list(String::new(), vec![S::Expired.into()]);
    let found = world.nodes[MOH].door.list_placements(call(expired, "moh")).await.unwrap().into_inner();
    assert_eq!(found.placements.len(), 2);
}

#[tokio::test]
async fn thirty_days_after_its_end_nothing_of_an_enquiry_is_left_on_either_side() {
    let mut world = World::open().await;
    world.rostered((MOH, "111"), 1, (0, &["tv-3"]));
    let asked = world.ask().await;
    world.reply(&asked, A::No, None).await.unwrap();
    world.settle().await;
    assert_eq!(world.count(MOH, WORDS).await, 2);
    world.pass(SignedDuration::from_hours(29 * 24));
    world.settle().await;
    assert_eq!(world.stands(&asked).await, [S::Refused, S::Refused]);
    world.pass(SignedDuration::from_hours(2 * 24));
    world.settle_slowly().await;
    for node in [MOH, HANOI] {
        let left = [world.count(node, ROWS).await, world.count(node, EVENTS).await, world.count(node, WORDS).await];
        assert_eq!(left, [0; 3]);
        assert_eq!(world.placement(node, &asked).await.unwrap_err().code(), Code::PermissionDenied);
    }
}
