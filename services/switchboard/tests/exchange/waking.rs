//! Who is told while an enquiry waits at a desk with a roster, what ends it, and what comes of crashes and floods.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{duty, placement::MOST_AN_HOUR};
use nhipcau_messaging::crypto::sign::SigningKey;
use nhipcau_proto::{
    directory::v1 as directory,
    placement::v1::{PlacementAnswer as A, PlacementState as S},
};
use nhipcau_runtime::{
    notify::{Outbox as _, Pending},
    rosters,
};

use crate::world::*;

/// Where people are reached: nowhere but in the roster.
const ADDRESS: &str = "+84 900 000 017";
const LEFT: &str = "SELECT (SELECT COUNT(*) FROM switchboard_waking) + (SELECT COUNT(*) FROM switchboard_notice)";
const TOLD: &str = "SELECT COUNT(*) FROM switchboard_notice";

impl World {
    /// Has the desk's roster taken: people who are on duty for two days.
    fn roster(&mut self, version: u64, people: &[&str]) {
        self.rostered((HANOI, "health"), version, (0, people));
    }

    /// Has the roster of a unit taken: people who are on duty for two days, so many hours from now on.
    pub(crate) fn rostered(&mut self, (node, unit): (usize, &str), version: u64, (later, people): (i64, &[&str])) {
        let time = |hour: i64| Some(prost_types::Timestamp { seconds: hour * 3_600, nanos: 0 });
        let person = |name: &&str| directory::DutyPerson {
            person: (*name).into(),
            role: "officer".into(),
            channel: "sms".into(),
            address: ADDRESS.into(),
        };
        let hour = self.seconds() / 3_600 + later;
        let shift = directory::Shift {
            start_time: time(hour),
            end_time: time(hour + 48),
            people: people.iter().map(person).collect(),
        };
        let roster = directory::Roster {
            format: 1,
            programme: "test".into(),
            access_point: NAMES[node].into(),
            unit: Some(directory::UnitRef { party: NAMES[node].into(), unit: unit.into() }),
            version,
            signing_key: "s-1".into(),
            shifts: vec![shift],
        };
        let key = SigningKey::from_seed(key_id("s-1"), &seed(NAMES[node], 1)).unwrap();
        let signed = duty::signed(&roster, |kind, bytes| key.sign(kind, &[bytes]));
        let (release, now) = (self.directory(), Timestamp::from_second(self.seconds()).unwrap());
        let by = duty::Reader { access_point: &point(NAMES[node]), release: &release };
        let place = self.duty.path().join(NAMES[node]);
        rosters::install(&place, &signed, by, now).unwrap();
        let (rosters, refused) = rosters::Rosters::load(&place, by, None, now);
        assert!(refused.is_empty(), "{refused:?}");
        self.rosters[node].send_replace(rosters);
    }

    pub(crate) async fn minutes(&mut self, minutes: i64) {
        self.pass(SignedDuration::from_mins(minutes));
        self.settle().await;
    }

    async fn unsent(&self) -> Vec<Pending> {
        self.unsent_at(HANOI).await
    }

    pub(crate) async fn unsent_at(&self, node: usize) -> Vec<Pending> {
        self.notices(node).unsent(None).await.unwrap().pending
    }

    async fn called(&self) -> Vec<String> {
        self.called_at(HANOI).await
    }

    pub(crate) async fn called_at(&self, node: usize) -> Vec<String> {
        self.unsent_at(node).await.into_iter().map(|notice| notice.person.as_str().to_owned()).collect()
    }

    /// What a counter of the desk stands at.
    fn desk_counted(&self, name: &str) -> u64 {
        let counters = self.nodes[HANOI].service.counters().read();
        counters.iter().find(|((counter, _), _)| *counter == name).unwrap().1
    }
}

