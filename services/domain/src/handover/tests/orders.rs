//! Every order of short logs, and random longer ones.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

const MOST: [usize; 2] = [4, 3];

fn key(world: &World) -> (Vec<[u8; 32]>, Vec<[u8; 32]>, usize, usize) {
    let digests = |side: Side| {
        let log = world.copy(side).map_or(&[][..], |copy| copy.log(side));
        log.iter().map(|event| *event.digest().as_bytes()).collect()
    };
    let held = |to: Side| world.copy(to).map_or(0, |copy| copy.log(to.other()).len());
    (digests(Side::Origin), digests(Side::Recipient), held(Side::Origin), held(Side::Recipient))
}

#[test]
fn somebody_answers_at_every_moment_and_both_sides_come_to_the_same() {
    let (mut seen, mut states, mut crossed) = (HashSet::new(), HashSet::new(), 0);
    let mut open = vec![World::new()];
    while let Some(world) = open.pop() {
        if !seen.insert(key(&world)) {
            continue;
        }
        world.check();
        world.check_exchange();
        let view = world.exchanged(Side::Origin).origin.view().clone();
        states.insert(view.state);
        crossed += view.superseded.len();
        for (side, most) in Side::ALL.into_iter().zip(MOST) {
            if world.copy(side).is_some_and(|copy| copy.log(side).len() < most) {
                for body in bodies(side) {
                    let mut after = world.clone();
                    if after.write(side, body) {
                        open.push(after);
                    }
                }
            }
            let mut after = world.clone();
            if after.deliver(side) {
                open.push(after);
            }
        }
    }
    assert_eq!(states.len(), State::ALL.len(), "every state is reached: {states:?}");
    assert!(crossed > 0 && seen.len() > 100, "{} worlds, {crossed} crossed", seen.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn long_logs_keep_every_promise(steps in prop::collection::vec((any::<bool>(), 0..8_usize), 1..80)) {
        let mut world = World::new();
        for (is_origin, number) in steps {
            let side = if is_origin { Side::Origin } else { Side::Recipient };
            match bodies(side).get(number) {
                Some(body) => world.write(side, body.clone()),
                None => world.deliver(side),
            };
            world.check();
        }
        world.check_exchange();
    }

    #[test]
    fn what_is_taken_comes_back_only_when_the_recipient_asks_and_a_person_takes_it(
        steps in prop::collection::vec((any::<bool>(), 0..8_usize), 1..80),
    ) {
        let mut world = World::new();
        for (is_origin, number) in steps {
            let side = if is_origin { Side::Origin } else { Side::Recipient };
            match bodies(side).get(number) {
                Some(body) => world.write(side, body.clone()),
                None => world.deliver(side),
            };
        }
        let after = world.exchanged(Side::Origin);
        let wrote = |kind: EventKind| after.origin.log(kind.side()).iter().any(|event| event.body.kind() == kind);
        if wrote(EventKind::HandoverTaken) {
            let back = wrote(EventKind::HandBackAsked) && wrote(EventKind::HandedBack);
            let state = after.origin.view().state;
            prop_assert_eq!(state, if back { State::HandedBack } else { State::Taken });
        }
    }
}
