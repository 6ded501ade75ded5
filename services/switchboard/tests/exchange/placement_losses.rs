//! Placement enquiries while processes end, messages come twice or in another order, stores are put back, and others
//! lie.

use nhipcau_domain::{
    id::{Purpose, SystemId, UnitId},
    placement::{Answer, Body, Draft as Entry, Event},
    referral::{Actor, PersonRef, UnitRef},
};
use nhipcau_messaging::{
    message::{Address, Cause, Draft, Header, Lane, Recipient},
    pae,
};
use nhipcau_proto::placement::v1::{PlacementAnswer as A, PlacementState as S};
use nhipcau_switchboard::placement;
use uuid::Uuid;

use crate::{deeds::*, placements::*, world::*};

#[tokio::test]
async fn a_crash_at_any_moment_loses_no_word_of_either_side() {
    let mut world = World::open().await;
    let request = asking();
    let asked = world.try_ask(&request).await.unwrap().placement.unwrap();
    world.crash(MOH);
    assert!(world.try_ask(&request).await.unwrap().replayed, "whoever does not learn the answer asks again");
    world.settle_slowly().await;
    world.reply(&asked, A::Yes, Some(5)).await.unwrap();
    world.crash(HANOI);
    world.silent = vec![MOH];
    world.settle().await;
    assert_eq!(world.stands(&asked).await, [S::Asked, S::Held]);
    world.silent.clear();
    world.settle_slowly().await;
    assert_eq!(world.stands(&asked).await, [S::Held, S::Held]);
    world.confirm(&world.placement(MOH, &asked).await.unwrap()).await.unwrap();
    world.crash(MOH);
    world.settle_slowly().await;
    assert_eq!(world.stands(&asked).await, [S::Confirmed, S::Confirmed]);
    assert!(!world.placement(MOH, &asked).await.unwrap().under_way);
}

#[tokio::test]
async fn what_comes_twice_and_the_last_first_ends_the_same() {
    let mut world = World::open().await;
    world.disorder = true;
    let asked = world.ask().await;
    world.reply(&asked, A::CallMe, None).await.unwrap();
    world.reply(&asked, A::Yes, Some(5)).await.unwrap();
    world.settle_slowly().await;
    assert_eq!(world.stands(&asked).await, [S::Held, S::Held]);
    assert_eq!(world.count(MOH, "SELECT COUNT(*) FROM switchboard_placement_event").await, 3);
}

#[tokio::test]
async fn an_older_store_that_is_put_back_learns_again_what_its_side_has_said() {
    // The asker's, from before it asked.
    let mut world = World::open().await;
    let copy = world.copy(MOH);
    world.settle().await;
    let asked = world.ask().await;
    world.reply(&asked, A::Yes, Some(5)).await.unwrap();
    world.settle().await;
    world.confirm(&world.placement(MOH, &asked).await.unwrap()).await.unwrap();
    world.settle().await;
    world.put_back(MOH, &copy);
    world.settle_slowly().await;
    assert_eq!(world.stands(&asked).await, [S::Confirmed, S::Confirmed]);
    assert_eq!(world.need(MOH, &asked).await, asking().need);
    // The desk's, from before it said no: what is said now in its place gives way.
    let mut world = World::open().await;
    let asked = world.ask().await;
    let copy = world.copy(HANOI);
    world.settle().await;
    world.reply(&asked, A::No, None).await.unwrap();
    world.settle().await;
    world.put_back(HANOI, &copy);
    world.reply(&asked, A::Yes, Some(5)).await.unwrap();
    world.settle_slowly().await;
    assert_eq!(world.stands(&asked).await, [S::Refused, S::Refused]);
}

