//! Who is told while something waits at a unit with a roster, and what stands behind them when nobody is left to tell.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::duty;
use nhipcau_messaging::crypto::sign::SigningKey;
use nhipcau_proto::{
    directory::v1 as directory,
    referral::v1::{self as pb, BranchState, ReferralKind},
};
use nhipcau_runtime::{
    notify::{Outbox as _, Pending},
    rosters,
};

use crate::{deeds::*, world::*};

mod put_back;

/// Where people are reached: nowhere but in the roster.
const ADDRESS: &str = "+84 900 000 017";
const NOW: (i64, i64) = (-1, 23);

async fn open() -> World {
    let mut world = World::open().await;
    world
        .amend(|wire| {
            let ward = wire.units.iter_mut().find(|unit| unit.party == "hanoi" && unit.unit == "cua-nam").unwrap();
            ward.parent = "ba-dinh".into();
            let elapsed = prost_types::Duration { seconds: 2 * 3_600, nanos: 0 };
            let after = Some(directory::Span { kind: Some(directory::span::Kind::Elapsed(elapsed)) });
            for rule in &mut wire.time_limits {
                rule.escalation = vec![directory::EscalationStep { after, unit: None }];
            }
        })
        .await;
    world
}

impl World {
    /// Has the ward's roster taken: people who are on duty between two hours from the beginning of these tests on.
    fn roster(&mut self, version: u64, (from, until): (i64, i64), people: &[&str]) {
        let begin: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let time = |hour: i64| Some(prost_types::Timestamp { seconds: begin.as_second() + hour * 3_600, nanos: 0 });
        let person = |name: &&str| directory::DutyPerson {
            person: (*name).into(),
            role: "officer".into(),
            channel: "sms".into(),
            address: ADDRESS.into(),
        };
        let shift = directory::Shift {
            start_time: time(from),
            end_time: time(until),
            people: people.iter().map(person).collect(),
        };
        let roster = directory::Roster {
            format: 1,
            programme: "test".into(),
            access_point: "hanoi".into(),
            unit: Some(directory::UnitRef { party: "hanoi".into(), unit: "cua-nam".into() }),
            version,
            signing_key: "s-1".into(),
            shifts: vec![shift],
        };
        let key = SigningKey::from_seed(key_id("s-1"), &seed("hanoi", 1)).unwrap();
        let signed = duty::signed(&roster, |kind, bytes| key.sign(kind, &[bytes]));
        let release = self.directory();
        let by = duty::Reader { access_point: &"hanoi".parse().unwrap(), release: &release };
        rosters::install(self.duty.path(), &signed, by, self.now()).unwrap();
        let (rosters, refused) = rosters::Rosters::load(self.duty.path(), by, None, self.now());
        assert!(refused.is_empty(), "{refused:?}");
        self.rosters.send_replace(rosters);
    }

    /// Reports of as many children, who wait at the ward.
    async fn many(&mut self, number: usize) {
        for _ in 0..number {
            self.submit(MOH, &submission(ReferralKind::Transfer, "moh/111", &["hanoi/cua-nam"])).await;
        }
        self.settle().await;
    }

    /// Changes a store as no access point would.
    async fn write(&self, node: usize, sql: &'static str) {
        let handle = self.nodes[node].handle();
        handle.call(move |tx, _, _| tx.execute(sql, &[]).map(drop)).await.unwrap();
    }

    async fn minutes(&mut self, minutes: i64) {
        self.pass(SignedDuration::from_mins(minutes));
        self.settle().await;
    }

    async fn unsent(&self) -> Vec<Pending> {
        self.notices(HANOI).unsent(None).await.unwrap().pending
    }

    async fn called(&self) -> Vec<String> {
        self.unsent().await.into_iter().map(|notice| notice.person.as_str().to_owned()).collect()
    }

    async fn report(&mut self, kind: ReferralKind) -> String {
        let branch = self.submit(MOH, &submission(kind, "moh/111", &["hanoi/cua-nam"])).await.remove(0);
        self.settle().await;
        branch
    }

    /// Whether both sides show that nobody at the unit is left to tell.
    async fn both_show_unattended(&self, branch: &str) -> bool {
        let mut shown = Vec::new();
        for node in [MOH, HANOI] {
            shown.push(self.branch(node, branch).await.conditions.contains(&pb::BranchCondition::Unattended.into()));
        }
        assert_eq!(shown[0], shown[1]);
        shown[0]
    }

