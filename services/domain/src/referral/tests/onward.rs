//! Where a need may go next, and when one that was over is opened again.

use proptest::prelude::*;

use super::world::{World, duty, parts, unit};
use crate::{
    reason,
    referral::{
        Cause, Command, HandBack, Kind, Part, Redirection, Refusal, Side, State, UnitRef, View,
        group::{MOST_REDIRECTS, Next, Tried, onward, over},
    },
};

fn desk(number: usize) -> UnitRef {
    unit("hanoi", &format!("desk-{number}"))
}

/// What the origin knows of a branch that came so far.
fn view(state: State) -> View {
    let mut world = World::open(Kind::Referral, duty(), 0);
    world.deliver(Side::Recipient);
    let redirect = Command::Redirect { reason: Redirection::OutsideArea, advice: None };
    let assign = Command::Assign(parts(&[Part::Identity]));
    let steps = match state {
        State::Submitted => vec![],
        State::Redirected => vec![(Side::Recipient, redirect)],
        State::Relieved => vec![(Side::Origin, Command::Relieve)],
        _ => vec![
            (Side::Recipient, Command::Accept),
            (Side::Origin, assign),
            (Side::Recipient, Command::HandBack { reason: HandBack::NoCapacity }),
            (Side::Origin, Command::TakeHandBack),
        ],
    };
    for (side, command) in steps {
        assert!(world.act(side, command));
        world.deliver(side.other());
    }
    assert_eq!(world.origin.view().state, state);
    world.origin.view()
}

fn next(views: &[(UnitRef, View)], unit: &UnitRef, is_above: bool, is_forced: bool) -> Result<Cause, Refusal> {
    let tried: Vec<_> = views.iter().map(|(unit, view)| Tried { unit, view }).collect();
    let (_, before) = views.last().expect("somebody was asked first");
    onward(&tried, before, Next { unit, is_above, is_forced })
}

#[test]
fn a_redirect_in_a_circle_is_refused_unless_a_person_forces_it() {
    let tried = [(desk(0), view(State::Redirected)), (desk(1), view(State::Redirected))];
    assert_eq!(next(&tried, &desk(0), false, false), Err(Refusal::one("recipient", reason::REDIRECT_CIRCLE)));
    assert_eq!(next(&tried, &desk(0), false, true), Ok(Cause::Redirect));
    assert_eq!(next(&tried, &desk(2), false, false), Ok(Cause::Redirect));
}

#[test]
fn the_third_redirect_of_a_need_goes_up_a_level() {
    let redirected = view(State::Redirected);
    let mut tried = vec![(desk(0), redirected.clone()), (desk(1), redirected.clone())];
    assert_eq!(next(&tried, &desk(9), false, false), Ok(Cause::Redirect));
    tried.push((desk(2), redirected));
    let sideways = next(&tried, &desk(9), false, false);
    assert_eq!(sideways, Err(Refusal::one("recipient", reason::TOO_MANY_REDIRECTS)));
    assert_eq!(next(&tried, &desk(9), true, false), Ok(Cause::Escalation), "the next level");
    assert_eq!(next(&tried, &desk(9), false, true), Ok(Cause::Redirect), "a person knows better");
}

#[test]
fn a_branch_that_was_handed_back_sends_its_need_on_like_a_redirect() {
    let handed_back = view(State::Revoked);
    let mut tried = vec![(desk(0), handed_back.clone())];
    assert_eq!(next(&tried, &desk(1), false, false), Ok(Cause::Redirect));
    assert!(next(&tried, &desk(0), false, false).expect_err("it was there").has(reason::REDIRECT_CIRCLE));
    tried.extend([(desk(1), handed_back.clone()), (desk(2), handed_back)]);
    assert!(next(&tried, &desk(3), false, false).expect_err("too often").has(reason::TOO_MANY_REDIRECTS));
}

#[test]
fn a_unit_that_was_let_go_for_another_one_may_be_asked_when_that_one_hands_back() {
    let tried = [(desk(1), view(State::Relieved)), (desk(0), view(State::Revoked))];
    assert_eq!(next(&tried, &desk(1), false, false), Ok(Cause::Redirect));
}

#[test]
fn silence_leads_to_the_next_level() {
    assert_eq!(next(&[(desk(0), view(State::Submitted))], &desk(1), false, false), Ok(Cause::Escalation));
}

#[test]
fn a_need_is_opened_again_only_when_all_of_it_is_over_and_only_once() {
    let ended = [State::Closed, State::Rejected, State::Relieved, State::Revoked, State::Returned, State::Redirected];
    assert_eq!(over(ended, false), Ok(()));
    assert_eq!(over(ended, true), Err(Refusal::one("cause_branch", reason::NEED_OPEN)), "it goes on from there");
    let open = State::ALL.into_iter().filter(|state| !ended.contains(state) && *state != State::EnteredInError);
    for state in open {
        assert_eq!(over([State::Closed, state], false), Err(Refusal::one("cause_branch", reason::NEED_OPEN)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_need_goes_round_by_itself(steps in prop::collection::vec((0_usize..8, any::<bool>(), any::<bool>()), 1..40)) {
        let [redirected, silent] = [State::Redirected, State::Submitted].map(view);
        let mut tried = vec![(desk(0), redirected.clone())];
        for (number, is_above, answers) in steps {
            let unit = desk(number);
            let was_there = tried.iter().any(|(tried, _)| *tried == unit);
            let redirects = tried.iter().filter(|(_, view)| view.state == State::Redirected).count();
            let going = next(&tried, &unit, is_above, false);
            prop_assert_eq!(going.is_ok(), !was_there && (is_above || redirects <= MOST_REDIRECTS));
            prop_assert!(next(&tried, &unit, is_above, true).is_ok());
            if going.is_ok() {
                tried.push((unit, if answers { redirected.clone() } else { silent.clone() }));
            }
        }
        prop_assert!(tried.len() <= 8, "every unit at most once");
    }
}