/// An event that the other side's access point sends without its service.
async fn forged(world: &World, node: usize, entry: Entry, need: Option<Vec<u8>>) {
    let to = [MOH, HANOI][1 - node];
    let (event, bytes) = Event::write(entry);
    let digest = pae::sha256(&pae::pae(&[b"nhipcau/1/placement-thread", event.placement.as_bytes()]));
    let address = |unit: &UnitRef| Address { party: unit.party.clone(), unit: Some(unit.unit.clone()) };
    let draft = Draft {
        header: Header {
            message: "nhipcau.placement.v1.PlacementEvent".into(),
            contract: nhipcau_domain::id::ContractId::new(placement::CONTRACT).unwrap(),
            contract_minor: 0,
            sender: address(&event.owner),
            recipient: Some(address(&event.counterpart)),
            purpose: Purpose::new(PURPOSE).unwrap(),
            legal_basis: String::new(),
            correlation: Some(
                uuid::Builder::from_custom_bytes(digest[..16].try_into().unwrap()).into_uuid().into_bytes(),
            ),
            kind: String::new(),
            corrected: None,
            traceparent: String::new(),
            blobs: Vec::new(),
        },
        recipient: Recipient::One(point(NAMES[to])),
        lane: Lane::Messages,
        parts: [Some(bytes), need].into_iter().flatten().collect(),
        cause: Cause::Request { system: SystemId::new("forger").unwrap(), request_id: request_id() },
        ordinal: 0,
    };
    // Its own service sends only what stands in a log, so that this does, under no side that there is.
    let stand = "INSERT INTO switchboard_placement_event (placement, holder, side, ordinal, bytes, message, store_time) \
                 VALUES ($1, 99, 99, (SELECT COUNT(*) FROM switchboard_placement_event), $2, $3, 0)";
    let placement = event.placement;
    let write = move |tx: &mut nhipcau_messaging::store::Tx<'_>,
                      submitter: &mut nhipcau_messaging::writer::Submitter<'_>,
                      _| {
        let id = submitter.submit(draft, tx).unwrap();
        let row = [placement.as_bytes().into(), (&[] as &[u8]).into(), (&id.0).into()];
        tx.execute(stand, &row).map(drop)
    };
    world.nodes[node].handle().call(write).await.unwrap();
}

fn unit(party_name: &str, unit: &str) -> UnitRef {
    UnitRef { party: party(party_name), unit: UnitId::new(unit).unwrap() }
}

#[tokio::test]
async fn no_lie_of_the_other_side_becomes_a_hold_a_confirmation_or_an_enquiry() {
    let mut world = World::open().await;
    let asked = world.ask().await;
    let now = jiff::Timestamp::from_second(world.seconds()).unwrap();
    let person = Some(PersonRef::new("cb-9").unwrap());
    let by_person = Actor { system: SystemId::new("forger").unwrap(), person };
    let by_machine = Actor { person: None, ..by_person.clone() };
    let entry = |owner, counterpart, body, actor| Entry {
        placement: Uuid::try_parse(&asked.uid).unwrap(),
        owner,
        counterpart,
        ordinal: 1,
        seen: None,
        time: now,
        actor,
        body,
    };
    let (moh, desk) = (unit("moh", "111"), unit("hanoi", "health"));
    let yes = |hours| Body::Answered(Answer::Yes { until: now + jiff::SignedDuration::from_hours(hours) });
    for (body, actor, by) in
        [(yes(1), &by_machine, &desk), (yes(48), &by_person, &desk), (yes(1), &by_person, &unit("hanoi", "ba-dinh"))]
    {
        forged(&world, HANOI, entry(by.clone(), moh.clone(), body, actor.clone()), None).await;
        world.settle_slowly().await;
        assert_eq!(world.placement(MOH, &asked).await.unwrap().state(), S::Asked);
    }
    let confirmed = Body::Confirmed { referral: Uuid::from_u128(9) };
    let lie = Entry { ordinal: 2, ..entry(moh.clone(), desk.clone(), confirmed, by_person.clone()) };
    forged(&world, MOH, lie, None).await;
    let other = Uuid::from_u128(77);
    let bare = Entry { placement: other, ..entry(moh, desk, Body::Asked { from: None }, by_person) };
    forged(&world, MOH, bare.clone(), None).await;
    forged(&world, MOH, bare, Some(b"no need".to_vec())).await;
    world.settle_slowly().await;
    assert_eq!(world.placement(HANOI, &asked).await.unwrap().state(), S::Asked);
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM switchboard_placement").await, 1);
}