    /// How often such an event stands in a branch, as its origin has it.
    async fn events(&self, branch: &str, event: &str) -> usize {
        self.branch(MOH, branch).await.history.iter().filter(|entry| entry.event == event).count()
    }

    /// Units that were asked, those that were asked first at the front, with the states of their branches.
    async fn asked_units(&self, branch: &str) -> Vec<(String, BranchState)> {
        let mut branches = self.get(MOH, &referral_of(branch)).await.unwrap().branches;
        branches.sort_by_key(|branch| branch.history[0].event_time.map(|time| (time.seconds, time.nanos)));
        branches.iter().map(|it| (it.recipient.as_ref().unwrap().unit.clone(), it.state())).collect()
    }
}

#[tokio::test]
async fn whoever_is_on_duty_is_told_and_then_the_next_and_the_ladder_stands_behind_them() {
    let mut world = open().await;
    world.roster(1, NOW, &["cb-17", "cb-18"]);
    let branch = world.report(ReferralKind::Transfer).await;
    assert_eq!(world.called().await, ["cb-17"]);
    world.minutes(9).await;
    assert_eq!(world.called().await, ["cb-17"], "who was told has ten minutes");
    world.minutes(1).await;
    assert_eq!(world.called().await, ["cb-17", "cb-18"]);
    world.minutes(9).await;
    assert_eq!(world.asked_units(&branch).await, [("cua-nam".into(), BranchState::Received)]);
    assert!(!world.both_show_unattended(&branch).await, "so has the last of them");
    world.minutes(2).await;
    assert_eq!(world.called().await, ["cb-17", "cb-18"]);
    assert!(world.both_show_unattended(&branch).await);
    let asked = world.asked_units(&branch).await;
    assert_eq!(asked[0], ("cua-nam".into(), BranchState::Received), "nobody ended it");
    assert_eq!((asked.len(), asked[1].0.as_str()), (2, "ba-dinh"), "the origin's ladder, at once");
    world.minutes(60).await;
    assert_eq!(world.events(&branch, "unattended").await, 1, "said once, however often somebody looks");
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.asked_units(&branch).await[0], ("cua-nam".into(), BranchState::Assigned), "it still could");
    assert_eq!(world.called().await, [""; 0], "nobody is told of what waits no more");
    world.minutes(10).await;
    let left = world.count(HANOI, "SELECT COUNT(*) FROM referral_notice").await;
    assert_eq!(left + world.count(HANOI, "SELECT COUNT(*) FROM referral_waking").await, 0);
}

#[tokio::test]
async fn whoever_acknowledged_meanwhile_is_not_told_and_nobody_else_is() {
    let mut world = open().await;
    world.roster(1, NOW, &["cb-17", "cb-18"]);
    let branch = world.report(ReferralKind::Transfer).await;
    assert_eq!(world.called().await, ["cb-17"]);
    world.acknowledge(HANOI, &branch).await.unwrap();
    assert_eq!(world.called().await, [""; 0], "before the notice was sent");
    world.settle().await;
    world.minutes(30).await;
    assert_eq!(world.called().await, [""; 0]);
    assert_eq!(world.asked_units(&branch).await, [("cua-nam".into(), BranchState::Assigned)]);
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM referral_notice").await, 0);
}

#[tokio::test]
async fn a_notice_is_never_lost_and_goes_under_one_id() {
    let mut world = open().await;
    world.roster(1, NOW, &["cb-17", "cb-18"]);
    let copy = world.copy(HANOI);
    world.settle_slowly().await;
    let branch = world.report(ReferralKind::Transfer).await;
    let first = world.unsent().await;
    // Told, and killed before that was marked.
    world.stop(HANOI);
    world.restart(HANOI);
    world.settle_slowly().await;
    assert_eq!(world.unsent().await, first, "told again, under the same id");
    world.notices(HANOI).sent(first[0].id).await.unwrap();
    world.settle_slowly().await;
    assert_eq!(world.unsent().await, []);
    // The store is put back to before the child was reported, and another roster says who is first.
    world.roster(2, NOW, &["cb-19", "cb-17"]);
    world.restore(HANOI, &copy);
    world.settle_slowly().await;
    world.settle_slowly().await;
    assert_eq!(world.called().await, ["cb-19"], "{branch}");
    world.minutes(10).await;
    assert_eq!(world.unsent().await.get(1), first.first(), "of one branch a person is told under one id");
}

