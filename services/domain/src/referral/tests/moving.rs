//! A branch that goes on at a successor: whose log it is follows from the log.

use super::world::{World, duty, parts, unit};
use crate::{
    reason,
    referral::{Branch, Command, Event, Fault, HandOver, Kind, Part, Revocation, Side, State},
};

/// A transfer that was acknowledged and then handed over, of which the origin has heard as much as said.
fn moved(is_heard: bool) -> World {
    let mut world = World::open(Kind::Transfer, duty(), 0);
    world.deliver(Side::Recipient);
    assert!(world.act(Side::Recipient, Command::Acknowledge));
    world.deliver(Side::Origin);
    assert!(world.act(Side::Recipient, Command::Move { successor: unit("vwu", "desk") }));
    if is_heard {
        world.deliver(Side::Origin);
    }
    world
}

#[test]
fn whoever_took_over_writes_behind_the_last_word_of_the_unit_before() {
    let mut world = moved(true);
    let before = world.origin.view().state;
    assert_eq!(before, State::Acknowledged, "it changes no state");
    for side in Side::ALL {
        assert_eq!(world.copy(side).map(|branch| branch.unit(Side::Recipient)), Some(&unit("vwu", "desk")));
    }
    assert!(world.act(Side::Origin, Command::Assign(parts(&[Part::Identity]))));
    world.deliver(Side::Recipient);
    assert!(world.act(Side::Recipient, Command::StartService));
    world.deliver(Side::Origin);
    assert_eq!(world.origin.view().state, State::InService);
    let log = world.origin.log(Side::Recipient).events();
    assert_eq!(log.last().map(|event| &event.owner), Some(&unit("vwu", "desk")));
    let first = world.origin.log(Side::Origin).at(1).map(|event| event.counterpart.clone());
    let last = world.origin.log(Side::Origin).events().last().map(|event| event.counterpart.clone());
    assert_ne!(first, last, "whoever has seen it addresses the successor");
    let again = Branch::restore(world.origin.log(Side::Origin).events().to_vec(), log.to_vec());
    assert_eq!(again.unwrap().view(), world.origin.view());
}

#[test]
fn what_the_origin_wrote_before_it_heard_is_for_the_unit_before_and_still_counts() {
    let mut world = moved(false);
    assert!(world.act(Side::Origin, Command::Revoke { reason: Revocation::Safety }));
    world.deliver(Side::Recipient);
    world.deliver(Side::Origin);
    for side in Side::ALL {
        assert_eq!(world.copy(side).map(|branch| branch.view().state), Some(State::Revoked));
    }
    assert!(!world.refused);
}

#[test]
fn the_unit_before_has_nothing_more_to_say_and_nobody_else_has() {
    let world = moved(true);
    let log = world.origin.log(Side::Recipient);
    let next = |owner| {
        let last = log.events().last().unwrap();
        let draft = crate::referral::Draft {
            owner,
            ordinal: last.ordinal + 1,
            previous: last.digest(),
            body: crate::referral::Body::ServiceStarted,
            ..(**last).clone()
        };
        world.origin.clone().record(Event::write(draft).0).map(drop)
    };
    let before = world.origin.log(Side::Origin).at(1).unwrap().counterpart.clone();
    assert_eq!(next(before), Err(Fault::Foreign));
    assert_eq!(next(unit("vwu", "other")), Err(Fault::Foreign));
    assert_eq!(next(unit("vwu", "desk")), Ok(()));
    assert_eq!(Fault::Foreign.reason(), reason::WRONG_SIDE);
}

#[test]
fn whoever_handed_it_over_keeps_it_as_its_own_record() {
    let world = moved(true);
    let before = world.origin.log(Side::Origin).at(1).unwrap().counterpart.clone();
    let kept = world.copy(Side::Recipient).unwrap().clone().with_hand_over(HandOver::Done);
    assert_eq!(kept.unit(Side::Recipient), &before);
    assert_eq!(kept.view().conditions(super::world::time(1 << 30)), [crate::referral::Condition::HandedOver]);
}