#[tokio::test]
async fn whoever_is_on_duty_at_the_desk_is_told_and_then_the_next_until_somebody_answers() {
    let mut world = World::open().await;
    world.roster(1, &["cb-17", "cb-18"]);
    let asked = world.ask().await;
    assert_eq!(world.called().await, ["cb-17"]);
    world.minutes(9).await;
    assert_eq!(world.called().await, ["cb-17"], "who was told has ten minutes");
    world.minutes(1).await;
    assert_eq!(world.called().await, ["cb-17", "cb-18"]);
    assert_eq!(world.desk_counted("nhipcau_switchboard_nobody_called_total"), 0);
    world.minutes(11).await;
    assert_eq!(world.called().await, ["cb-17", "cb-18"]);
    assert_eq!(world.desk_counted("nhipcau_switchboard_people_called_total"), 2);
    assert_eq!(
        world.desk_counted("nhipcau_switchboard_nobody_called_total"),
        1,
        "the operator is told that nobody is left"
    );
    assert_eq!(world.stands(&asked).await, [S::Asked, S::Asked], "the desk can answer still");
    world.reply(&asked, A::Yes, Some(2)).await.unwrap();
    assert_eq!(world.called().await, [""; 0], "nobody is told of what waits no more");
    assert_eq!(world.count(HANOI, LEFT).await, 0);
    world.minutes(30).await;
    assert_eq!((world.called().await.len(), world.count(HANOI, LEFT).await), (0, 0), "nor of what is held");
    assert_eq!(world.count(MOH, LEFT).await, 0, "who asks has nobody of its own told that it asked");
    for node in [MOH, HANOI] {
        assert!(!world.has_on_disk(node, ADDRESS), "an address lies in the roster alone");
    }
}

#[tokio::test]
async fn every_answer_a_withdrawal_and_the_end_of_the_enquiry_end_it() {
    for end in [Some(A::Yes), Some(A::No), Some(A::CallMe), None] {
        let mut world = World::open().await;
        world.roster(1, &["cb-17", "cb-18"]);
        let asked = world.ask().await;
        assert_eq!(world.called().await, ["cb-17"]);
        match end {
            Some(answer) => {
                world.reply(&asked, answer, (answer == A::Yes).then_some(2)).await.unwrap();
            }
            None => {
                world.withdraw_placement(&world.placement(MOH, &asked).await.unwrap()).await.unwrap();
                assert_eq!(world.called().await, ["cb-17"], "the desk has not heard yet");
                world.settle().await;
            }
        }
        assert_eq!((world.called().await.len(), world.count(HANOI, LEFT).await), (0, 0), "{end:?}");
        world.minutes(11).await;
        assert_eq!((world.called().await.len(), world.count(HANOI, LEFT).await), (0, 0), "{end:?}");
    }
    let mut world = World::open().await;
    world.roster(1, &["cb-17"]);
    let asked = world.ask().await;
    world.pass(SignedDuration::from_hours(24));
    world.settle_slowly().await;
    assert_eq!(world.stands(&asked).await, [S::Expired, S::Expired]);
    assert_eq!((world.called().await.len(), world.count(HANOI, LEFT).await), (0, 0), "nobody waits for an answer");
}

#[tokio::test]
async fn a_notice_of_an_enquiry_is_never_lost_and_goes_under_one_id() {
    let mut world = World::open().await;
    world.roster(1, &["cb-17", "cb-18"]);
    let copy = world.copy(HANOI);
    world.settle_slowly().await;
    world.ask().await;
    let first = world.unsent().await;
    // Told, and killed before that was marked.
    world.crash(HANOI);
    world.settle_slowly().await;
    assert_eq!(world.unsent().await, first, "told again, under the same id");
    world.notices(HANOI).sent(first[0].id).await.unwrap();
    world.crash(HANOI);
    world.settle_slowly().await;
    assert_eq!(world.unsent().await, [], "exactly once, once that is marked");
    // The store is put back to before anybody asked, and another roster says who is first.
    world.roster(2, &["cb-19", "cb-17"]);
    world.put_back(HANOI, &copy);
    world.settle_slowly().await;
    world.settle_slowly().await;
    assert_eq!(world.called().await, ["cb-19"]);
    world.minutes(10).await;
    assert_eq!(world.unsent().await.get(1), first.first(), "of one enquiry a person is told under one id");
}