#[tokio::test]
async fn where_nobody_is_on_duty_the_level_above_is_asked_at_once_and_so_is_whoever_comes_on_duty() {
    let mut world = open().await;
    world.roster(1, (1, 23), &["cb-17"]);
    world.minutes(52).await;
    let branch = world.report(ReferralKind::Transfer).await;
    assert_eq!(world.called().await, [""; 0]);
    let asked: Vec<_> = world.asked_units(&branch).await.into_iter().map(|(unit, _)| unit).collect();
    assert_eq!(asked, ["cua-nam", "ba-dinh"], "the level above, without a minute lost");
    assert_eq!(world.asked_units(&branch).await[0].1, BranchState::Received, "and the unit can still");
    world.minutes(9).await;
    assert_eq!(world.called().await, ["cb-17"], "their shift has begun");
}

#[tokio::test]
async fn whoever_has_read_a_branch_acts_on_it_though_nobody_was_left_to_tell_meanwhile() {
    let mut world = open().await;
    world.roster(1, NOW, &["cb-17"]);
    let branch = world.report(ReferralKind::Transfer).await;
    let seen = [world.branch(MOH, &branch).await.etag, world.branch(HANOI, &branch).await.etag];
    assert!(!world.both_show_unattended(&branch).await);
    world.minutes(11).await;
    assert!(world.both_show_unattended(&branch).await);
    assert_eq!(world.events(&branch, "escalated").await, 1);
    for (node, seen) in [MOH, HANOI].into_iter().zip(seen) {
        assert_eq!(world.branch(node, &branch).await.etag, seen, "what access points say by rule need not be read");
    }
    let before = world.branch(MOH, &branch).await.etag;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_ne!(world.branch(MOH, &branch).await.etag, before);
}

#[tokio::test]
async fn a_level_that_was_asked_for_in_vain_before_its_time_is_said_in_its_time() {
    let mut world = open().await;
    world
        .amend(|wire| {
            let ward = wire.units.iter_mut().find(|unit| unit.party == "hanoi" && unit.unit == "cua-nam").unwrap();
            ward.parent = String::new();
        })
        .await;
    world.roster(1, NOW, &["cb-17"]);
    let opened = world.now();
    let branch = world.report(ReferralKind::Transfer).await;
    while world.now().duration_since(opened) < SignedDuration::from_mins(118) {
        world.minutes(1).await;
    }
    assert!(world.both_show_unattended(&branch).await);
    assert_eq!(world.events(&branch, "escalated").await, 0, "there is nobody above");
    world.minutes(3).await;
    assert_eq!(world.events(&branch, "escalated").await, 1, "and not an hour after it was tried last");
}

#[tokio::test]
async fn where_the_level_above_cannot_be_asked_the_word_that_nobody_is_left_uses_up_no_level() {
    let mut world = open().await;
    let parent_of = |wire: &mut directory::Release, parent: &str| {
        let ward = wire.units.iter_mut().find(|unit| unit.party == "hanoi" && unit.unit == "cua-nam").unwrap();
        ward.parent = parent.into();
    };
    let elapsed = prost_types::Duration { seconds: 6 * 3_600, nanos: 0 };
    let after = Some(directory::Span { kind: Some(directory::span::Kind::Elapsed(elapsed)) });
    world
        .amend(|wire| {
            parent_of(wire, "");
            let later = directory::EscalationStep { after, unit: None };
            wire.time_limits.iter_mut().for_each(|rule| rule.escalation.push(later.clone()));
        })
        .await;
    world.roster(1, (22, 23), &["cb-17"]);
    let branch = world.report(ReferralKind::Transfer).await;
    world.minutes(2).await;
    assert!(world.both_show_unattended(&branch).await);
    assert_eq!(world.asked_units(&branch).await.len(), 1, "there is nobody above");
    world.amend(|wire| parent_of(wire, "ba-dinh")).await;
    world.minutes(61).await;
    let asked: Vec<_> = world.asked_units(&branch).await.into_iter().map(|(unit, _)| unit).collect();
    assert_eq!(asked, ["cua-nam", "ba-dinh"], "before the time of any step");
}

