//! At most one branch of a need is assigned, whatever crosses.

use std::num::NonZeroU32;

use proptest::prelude::*;
use uuid::Uuid;

use super::world::{World, commands, duty, new_branch, parts, text, time, unit};
use crate::{
    limit::{Asked, Climb, climb},
    reason,
    referral::{
        Branch, Cause, Command, Condition, EventKind, Kind, LadderStep, Part, Refusal, Side, State, Stop, TimeLimit,
        View,
        group::{Member, Next, Pace, Tried, is_acceptance, onward, pace, settle},
    },
};

/// The origin's side of a group as its access point runs it: after every delivery the rules settle.
struct Need {
    kind: Kind,
    worlds: Vec<World>,
}

impl Need {
    fn new(kind: Kind) -> Self {
        Self { kind, worlds: (0..3).map(|number| World::open(kind, duty(), number)).collect() }
    }

    fn views(&self) -> Vec<(Uuid, View)> {
        self.worlds.iter().map(|world| (world.origin.ids().branch, world.origin.view())).collect()
    }

    fn settle(&mut self, index: usize) {
        let views = self.views();
        let members: Vec<_> = views.iter().map(|(branch, view)| Member { branch: *branch, view }).collect();
        let settlement = settle(&members, self.worlds[index].origin.ids().branch);
        for world in &mut self.worlds {
            let branch = world.origin.ids().branch;
            if settlement.assign == Some(branch) {
                let due = if self.kind == Kind::Referral { parts(&[Part::Identity]) } else { Vec::new() };
                assert!(world.act(Side::Origin, Command::Assign(due)));
            }
            if settlement.relieve.contains(&branch) {
                assert!(world.act(Side::Origin, Command::Relieve));
            }
        }
    }

    /// Where the need may go after one of its branches.
    fn onward(&self, after: usize, next: Next<'_>) -> Result<Cause, Refusal> {
        let views = self.views();
        let units = self.worlds.iter().map(|world| world.origin.unit(Side::Recipient));
        let tried: Vec<_> = units.zip(&views).map(|(unit, (_, view))| Tried { unit, view }).collect();
        onward(&tried, tried[after].view, next)
    }

