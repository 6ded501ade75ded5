//! Every interleaving of bounded logs: whatever either side may write, in every order of writing and delivery.

use std::collections::HashSet;

use super::world::{World, commands, consent};
use crate::referral::{Command, Digest, Effect, Kind, Side, State};

/// Most events of the origin's and the recipient's log.
const EVENTS: [usize; 2] = [4, 3];

/// Which commands are tried.
type Wanted = fn(&Command) -> bool;

type Key = (Digest, Option<Digest>, usize, usize, bool);

fn key(world: &World) -> Key {
    let head = |side| world.copy(side).and_then(|copy| copy.log(side).head()).map(|mark| mark.digest);
    let held = |to: Side| world.copy(to).map_or(0, |copy| copy.log(to.other()).events().len());
    (
        head(Side::Origin).expect("opened"),
        head(Side::Recipient),
        held(Side::Origin),
        held(Side::Recipient),
        world.refused,
    )
}

/// Escalations, further disclosures, what was said by telephone, that nobody is left and work change no state in any
/// order; the random logs have them, and work has logs of its own.
fn leads_somewhere(command: &Command) -> bool {
    !matches!(
        command,
        Command::Escalate { .. }
            | Command::Disclose(_)
            | Command::NoteTelephoneAcknowledgement(_)
            | Command::RecordWork { .. }
            | Command::ReportUnattended
    )
}

fn steps(world: &World, kind: Kind, bounds: [usize; 2], wanted: Wanted) -> Vec<World> {
    let mut next = Vec::new();
    for (side, bound) in Side::ALL.into_iter().zip(bounds) {
        let written = world.copy(side).map_or(bound, |copy| copy.log(side).events().len());
        if written < bound {
            for command in commands(kind, side).into_iter().filter(wanted) {
                if matches!(world.decide(side, command.clone()), Some(Ok(_))) {
                    let mut after = world.clone();
                    after.act(side, command);
                    next.push(after);
                }
            }
        }
        let mut after = world.clone();
        if after.deliver(side) {
            next.push(after);
        }
    }
    if world.recipient.is_none() && !world.refused {
        next.push(World { refused: true, ..world.clone() });
    }
    next
}

fn explore(kind: Kind) -> (usize, HashSet<State>, HashSet<&'static str>) {
    explore_with(kind, EVENTS, leads_somewhere)
}

/// Every world that such commands lead to; each keeps every promise.
pub(super) fn explore_with(
    kind: Kind,
    bounds: [usize; 2],
    wanted: Wanted,
) -> (usize, HashSet<State>, HashSet<&'static str>) {
    let (mut seen, mut pairs) = (HashSet::new(), HashSet::new());
    let (mut states, mut superseded) = (HashSet::new(), HashSet::new());
    let mut open = vec![World::open(kind, consent(), 0)];
    while let Some(world) = open.pop() {
        if !seen.insert(key(&world)) {
            continue;
        }
        world.check();
        // What follows depends on what was written and not on what has arrived.
        if pairs.insert((key(&world).0, key(&world).1)) {
            world.check_exchange();
            let view = world.exchanged(Side::Origin).origin.view();
            states.insert(view.state);
            superseded.extend(view.history.iter().filter_map(|entry| match entry.effect {
                Effect::Superseded(reason) => Some(reason),
                _ => None,
            }));
        }
        open.extend(steps(&world, kind, bounds, wanted));
    }
    (seen.len(), states, superseded)
}

#[test]
fn a_transfer_keeps_its_promises_in_every_interleaving() {
    let (worlds, states, superseded) = explore(Kind::Transfer);
    println!("{worlds} worlds, states {states:?}, superseded for {superseded:?}");
    assert!(!states.contains(&State::Rejected) && !states.contains(&State::Accepted));
    assert!(states.contains(&State::Completed) && states.contains(&State::Redirected));
    assert!(!superseded.is_empty(), "no events ever crossed");
}

#[test]
fn a_referral_keeps_its_promises_in_every_interleaving() {
    let (worlds, states, superseded) = explore(Kind::Referral);
    println!("{worlds} worlds, states {states:?}, superseded for {superseded:?}");
    assert!(states.contains(&State::Completed) && states.contains(&State::Rejected));
    assert!(states.contains(&State::Returned) && states.contains(&State::Relieved));
    assert!(!superseded.is_empty(), "no events ever crossed");
}

#[test]
fn a_notification_keeps_its_promises_in_every_interleaving() {
    let (worlds, states, _) = explore(Kind::Notification);
    println!("{worlds} worlds, states {states:?}");
    assert!(states.contains(&State::Closed));
    assert!(!states.contains(&State::Assigned));
}