#[tokio::test]
async fn a_level_that_was_asked_before_its_time_is_said_at_once_though_whoever_was_asked_before_cannot_be_told() {
    let mut world = open().await;
    let above = directory::UnitRef { party: "vwu".into(), unit: "desk".into() };
    world
        .amend(|wire| {
            let steps = wire.time_limits.iter_mut().flat_map(|rule| &mut rule.escalation);
            steps.for_each(|step| step.unit = Some(above.clone()));
        })
        .await;
    world.roster(1, NOW, &["cb-17"]);
    let branch = world.report(ReferralKind::Transfer).await;
    world.amend(|wire| wire.agreements.retain(|it| it.recipient_party != "hanoi")).await;
    world.minutes(11).await;
    let branches = world.get(MOH, &referral_of(&branch)).await.unwrap().branches;
    let opened = branches.iter().find(|it| it.recipient == Some(unit("vwu/desk"))).expect("the level above");
    assert_eq!(world.events(&branch, "escalated").await, 0, "nothing may be sent there");
    assert_eq!(world.events(&opened.name, "escalated").await, 1, "long before the time of the step");
}

#[tokio::test]
async fn where_the_directory_does_not_let_it_be_said_the_ladder_is_climbed_in_its_time() {
    let mut world = open().await;
    world.amend(|wire| wire.contracts.iter_mut().for_each(|entry| entry.minor = 3)).await;
    world.roster(1, (22, 23), &["cb-17"]);
    let branch = world.report(ReferralKind::Transfer).await;
    world.minutes(110).await;
    assert!(!world.both_show_unattended(&branch).await);
    assert_eq!(world.asked_units(&branch).await.len(), 1);
    world.minutes(11).await;
    assert_eq!(world.asked_units(&branch).await.len(), 2);
}

#[tokio::test]
async fn whoever_was_told_by_a_clock_that_was_ahead_holds_nobody_up() {
    let mut world = open().await;
    world.roster(1, NOW, &["cb-17", "cb-18"]);
    world.report(ReferralKind::Transfer).await;
    world.write(HANOI, "UPDATE referral_notice SET tell_time = tell_time + 31536000000000").await;
    world.write(HANOI, "UPDATE referral_waking SET due_time = due_time + 31536000000000").await;
    world.stop(HANOI);
    world.restart(HANOI);
    world.settle_slowly().await;
    assert_eq!(world.called().await, ["cb-17"], "told just now, as far as can be said");
    world.minutes(10).await;
    assert_eq!(world.called().await, ["cb-17", "cb-18"]);
}

#[tokio::test]
async fn what_comes_new_waits_for_nothing_that_waits_already() {
    const TOLD_OF_THE_NEWEST: &str = "SELECT COUNT(*) FROM referral_notice WHERE branch = \
         (SELECT branch FROM referral_branch WHERE holder = 2 ORDER BY create_time DESC LIMIT 1)";
    for is_due_for_long in [false, true] {
        let mut world = open().await;
        world.many(40).await;
        world.roster(1, NOW, &["cb-17"]);
        if is_due_for_long {
            world.pass(SignedDuration::from_secs(1));
            world.turn(HANOI).await;
            world.write(HANOI, "UPDATE referral_waking SET due_time = 20000000000").await;
            assert_eq!(
                world.count(HANOI, "SELECT COUNT(*) FROM referral_waking WHERE due_time = 20000000000").await,
                40
            );
        }
        world.report(ReferralKind::Transfer).await;
        assert_eq!(world.count(HANOI, TOLD_OF_THE_NEWEST).await, 1);
        assert!(world.called().await.len() < 40, "there was no time for all of them");
        world.minutes(1).await;
        world.settle_slowly().await;
        assert_eq!(world.called().await.len(), 41, "whoever waited is not forgotten");
    }
}

#[tokio::test]
async fn a_party_that_opens_more_branches_than_can_be_looked_at_has_no_other_party_wait() {
    const TOLD_FOR_VWU: &str = "SELECT COUNT(*) FROM referral_notice n JOIN referral_branch b ON b.branch = n.branch \
         WHERE b.holder = 2 AND b.origin = 'vwu'";
    let mut world = open().await;
    world.roster(1, NOW, &["cb-17"]);
    for _ in 0..60 {
        world.submit(MOH, &submission(ReferralKind::Transfer, "moh/111", &["hanoi/cua-nam"])).await;
    }
    world.settle().await;
    world.submit(VWU, &submission(ReferralKind::Referral, "vwu/desk", &["hanoi/cua-nam"])).await;
    for _ in 0..2 {
        world.settle().await;
    }
    assert!(world.called().await.len() < 60, "there was no time for all of them");
    assert_eq!(world.count(HANOI, TOLD_FOR_VWU).await, 1);
    world.settle_slowly().await;
    assert_eq!(world.called().await.len(), 61, "nobody is forgotten");
}