/// What a person says in a log, first and at a time.
fn said(placement: Uuid, (owner, counterpart): (UnitRef, UnitRef), body: Body, time: jiff::Timestamp) -> Entry {
    let actor = Actor { system: SystemId::new("forger").unwrap(), person: Some(PersonRef::new("cb-9").unwrap()) };
    Entry { placement, owner, counterpart, ordinal: 1, seen: None, time, actor, body }
}

#[tokio::test]
async fn no_clock_of_the_other_side_has_a_row_forgotten_early_or_hides_how_often_it_asks() {
    let mut world = World::open().await;
    let long_ago: jiff::Timestamp = "2000-01-01T00:00:00Z".parse().unwrap();
    let (moh, desk) = (unit("moh", "111"), unit("hanoi", "health"));
    let asked = world.ask().await;
    let no = Body::Answered(Answer::No { code: nhipcau_domain::referral::Rejection::NoCapacity });
    let placement = Uuid::try_parse(&asked.uid).unwrap();
    forged(&world, HANOI, said(placement, (desk.clone(), moh.clone()), no, long_ago), None).await;
    let need = prost::Message::encode_to_vec(&asking().need.unwrap());
    for number in 1..=20 {
        let body = Body::Asked { from: None };
        let entry = said(Uuid::from_u128(number), (moh.clone(), desk.clone()), body, long_ago);
        forged(&world, MOH, entry, Some(need.clone())).await;
    }
    world.settle_slowly().await;
    world.pass(jiff::SignedDuration::from_mins(2));
    world.settle_slowly().await;
    assert_eq!(world.placement(MOH, &asked).await.unwrap().state(), S::Refused, "the asker keeps its own");
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM switchboard_placement").await, 21);
    let next = world.ask().await;
    assert!(world.placement(HANOI, &next).await.unwrap().over_limit);
}

#[tokio::test]
async fn whoever_was_asked_makes_no_enquiry_of_its_own_under_the_same_uid() {
    let mut world = World::open().await;
    let asked = world.ask().await;
    let sides = (unit("hanoi", "health"), unit("moh", "111"));
    let placement = Uuid::try_parse(&asked.uid).unwrap();
    let now = jiff::Timestamp::from_second(world.seconds()).unwrap();
    let need = prost::Message::encode_to_vec(&asking().need.unwrap());
    let back = now - jiff::SignedDuration::from_hours(40 * 24);
    forged(&world, HANOI, said(placement, sides, Body::Asked { from: None }, back), Some(need)).await;
    world.settle_slowly().await;
    let ours = world.placement(MOH, &asked).await.unwrap();
    assert_eq!((ours.side, ours.state(), ours.origin), (asked.side, S::Asked, asking().origin));
    assert_eq!(world.count(MOH, "SELECT COUNT(*) FROM switchboard_placement").await, 1);
    assert_eq!(world.need(MOH, &asked).await, asking().need);
}

#[tokio::test]
async fn a_request_id_stands_for_no_other_question_after_its_store_was_put_back() {
    let mut world = World::open().await;
    let copy = world.copy(MOH);
    world.settle().await;
    let request = asking();
    let asked = world.try_ask(&request).await.unwrap().placement.unwrap();
    world.settle().await;
    world.put_back(MOH, &copy);
    world.settle_slowly().await;
    let mut other = request.clone();
    other.need.as_mut().unwrap().persons[0].count = 2;
    assert_eq!(refusal(&world.try_ask(&other).await.unwrap_err()).1, nhipcau_domain::reason::REQUEST_ID_REUSED);
    assert_eq!(world.try_ask(&request).await.unwrap().placement.unwrap().uid, asked.uid);
}
