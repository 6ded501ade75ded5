//! Time limits and refusals of limits in an opening: how they travel, what they must be, and what shows of them.

use jiff::SignedDuration;
use nhipcau_proto::referral::v1 as pb;
use prost::Message as _;

use super::world::{World, duty, new_branch, text, time, unit};
use crate::{
    limit::{LIMITS, STEPS},
    reason,
    referral::{
        Branch, Command, Condition, Event, Kind, LadderStep, LimitRefusal, Mistake, Refusal, Side, Stop, TimeLimit,
        open,
    },
};

/// An opening with a limit that has a ladder, and with one that could not be computed.
fn opening() -> (Event, Vec<u8>) {
    let mut new = new_branch(Kind::Transfer, duty(), 0);
    let step = |second, unit| LadderStep { time: time(second), unit };
    new.opening.time_limits = vec![TimeLimit {
        rule: "answer".into(),
        citation: text("Agreement"),
        stop: Stop::Acknowledged,
        start: time(-3_600),
        acknowledge_due: time(1),
        warn: time(1),
        escalate: time(2),
        due: time(9),
        steps: vec![step(2, Some(unit("hanoi", "west"))), step(4, None)],
        confirmation: Some(SignedDuration::from_mins(20)),
    }];
    let refused =
        |rule: &str, citation, reason: &str| LimitRefusal { rule: rule.into(), citation, reason: reason.into() };
    new.opening.limit_refusals = vec![
        refused("plan", text("Decree 56/2017/NĐ-CP"), reason::LIMIT_CALENDAR_ENDED),
        refused("", Default::default(), "A_REASON_OF_LATER_2"),
    ];
    Event::write(open(new).expect("lawful"))
}

#[test]
fn a_ladder_and_what_could_not_be_computed_travel() {
    let (event, bytes) = opening();
    assert_eq!(Event::read(&bytes), Ok(event.clone()));
    assert_eq!(event.masked(&bytes), None, "none of it is about a person");
}

#[test]
fn a_limit_or_a_refusal_that_is_not_as_documented_is_refused_at_its_place() {
    type Break = fn(&mut pb::TimeLimit, &mut pb::LimitRefusal);
    let (limit, refused) = ("opened.time_limits[0]", "opened.limit_refusals[0]");
    let broken: [(Break, String, _); 12] = [
        (|limit, _| limit.steps[0].step_time = None, format!("{limit}.steps[0].step_time"), reason::FIELD_REQUIRED),
        (|limit, _| limit.steps.swap(0, 1), limit.into(), reason::TIME_LIMIT_ORDER),
        (|limit, _| limit.steps[1].step_time.as_mut().unwrap().seconds += 9, limit.into(), reason::TIME_LIMIT_ORDER),
        (
            |limit, _| limit.steps[0].unit.as_mut().unwrap().unit = "West".into(),
            format!("{limit}.steps[0].unit.unit"),
            reason::FIELD_FORMAT,
        ),
        (|limit, _| limit.steps = vec![limit.steps[0].clone(); STEPS + 1], format!("{limit}.steps"), reason::TOO_MANY),
        (
            |limit, _| limit.telephone_confirmation.as_mut().unwrap().seconds = 0,
            format!("{limit}.telephone_confirmation"),
            reason::FIELD_FORMAT,
        ),
        (
            |limit, _| limit.telephone_confirmation.as_mut().unwrap().nanos = -1,
            format!("{limit}.telephone_confirmation"),
            reason::FIELD_FORMAT,
        ),
        (|_, refused| refused.rule = "Plan".into(), format!("{refused}.rule"), reason::FIELD_FORMAT),
        (|_, refused| refused.reason.clear(), format!("{refused}.reason"), reason::FIELD_FORMAT),
        (|_, refused| refused.reason = "calendar year".into(), format!("{refused}.reason"), reason::FIELD_FORMAT),
        (|_, refused| refused.reason = "X".repeat(64), format!("{refused}.reason"), reason::FIELD_FORMAT),
        (|_, refused| refused.citation = "x".repeat(201), format!("{refused}.citation"), reason::TEXT_TOO_LONG),
    ];
    let (_, bytes) = opening();
    for (number, (change, place, reason)) in broken.into_iter().enumerate() {
        let mut value = pb::ReferralEvent::decode(bytes.as_slice()).expect("valid");
        let Some(pb::referral_event::Event::Opened(opened)) = &mut value.event else { panic!("an opening") };
        change(&mut opened.time_limits[0], &mut opened.limit_refusals[0]);
        assert_eq!(Event::read(&value.encode_to_vec()), Err(Refusal::one(place, reason)), "{number}");
    }
    let mut value = pb::ReferralEvent::decode(bytes.as_slice()).expect("valid");
    let Some(pb::referral_event::Event::Opened(opened)) = &mut value.event else { panic!("an opening") };
    opened.limit_refusals = vec![opened.limit_refusals[0].clone(); LIMITS + 1];
    let refused = Event::read(&value.encode_to_vec());
    assert_eq!(refused, Err(Refusal::one("opened.limit_refusals", reason::TOO_MANY)));
}

#[test]
fn a_limit_that_could_not_be_computed_is_a_condition_while_somebody_waits() {
    let mut new = new_branch(Kind::Transfer, duty(), 0);
    new.opening.limit_refusals = vec![LimitRefusal {
        rule: "plan".into(),
        citation: text("Decree 56/2017/NĐ-CP"),
        reason: reason::LIMIT_CALENDAR_ENDED.into(),
    }];
    let (event, bytes) = Event::write(open(new).expect("lawful"));
    assert_eq!(Event::read(&bytes).expect("what was written is read"), event);
    let origin = Branch::open(event).expect("opening");
    let mut world = World { origin, recipient: None, refused: false };
    world.deliver(Side::Recipient);
    let held = |world: &World| Side::ALL.map(|side| world.copy(side).expect("delivered").view().conditions(time(9)));
    assert_eq!(held(&world), [[Condition::LimitUnknown], [Condition::LimitUnknown]], "on both sides");
    world.act(Side::Origin, Command::EnterInError { reason: Mistake::Trial });
    world.deliver(Side::Recipient);
    assert!(held(&world).iter().all(|held| !held.contains(&Condition::LimitUnknown)), "nobody waits any more");
}

#[test]
fn the_steps_of_a_limit_lead_from_its_escalation_to_its_end() {
    let limit = |steps: &[i64], due| TimeLimit {
        rule: "ladder".into(),
        citation: text("Agreement"),
        stop: Stop::Acknowledged,
        start: time(0),
        acknowledge_due: time(0),
        warn: time(0),
        escalate: time(2),
        due: time(due),
        steps: steps.iter().map(|step| LadderStep { time: time(*step), unit: None }).collect(),
        confirmation: None,
    };
    for (steps, is_ordered) in [
        (&[][..], true),
        (&[2], true),
        (&[2, 4, 4, 9], true),
        (&[3], false),
        (&[2, 1], false),
        (&[2, 4, 3], false),
        (&[2, 10], false),
    ] {
        assert_eq!(limit(steps, 9).is_ordered(), is_ordered, "{steps:?}");
        let mut new = new_branch(Kind::Transfer, duty(), 0);
        new.opening.time_limits = vec![limit(steps, 9)];
        assert_eq!(open(new).is_ok(), is_ordered, "nor is it sent");
    }
}