#[tokio::test]
async fn however_many_are_to_be_told_what_is_to_be_erased_is_looked_at() {
    let mut world = open().await;
    world.many(40).await;
    world.roster(1, NOW, &["cb-17"]);
    world.settle().await;
    world.write(HANOI, "UPDATE referral_waking SET due_time = 0").await;
    world.write(HANOI, "INSERT INTO referral_kept (branch, due_time) VALUES (zeroblob(16), 0)").await;
    for _ in 0..4 {
        world.turn(HANOI).await;
        world.pass(SignedDuration::from_millis(400));
    }
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM referral_kept WHERE due_time = 0").await, 0);
    assert_ne!(world.count(HANOI, "SELECT COUNT(*) FROM referral_waking WHERE due_time = 0").await, 0);
}

#[tokio::test]
async fn however_many_limits_are_due_people_are_told_and_however_many_are_to_be_told_limits_are_looked_at() {
    let mut world = open().await;
    world.many(20).await;
    let request = || submission(ReferralKind::Referral, "hanoi/ba-dinh", &["vwu/desk"]);
    for _ in 0..20 {
        world.submit(HANOI, &request()).await;
    }
    world.roster(1, NOW, &["cb-17"]);
    world.settle().await;
    world.write(HANOI, "UPDATE referral_branch SET due_time = 0 WHERE holder = 1").await;
    world.write(HANOI, "UPDATE referral_waking SET due_time = 0").await;
    for _ in 0..4 {
        world.turn(HANOI).await;
        world.pass(SignedDuration::from_millis(400));
    }
    for counted in [
        "SELECT COUNT(*) FROM referral_branch WHERE due_time = 0",
        "SELECT COUNT(*) FROM referral_waking WHERE due_time = 0",
    ] {
        let left = world.count(HANOI, counted).await;
        assert!((1..20).contains(&left), "{left} of 20 are left: {counted}");
    }
}

#[tokio::test]
async fn whoever_was_told_is_not_told_again_when_the_roster_was_gone_and_comes_back() {
    let mut world = open().await;
    world.roster(1, NOW, &["cb-17", "cb-18"]);
    let branch = world.report(ReferralKind::Transfer).await;
    let told = world.unsent().await;
    world.notices(HANOI).sent(told[0].id).await.unwrap();
    let rosters = world.rosters.send_replace(rosters::Rosters::default());
    world.minutes(11).await;
    assert_eq!(world.called().await, [""; 0], "nobody is on duty anywhere");
    world.rosters.send_replace(rosters);
    world.settle().await;
    assert_eq!(world.called().await, ["cb-18"], "the next, and not the first once more");
    world.rosters.send_replace(rosters::Rosters::default());
    world.minutes(11).await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.minutes(24 * 60).await;
    let left = world.count(HANOI, "SELECT COUNT(*) FROM referral_notice").await;
    assert_eq!(left + world.count(HANOI, "SELECT COUNT(*) FROM referral_waking").await, 0);
}

#[tokio::test]
async fn rosters_that_are_read_again_and_are_the_same_have_nobody_looked_at() {
    let mut world = open().await;
    world.roster(1, NOW, &["cb-17"]);
    world.report(ReferralKind::Transfer).await;
    world.write(HANOI, "UPDATE referral_waking SET due_time = 9000000000000000").await;
    world.roster(1, NOW, &["cb-17"]);
    world.settle().await;
    assert_eq!(world.count(HANOI, "SELECT due_time FROM referral_waking").await, 9_000_000_000_000_000);
    world.roster(2, NOW, &["cb-17"]);
    world.settle().await;
    assert_ne!(world.count(HANOI, "SELECT due_time FROM referral_waking").await, 9_000_000_000_000_000);
}

