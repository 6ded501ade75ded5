//! Every order of what two sides write, deliver and let pass.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

/// Both copies of one enquiry, and what time it is for both.
#[derive(Debug, Clone)]
struct World {
    origin: Enquiry,
    /// `None` until it is delivered.
    recipient: Option<Enquiry>,
    now: i64,
}

impl World {
    fn new() -> Self {
        Self { origin: asked(), recipient: None, now: 1 }
    }

    fn copy(&self, side: Side) -> Option<&Enquiry> {
        match side {
            Side::Origin => Some(&self.origin),
            Side::Recipient => self.recipient.as_ref(),
        }
    }

    fn copy_mut(&mut self, side: Side) -> Option<&mut Enquiry> {
        match side {
            Side::Origin => Some(&mut self.origin),
            Side::Recipient => self.recipient.as_mut(),
        }
    }

    /// Writes an event at a side; false where that is refused.
    fn write(&mut self, side: Side, body: Body) -> bool {
        let now = time(self.now);
        let Some(copy) = self.copy_mut(side) else { return false };
        let actor = if body == Body::Unattended { system() } else { person() };
        let Ok(draft) = copy.next(body, actor, now) else { return false };
        let (event, bytes) = Event::write(draft);
        assert_eq!(Event::read(&bytes).as_ref(), Ok(&event), "what is written is read");
        copy.record(event).unwrap();
        true
    }

    /// Delivers the next event to a side; false when there is none.
    fn deliver(&mut self, to: Side) -> bool {
        let held = self.copy(to).map_or(0, |copy| copy.log(to.other()).len());
        let Some(event) = self.copy(to.other()).and_then(|copy| copy.log(to.other()).get(held).cloned()) else {
            return false;
        };
        match self.copy_mut(to) {
            None => self.recipient = Some(Enquiry::open(event).unwrap()),
            Some(copy) => {
                copy.admit(&event).expect("lawful with what its writer knew");
                copy.record(event).unwrap();
            }
        }
        true
    }

    fn exchanged(&self, first: Side) -> Self {
        let mut world = self.clone();
        while world.deliver(first) || world.deliver(first.other()) {}
        world
    }

    fn state(&self, side: Side) -> Option<State> {
        self.copy(side).map(|copy| copy.view().at(time(self.now)).0)
    }

    /// What holds at every moment, and once everything has arrived, in whatever order.
    fn check(&self) -> State {
        let (one, two) = (self.exchanged(Side::Origin), self.exchanged(Side::Recipient));
        assert_eq!(one.origin.view(), two.origin.view());
        assert_eq!(Some(one.origin.view()), one.recipient.as_ref().map(Enquiry::view), "both sides say the same");
        let assembled = Enquiry::assemble(one.origin.log(Side::Origin), one.origin.log(Side::Recipient));
        assert_eq!(assembled.unwrap(), Some((one.origin.clone(), true)), "what is stored is read as it was");
        let view = one.origin.view();
        let wrote = |body: fn(&Body) -> bool| {
            Side::ALL.iter().any(|side| one.origin.log(*side).iter().any(|it| body(&it.body)))
        };
        let (state, since) = view.at(time(self.now));
        if wrote(|body| matches!(body, Body::Withdrawn)) {
            assert_eq!(state, State::Withdrawn, "a withdrawal wins over an answer that it crosses");
        }
        assert!(view.end() <= time(0) + ANSWERED_WITHIN + LONGEST_HOLD, "every enquiry ends by itself");
        let is_over = view.at(Timestamp::MAX).0;
        assert!(!is_over.is_open() && is_over != State::Held, "nothing is held or waits for ever: {is_over:?}");
        if state == State::Held {
            let until = view.until.unwrap();
            assert!(time(self.now) < until && until <= since + LONGEST_HOLD, "a hold is bounded");
        }
        if matches!(state, State::Held | State::Confirmed | State::Released) {
            let is_yes = |body: &Body| matches!(body, Body::Answered(Answer::Yes { .. }));
            assert!(wrote(is_yes), "nothing is held without a yes");
            let mut answers = one.origin.log(Side::Recipient).iter().filter(|it| it.body != Body::Unattended);
            assert!(answers.all(|it| it.actor.person.is_some()), "no desk answers without a person");
        }
        assert_eq!(view.referral.is_some(), view.confirmed.is_some());
        state
    }
}

#[test]
fn both_sides_come_to_the_same_in_every_order_and_nothing_is_held_for_ever() {
    let (mut seen, mut states) = (HashSet::new(), HashSet::new());
    let mut open = vec![World::new()];
    while let Some(world) = open.pop() {
        if !seen.insert(format!("{world:?}")) {
            continue;
        }
        states.insert(world.check());
        for side in Side::ALL {
            for body in bodies(side, world.now) {
                let mut after = world.clone();
                if after.write(side, body) {
                    open.push(after);
                }
            }
            let mut after = world.clone();
            if after.deliver(side) {
                open.push(after);
            }
        }
        // Before the hold is over, after it, and after everything.
        if let Some(now) = [HOUR, 3 * HOUR, 30 * HOUR].into_iter().find(|now| *now > world.now) {
            open.push(World { now, ..world.clone() });
        }
    }
    assert_eq!(states.len(), State::ALL.len(), "every state is reached: {states:?}");
    assert!(seen.len() > 100, "{} worlds", seen.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_tried_when_both_sides_agree(
        steps in prop::collection::vec((any::<bool>(), 0..6_usize, 0..4 * HOUR), 1..40),
    ) {
        let mut world = World::new();
        for (is_origin, number, pass) in steps {
            let side = if is_origin { Side::Origin } else { Side::Recipient };
            match bodies(side, world.now).get(number) {
                Some(body) => drop(world.write(side, *body)),
                None if number < 5 => drop(world.deliver(side)),
                None => world.now += pass,
            }
            world.check();
        }
        let [origin, recipient] = Side::ALL.map(|side| world.exchanged(side).state(side));
        prop_assert_eq!(origin, recipient);
    }

    #[test]
    fn no_bytes_make_an_event_that_is_not_written_as_it_is_read(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(event) = Event::read(&bytes) {
            let (again, written) = Event::write((*event).clone());
            prop_assert_eq!(&Event::read(&written).unwrap(), &again);
        }
    }
}
