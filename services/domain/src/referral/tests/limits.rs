//! Time limits and refusals of limits in an opening or in an answer: how they travel, what they must be, and what shows
//! of them.

use jiff::SignedDuration;
use nhipcau_proto::referral::v1 as pb;
use prost::Message as _;

use super::world::{World, duty, new_branch, text, time, unit};
use crate::{
    limit::{LIMITS, Reckoning, STEPS},
    reason,
    referral::{
        BEGINNING_MINOR, Branch, Command, Condition, Draft, Event, EventKind, Kind, LadderStep, LimitRefusal, Mistake,
        Refusal, Side, State, Stop, TimeLimit, View, open,
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
    let mut world = World { origin, recipient: None, refused: false, begins: None };
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

/// An acknowledgement that begins a limit, and one that could not be computed.
fn answer() -> (World, Event, Vec<u8>) {
    let mut world = World::open(Kind::Transfer, duty(), 0);
    world.deliver(Side::Recipient);
    let mut draft = world.decide(Side::Recipient, Command::Acknowledge).expect("held").expect("lawful");
    let limit = TimeLimit {
        rule: "plan".into(),
        citation: text("Agreement"),
        stop: Stop::ServiceStarted,
        start: draft.time,
        acknowledge_due: time(50),
        warn: time(50),
        escalate: time(90),
        due: time(90),
        steps: Vec::new(),
        confirmation: None,
    };
    let citation = text("Agreement");
    let refused = LimitRefusal { rule: "outcome".into(), citation, reason: reason::LIMIT_CALENDAR_MISSING.into() };
    draft.begun = Reckoning { limits: vec![limit], refused: vec![refused] };
    let (event, bytes) = Event::write(draft);
    (world, event, bytes)
}

#[test]
fn what_an_answer_begins_travels_with_it_and_says_so_to_an_older_reader() {
    let (_, event, bytes) = answer();
    assert_eq!(Event::read(&bytes), Ok(event.clone()));
    assert_eq!(event.masked(&bytes), None, "none of it is about a person");
    assert_eq!(event.minor(), BEGINNING_MINOR);
    let only_refused = Reckoning { limits: Vec::new(), refused: event.begun.refused.clone() };
    assert_eq!(Draft { begun: only_refused, ..Draft::clone(&event) }.minor(), BEGINNING_MINOR);
    assert_eq!(Draft { begun: Reckoning::default(), ..Draft::clone(&event) }.minor(), 0, "and all else does not");
}

#[test]
fn what_no_answer_would_begin_so_is_refused_at_its_place() {
    type Break = fn(&mut pb::ReferralEvent);
    let first = "time_limits[0].start_time";
    let broken: [(Break, &[(&str, &str)]); 7] = [
        (
            |it| it.time_limits[0].stop = pb::TimeLimitStop::Acknowledged.into(),
            &[("time_limits[0].stop", reason::TIME_LIMIT_ORDER)],
        ),
        (|it| it.time_limits[0].start_time.as_mut().unwrap().nanos += 1, &[(first, reason::TIME_LIMIT_ORDER)]),
        (|it| it.event_time.as_mut().unwrap().seconds -= 1, &[(first, reason::TIME_LIMIT_ORDER)]),
        (
            |it| {
                let limit = &mut it.time_limits[0];
                limit.steps = vec![pb::LadderStep { step_time: limit.escalate_time, unit: None }];
            },
            &[("time_limits[0].steps", reason::FIELD_FORMAT)],
        ),
        (
            |it| {
                let minute = prost_types::Duration { seconds: 60, nanos: 0 };
                it.time_limits[0].telephone_confirmation = Some(minute);
            },
            &[("time_limits[0].steps", reason::FIELD_FORMAT)],
        ),
        (
            |it| it.event = Some(pb::referral_event::Event::RevocationGranted(pb::RevocationGranted {})),
            &[("time_limits", reason::FIELD_FORMAT), ("limit_refusals", reason::FIELD_FORMAT)],
        ),
        (
            |it| {
                it.time_limits = vec![it.time_limits[0].clone(); LIMITS + 1];
                it.limit_refusals = vec![it.limit_refusals[0].clone(); LIMITS + 1];
            },
            &[("time_limits", reason::TOO_MANY), ("limit_refusals", reason::TOO_MANY)],
        ),
    ];
    let (_, _, bytes) = answer();
    for (number, (change, expected)) in broken.into_iter().enumerate() {
        let mut value = pb::ReferralEvent::decode(bytes.as_slice()).expect("valid");
        change(&mut value);
        let refused = Event::read(&value.encode_to_vec()).expect_err("broken");
        let found: Vec<_> = refused.violations().iter().map(|it| (it.subject.as_str(), it.reason)).collect();
        assert_eq!(found, expected, "{number}");
    }
}

#[test]
fn of_each_rule_the_first_counts_whatever_a_later_answer_says_and_the_answer_counts_all_the_same() {
    let (mut world, acknowledged, _) = answer();
    let again = acknowledged.begun.clone();
    world.begins = Some(std::rc::Rc::new(move |_: &View, draft: &Draft| match draft.side {
        Side::Origin => Reckoning::default(),
        Side::Recipient => {
            let begun = |limit: &TimeLimit| TimeLimit { start: draft.time, due: time(9_000), ..limit.clone() };
            Reckoning { limits: again.limits.iter().map(begun).collect(), refused: again.refused.clone() }
        }
    }));
    assert!(world.act_at(Side::Recipient, Command::Acknowledge, time(5)));
    assert!(world.deliver(Side::Origin));
    assert!(world.act(Side::Origin, Command::Assign(Vec::new())) && world.deliver(Side::Recipient));
    assert!(world.act_at(Side::Recipient, Command::StartService, time(6)) && world.deliver(Side::Origin));
    let view = world.origin.view();
    assert_eq!(view.state, State::InService);
    let started: Vec<_> = view.begun.iter().map(|begun| (&*begun.rule, begun.event)).collect();
    assert_eq!((started.as_slice(), view.time_limits.len()), (&[("plan", EventKind::Acknowledged)][..], 1));
    assert_eq!((view.time_limits[0].start, view.limit_refusals.len()), (time(5), 1));
    world.check_exchange();
}