#[tokio::test]
async fn a_unit_without_a_roster_waits_as_ever_and_one_that_comes_wakes_for_what_waits() {
    let mut world = open().await;
    let branch = world.report(ReferralKind::Transfer).await;
    let note = world.report(ReferralKind::Notification).await;
    world.minutes(60).await;
    assert_eq!(world.called().await, [""; 0]);
    assert_eq!(world.asked_units(&branch).await.len(), 1);
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM referral_waking").await, 0);
    world.roster(1, NOW, &["cb-17"]);
    world.settle().await;
    assert_eq!(world.called().await, ["cb-17"], "once, and for a copy for information nobody is woken: {note}");
    world.roster(2, NOW, &["cb-17", "cb-19"]);
    world.settle().await;
    assert_eq!(world.called().await, ["cb-17"], "nobody is told twice");
    world.minutes(10).await;
    assert_eq!(world.called().await, ["cb-17", "cb-19"], "the newest roster says who is next");
}

#[tokio::test]
async fn what_a_person_advises_is_followed_by_a_person() {
    let mut world = open().await;
    let branch = world.report(ReferralKind::Transfer).await;
    let advice = Some(unit("hanoi/ba-dinh"));
    world.redirect(HANOI, &branch, pb::RedirectReason::NobodyOnDuty, advice).await.unwrap();
    world.settle().await;
    assert_eq!(world.asked_units(&branch).await, [("cua-nam".into(), BranchState::Redirected)]);
}

#[tokio::test]
async fn however_many_notices_there_are_each_is_read_once_to_be_sent() {
    let mut world = open().await;
    world.roster(1, NOW, &["cb-17"]);
    world.report(ReferralKind::Transfer).await;
    // Many of the same instant, so that a page ends among them.
    let handle = world.nodes[HANOI].handle();
    let added = handle.call(|tx, _, _| {
        for at in 0..600_i64 {
            tx.execute(
                "INSERT INTO referral_notice (notice, branch, step, party, unit, person, tell_time) \
                 SELECT $1, branch, step + $2, party, unit, person, tell_time + $3 FROM referral_notice WHERE step = 1",
                &[uuid::Uuid::now_v7().as_bytes().into(), (at + 1).into(), (at / 300).into()],
            )?;
        }
        Ok::<_, nhipcau_messaging::store::Error>(())
    });
    added.await.unwrap();
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = world.notices(HANOI).unsent(after).await.unwrap();
        ids.extend(page.pending.into_iter().map(|pending| pending.id));
        after = page.next;
        if after.is_none() {
            break;
        }
        assert_eq!(ids.len() % 256, 0, "a page that is not full is the last");
    }
    let total = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((total, ids.len()), (601, 601));
}

#[tokio::test]
async fn no_address_leaves_the_roster() {
    let mut world = open().await;
    world.roster(1, NOW, &["cb-17", "cb-18"]);
    world.report(ReferralKind::Transfer).await;
    world.minutes(10).await;
    world.minutes(11).await;
    for (what, bytes) in [("a disk", world.disk(HANOI)), ("the bus", world.published.concat())] {
        let found = bytes.windows(ADDRESS.len()).any(|window| window == ADDRESS.as_bytes());
        assert!(!found, "{what} has an address");
    }
    let told = bytes_of(&world.rosters.borrow());
    assert!(!told.contains(ADDRESS), "nor does what is logged of rosters: {told}");
}

fn bytes_of(rosters: &rosters::Rosters) -> String {
    format!("{rosters:?}")
}

#[tokio::test]
async fn nobody_is_told_while_somebody_who_took_it_by_telephone_has_time_to_confirm() {
    let mut world = open().await;
    let half = prost_types::Duration { seconds: 30 * 60, nanos: 0 };
    world.amend(|wire| wire.time_limits.iter_mut().for_each(|rule| rule.telephone_confirmation = Some(half))).await;
    world.roster(1, NOW, &["cb-17", "cb-18"]);
    let branch = world.report(ReferralKind::Transfer).await;
    assert_eq!(world.called().await, ["cb-17"]);
    let said = pb::TelephoneAcknowledgement {
        person: "cb-17".into(),
        role: "officer".into(),
        acknowledge_time: Some(prost_types::Timestamp { seconds: world.now().as_second(), nanos: 0 }),
    };
    world.telephone(MOH, &branch, Some(said)).await.unwrap();
    world.settle().await;
    world.minutes(20).await;
    assert_eq!(world.called().await, ["cb-17"], "the next would have been told after ten");
    world.minutes(11).await;
    assert_eq!(world.called().await, ["cb-17", "cb-18"], "nobody has confirmed it");
}