    fn check(&self) {
        let origin = self.worlds.iter().filter(|world| world.origin.view().state.is_assigned()).count();
        let both = self.worlds.iter().filter(|world| world.exchanged(Side::Origin).origin.view().state.is_assigned());
        assert!(origin <= 1 && both.count() <= 1, "two branches of one need are assigned");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_two_assigned_branches_for_one_need(
        transfer in any::<bool>(),
        steps in prop::collection::vec((0_usize..3, any::<bool>(), 0_u8..22), 1..120),
    ) {
        let kind = if transfer { Kind::Transfer } else { Kind::Referral };
        let mut need = Need::new(kind);
        for (index, origin, number) in steps {
            let side = if origin { Side::Origin } else { Side::Recipient };
            match commands(kind, side).get(usize::from(number)) {
                // Only the settlement assigns and relieves.
                Some(Command::Assign(_) | Command::Relieve) => {}
                Some(command) => {
                    need.worlds[index].act(side, command.clone());
                }
                None => {
                    if need.worlds[index].deliver(side) && side == Side::Origin {
                        need.settle(index);
                    }
                }
            }
            need.check();
        }
    }
}

#[test]
fn the_first_acceptance_stored_is_assigned_and_the_others_are_relieved() {
    let mut need = Need::new(Kind::Referral);
    for index in [2, 0] {
        need.worlds[index].deliver(Side::Recipient);
        need.worlds[index].act(Side::Recipient, Command::Accept);
    }
    need.worlds[2].deliver(Side::Origin);
    need.settle(2);
    let states: Vec<_> = need.views().into_iter().map(|(_, view)| view.state).collect();
    assert_eq!(states, [State::Relieved, State::Relieved, State::Assigned]);
    need.worlds[0].deliver(Side::Origin);
    need.settle(0);
    assert_eq!(need.worlds[0].exchanged(Side::Origin).origin.view().state, State::Relieved);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn beyond_the_limit_everything_that_is_not_disclosed_waits(limit in 1_u32..=10_000, within in 0_u64..20_000) {
        let limit = NonZeroU32::new(limit).expect("not zero");
        let agreed = within <= u64::from(limit.get());
        for kind in Kind::ALL {
            match pace(kind, limit, within) {
                Pace::Agreed => prop_assert!(agreed),
                Pace::Bulk { is_held, is_new } => {
                    prop_assert!(!agreed);
                    prop_assert_eq!(is_held, kind == Kind::Referral);
                    prop_assert_eq!(is_new, within == u64::from(limit.get()) + 1);
                }
            }
        }
    }
}

#[test]
fn what_makes_a_branch_ready_is_what_counts() {
    for kind in Kind::ALL {
        let counted: Vec<_> = EventKind::ALL.into_iter().filter(|event| is_acceptance(kind, *event)).collect();
        let expected = match kind {
            Kind::Transfer => vec![EventKind::Acknowledged],
            Kind::Referral => vec![EventKind::Accepted],
            Kind::Notification => vec![],
        };
        assert_eq!(counted, expected, "{kind:?}");
    }
}

#[test]
fn only_the_copy_of_the_origin_says_that_an_acceptance_waits_and_only_while_it_does() {
    let mut world = World::open(Kind::Referral, duty(), 0);
    world.deliver(Side::Recipient);
    world.act(Side::Recipient, Command::Accept);
    world.deliver(Side::Origin);
    let accepted = world.origin.clone().with_origins(true);
    let waits = |branch: &Branch| branch.view().conditions(time(99)).contains(&Condition::AssignmentHeld);
    assert!(waits(&accepted) && !waits(&world.origin));
    assert!(world.act(Side::Origin, Command::Assign(parts(&[Part::Identity]))));
    let assigned = world.origin.clone().with_origins(true);
    assert!(!waits(&assigned));
    assert!(!waits(&accepted.clone().known_like(&assigned)), "what was assigned waited for nobody");
    assert!(waits(&accepted.clone().known_like(&accepted)));
}

#[test]
fn an_acceptance_that_is_held_undoes_no_acknowledgement_that_came_before_it() {
    const DAY: i64 = 86_400;
    let limit = |stop, day| TimeLimit {
        rule: format!("{stop:?}").into(),
        citation: text("Article 1 of an example"),
        stop,
        start: time(0),
        acknowledge_due: time(2 * DAY),
        warn: time(day * DAY),
        escalate: time(day * DAY),
        due: time(day * DAY),
        steps: vec![LadderStep { time: time(day * DAY), unit: None }],
        confirmation: None,
    };
    for is_acknowledged in [false, true] {
        let mut new = new_branch(Kind::Referral, duty(), 0);
        new.opening.time_limits = vec![limit(Stop::Acknowledged, 2), limit(Stop::Decided, 9)];
        let mut world = World::opened(new);
        world.deliver(Side::Recipient);
        let said = [(is_acknowledged, Command::Acknowledge, 1), (true, Command::Accept, 5)];
        for (_, command, day) in said.into_iter().filter(|(is_said, ..)| *is_said) {
            assert!(world.act_at(Side::Recipient, command, time(day * DAY)) && world.deliver(Side::Origin));
        }
        let held = world.origin.clone().with_origins(true);
        let at = |day: i64, condition| held.view().conditions(time(day * DAY)).contains(&condition);
        let climbed = |day: i64| climb(&[Asked::new(&held)], &[], time(day * DAY));
        assert!(at(6, Condition::AssignmentHeld));
        assert_eq!(at(6, Condition::Unacknowledged), !is_acknowledged);
        assert_eq!(at(6, Condition::Overdue), !is_acknowledged);
        let turn = |level| Climb::Turn { level, unit: None, is_hastened: false };
        assert_eq!(climbed(6), if is_acknowledged { Climb::Wait(time(9 * DAY)) } else { turn(1) });
        assert!(at(9, Condition::Overdue), "nobody serves the child yet");
        assert_eq!(climbed(9), turn(if is_acknowledged { 2 } else { 1 }));
    }
}

#[test]
fn no_further_branch_is_opened_for_a_need_that_is_served() {
    let mut need = Need::new(Kind::Transfer);
    need.worlds[0].deliver(Side::Recipient);
    need.worlds[0].act(Side::Recipient, Command::Acknowledge);
    need.worlds[0].deliver(Side::Origin);
    need.settle(0);
    let next = unit("hanoi", "cua-nam");
    let forced = Next { unit: &next, is_above: true, is_forced: true };
    assert!(need.onward(0, forced).expect_err("served").has(reason::GROUP_ASSIGNED));
}

#[test]
fn an_acceptance_for_a_need_that_is_served_is_relieved() {
    let mut need = Need::new(Kind::Referral);
    for index in [0, 1] {
        need.worlds[index].deliver(Side::Recipient);
        need.worlds[index].act(Side::Recipient, Command::Accept);
        need.worlds[index].deliver(Side::Origin);
    }
    assert!(need.worlds[0].act(Side::Origin, Command::Assign(parts(&[Part::Identity]))));
    need.settle(1);
    assert_eq!(need.worlds[1].origin.view().state, State::Relieved);
}
