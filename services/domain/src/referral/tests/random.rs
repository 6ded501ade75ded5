//! Random longer logs.

use proptest::prelude::*;

use super::world::{World, commands, consent, duty};
use crate::referral::{Command, EventKind, Kind, Side, State};

/// One step: which side, and a command by number or a delivery.
fn play(world: &mut World, kind: Kind, steps: &[(bool, u8)]) {
    for (origin, number) in steps {
        let side = if *origin { Side::Origin } else { Side::Recipient };
        let commands = commands(kind, side);
        // Half of the numbers deliver, so that logs grow long before they end.
        match commands.get(usize::from(*number)) {
            Some(command) => world.act(side, command.clone()),
            None => world.deliver(side),
        };
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Transfer), Just(Kind::Referral), Just(Kind::Notification)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn long_logs_keep_every_promise(kind in kinds(), steps in prop::collection::vec((any::<bool>(), 0_u8..30), 1..80)) {
        let mut world = World::open(kind, consent(), 0);
        play(&mut world, kind, &steps);
        world.check();
        world.check_exchange();
    }

    #[test]
    fn delivery_order_does_not_matter(
        kind in kinds(),
        steps in prop::collection::vec((any::<bool>(), 0_u8..30), 1..60),
        order in prop::collection::vec(any::<bool>(), 0..120),
    ) {
        let mut world = World::open(kind, duty(), 0);
        play(&mut world, kind, &steps);
        let expected = world.exchanged(Side::Origin).origin.view();
        for origin in order {
            world.deliver(if origin { Side::Origin } else { Side::Recipient });
        }
        prop_assert_eq!(world.exchanged(Side::Recipient).origin.view(), expected);
    }

    #[test]
    fn withdrawal_and_recall_win_from_anywhere(
        kind in kinds(),
        steps in prop::collection::vec((any::<bool>(), 0_u8..30), 0..60),
        recall in any::<bool>(),
    ) {
        let mut world = World::open(kind, consent(), 0);
        play(&mut world, kind, &steps);
        let (command, target) = if recall {
            (Command::EnterInError { reason: crate::referral::Mistake::WrongPerson }, State::EnteredInError)
        } else {
            (Command::WithdrawConsent { time: super::world::time(3) }, State::Revoked)
        };
        let recalled = world.origin.view().state == State::EnteredInError;
        prop_assert_eq!(world.act(Side::Origin, command), !recalled);
        let after = world.exchanged(Side::Origin);
        if !recalled {
            prop_assert_eq!(after.origin.view().state, target);
        }
    }

    #[test]
    fn what_is_assigned_is_never_taken_back_without_the_recipient(
        kind in kinds(),
        steps in prop::collection::vec((any::<bool>(), 0_u8..30), 1..80),
    ) {
        let mut world = World::open(kind, duty(), 0);
        play(&mut world, kind, &steps);
        let after = world.exchanged(Side::Origin);
        let view = after.origin.view();
        let wrote = |side: Side, kind| after.origin.log(side).events().iter().any(|event| event.body.kind() == kind);
        if wrote(Side::Origin, EventKind::Assigned) && !wrote(Side::Origin, EventKind::EnteredInError) {
            let granted = wrote(Side::Recipient, EventKind::RevocationGranted);
            let handed_back =
                wrote(Side::Recipient, EventKind::HandBackRequested) && wrote(Side::Origin, EventKind::HandBackTaken);
            prop_assert!(view.state.is_assigned() || (view.state == State::Revoked && (granted || handed_back)));
        }
    }
}