#[tokio::test]
async fn a_desk_that_forgot_its_answer_wakes_nobody_before_the_asker_was_heard() {
    let mut world = World::open().await;
    let asked = world.ask().await;
    let copy = world.copy(HANOI);
    world.settle().await;
    world.reply(&asked, A::No, None).await.unwrap();
    world.settle().await;
    world.roster(1, &["cb-17"]);
    world.put_back(HANOI, &copy);
    world.silent = vec![HANOI];
    world.settle().await;
    assert_eq!(world.placement(HANOI, &asked).await.unwrap().state(), S::Asked, "its answer is on its way back");
    world.minutes(1).await;
    assert_eq!(world.called().await, [""; 0]);
    world.silent.clear();
    world.settle_slowly().await;
    assert_eq!(world.stands(&asked).await, [S::Refused, S::Refused]);
    assert_eq!((world.count(HANOI, TOLD).await, world.count(HANOI, LEFT).await), (0, 0));
}

#[tokio::test]
async fn a_desk_without_a_roster_waits_as_ever_and_one_that_comes_wakes_for_what_waits() {
    let mut world = World::open().await;
    world.ask().await;
    world.minutes(60).await;
    assert_eq!(world.called().await, [""; 0]);
    world.roster(1, &["cb-17"]);
    world.settle().await;
    let first = world.unsent().await;
    assert_eq!(world.called().await, ["cb-17"]);
    world.roster(2, &["cb-17", "cb-19"]);
    world.settle().await;
    assert_eq!(world.unsent().await, first, "nobody is told twice");
    world.minutes(10).await;
    assert_eq!(world.called().await, ["cb-17", "cb-19"], "the newest roster says who is next");
    let rosters = world.rosters[HANOI].send_replace(rosters::Rosters::default());
    world.minutes(11).await;
    world.rosters[HANOI].send_replace(rosters);
    world.minutes(11).await;
    assert_eq!(world.called().await, ["cb-17", "cb-19"], "nor when it was gone and comes back");
}

#[tokio::test]
async fn whoever_asks_too_often_has_a_desk_told_no_more_often_than_people_have_time_for() {
    let most = i64::try_from(MOST_AN_HOUR).unwrap();
    let mut world = World::open().await;
    world.roster(1, &["cb-17", "cb-18"]);
    for _ in 0..MOST_AN_HOUR + 5 {
        world.ask().await;
    }
    world.settle_slowly().await;
    assert_eq!(world.count(HANOI, TOLD).await, most, "one of each up to the limit");
    world.minutes(10).await;
    world.settle_slowly().await;
    assert_eq!(world.count(HANOI, TOLD).await, 2 * most);
    world.minutes(10).await;
    world.settle_slowly().await;
    assert_eq!(world.count(HANOI, TOLD).await, 2 * most + 1, "of the others one, when nobody was told just before");
    world.minutes(10).await;
    world.settle_slowly().await;
    assert_eq!(world.count(HANOI, TOLD).await, 2 * most + 2);
}

#[tokio::test]
async fn whoever_asks_too_often_wakes_nobody_more_often_by_taking_back_what_was_asked() {
    let mut world = World::open().await;
    world.roster(1, &["cb-17", "cb-18"]);
    for _ in 0..MOST_AN_HOUR {
        let asked = world.ask().await;
        world.withdraw_placement(&world.placement(MOH, &asked).await.unwrap()).await.unwrap();
        world.settle().await;
    }
    let before = world.desk_counted("nhipcau_switchboard_people_called_total");
    for _ in 0..5 {
        let asked = world.ask().await;
        assert!(world.placement(HANOI, &asked).await.unwrap().over_limit);
        assert_eq!(world.called().await, [""; 0], "somebody there was told just before");
        world.withdraw_placement(&world.placement(MOH, &asked).await.unwrap()).await.unwrap();
        world.settle().await;
    }
    assert_eq!(world.desk_counted("nhipcau_switchboard_people_called_total"), before);
    world.ask().await;
    world.minutes(10).await;
    assert_eq!(world.called().await, ["cb-17"], "and nobody is forgotten");
}
