//! Work on a case: who may say so when, what a review holds up, and what stays whole when it is masked or forged.

use nhipcau_proto::referral::v1 as pb;
use prost::Message as _;

use super::{
    interleaving::explore_with,
    world::{World, duty, new_branch, parts, system, time, work},
};
use crate::{
    reason,
    referral::{
        Body, Branch, Command, Conclusion, Criterion, Event, HandBack, Kind, MOST_WORK, Mistake, Outcome, Part,
        Personal, Refusal, Request, RiskLevel, Salt, Side, State, Stop, Text, TimeLimit, Work, WorkDetails, WorkKind,
        check_part, decide,
    },
};

const COMPLETE: Command = Command::Complete { outcome: Outcome::Resolved };

fn review(conclusion: Conclusion) -> Command {
    work(WorkKind::Review, Some(conclusion))
}

/// A branch that its recipient has taken, and whether the origin has assigned it.
fn taken(kind: Kind, is_assigned: bool) -> World {
    let mut world = World::open(kind, duty(), 0);
    world.deliver(Side::Recipient);
    let (answer, due) = match kind {
        Kind::Transfer => (Command::Acknowledge, Vec::new()),
        _ => (Command::Accept, parts(&[Part::Identity])),
    };
    assert!(world.act(Side::Recipient, answer) && world.deliver(Side::Origin));
    if is_assigned {
        assert!(world.act(Side::Origin, Command::Assign(due)) && world.deliver(Side::Recipient));
    }
    world
}

fn refused(world: &World, command: Command) -> Refusal {
    world.decide(Side::Recipient, command).expect("a copy").expect_err("refused")
}

fn is_of_work(command: &Command) -> bool {
    matches!(
        command,
        Command::Acknowledge
            | Command::Accept
            | Command::Assign(_)
            | Command::StartService
            | Command::Complete { .. }
            | Command::RecordWork { .. }
            | Command::HandBack { .. }
            | Command::TakeHandBack
            | Command::EnterInError { .. }
    )
}

#[test]
fn a_review_holds_up_the_end_in_every_interleaving() {
    for kind in [Kind::Transfer, Kind::Referral] {
        let (worlds, states, superseded) = explore_with(kind, [4, 4], is_of_work);
        println!("{worlds} worlds, states {states:?}, superseded for {superseded:?}");
        assert!(states.contains(&State::Completed) && states.contains(&State::Revoked));
        assert!(superseded.contains(reason::WRONG_STATE), "work crossed an end");
    }
}

#[test]
fn work_is_recorded_from_when_somebody_acts_until_the_end_and_changes_no_state() {
    let measure = || work(WorkKind::Measure, None);
    for kind in [Kind::Transfer, Kind::Referral] {
        let mut world = World::open(kind, duty(), 0);
        world.deliver(Side::Recipient);
        assert!(refused(&world, measure()).has(reason::WRONG_STATE), "nobody acts yet");
        let mut world = taken(kind, false);
        let before = world.recipient.as_ref().expect("delivered").view();
        assert!(world.act(Side::Recipient, measure()) && world.deliver(Side::Origin));
        let view = world.origin.view();
        assert_eq!((view.state, view.responsible(), view.disclosed), (before.state, Side::Origin, before.disclosed));
        assert_eq!(view.work.len(), 1);
        let mut world = taken(kind, true);
        assert!(world.act(Side::Recipient, measure()) && world.act(Side::Recipient, Command::StartService));
        assert!(world.act(Side::Recipient, measure()) && world.act(Side::Recipient, COMPLETE));
        assert!(refused(&world, measure()).has(reason::WRONG_STATE), "it is at its end");
    }
    let mut referral = World::open(Kind::Referral, duty(), 0);
    referral.deliver(Side::Recipient);
    assert!(referral.act(Side::Recipient, Command::Acknowledge));
    assert!(refused(&referral, measure()).has(reason::WRONG_STATE), "whoever has seen a REFERRAL does not serve yet");
    let notice = World::open(Kind::Notification, duty(), 0).exchanged(Side::Recipient);
    assert!(refused(&notice, measure()).has(reason::NOT_FOR_THIS_KIND));
}

#[test]
fn a_new_plan_is_followed_through_before_the_case_is_completed() {
    let mut world = taken(Kind::Transfer, true);
    assert_eq!(refused(&world, work(WorkKind::PlanApproved, None)), Refusal::one("branch", reason::PLAN_MISSING));
    assert!(world.act(Side::Recipient, work(WorkKind::PlanDrafted, None)));
    assert!(world.act(Side::Recipient, work(WorkKind::PlanApproved, None)));
    assert!(world.act(Side::Recipient, review(Conclusion::NewPlan)));
    assert_eq!(refused(&world, COMPLETE), Refusal::one("branch", reason::REVIEW_OPEN));
    assert!(world.act(Side::Recipient, work(WorkKind::PlanApproved, None)), "nothing else is forced");
    assert!(world.act(Side::Recipient, Command::HandBack { reason: HandBack::NoCapacity }), "it may give it back");
    assert!(world.act(Side::Recipient, review(Conclusion::Close)) && world.act(Side::Recipient, COMPLETE));
    assert_eq!(world.exchanged(Side::Origin).origin.view().state, State::Completed);
}

#[test]
fn nothing_is_recorded_behind_a_completion_that_waits_for_the_assignment() {
    let mut world = taken(Kind::Transfer, false);
    assert!(world.act(Side::Recipient, review(Conclusion::NewPlan)));
    assert!(refused(&world, COMPLETE).has(reason::REVIEW_OPEN));
    assert!(world.act(Side::Recipient, review(Conclusion::Close)) && world.act(Side::Recipient, COMPLETE));
    assert!(refused(&world, review(Conclusion::NewPlan)).has(reason::WRONG_STATE));
    assert!(world.act(Side::Origin, Command::Assign(Vec::new())));
    assert_eq!(world.exchanged(Side::Recipient).origin.view().state, State::Completed);
}

#[test]
fn only_a_person_records_what_was_done_and_not_what_will_be() {
    let world = taken(Kind::Transfer, true);
    let copy = world.recipient.as_ref().expect("delivered");
    let record = |done, actor| {
        let work = Work { kind: WorkKind::Measure, done: time(done), role: "officer".into(), conclusion: None };
        let command = Command::RecordWork { work, details: Vec::new() };
        decide(copy, Side::Recipient, Request { command, etag: None, actor, now: time(1_000) })
    };
    assert_eq!(record(1, system()).expect_err("nobody"), Refusal::one("branch", reason::PERSON_REQUIRED));
    let person = super::world::person;
    assert_eq!(record(1_301, person()).expect_err("later"), Refusal::one("branch", reason::TIME_IN_FUTURE));
    assert!(record(1_300, person()).is_ok(), "clocks may differ so much");
}

#[test]
fn a_measure_that_danger_did_not_let_wait_stops_what_waits_for_the_service() {
    let mut new = new_branch(Kind::Transfer, duty(), 0);
    new.opening.time_limits = vec![TimeLimit {
        rule: "transfer-12h".into(),
        citation: super::world::text("Decree 56/2017/NĐ-CP art. 26.3"),
        stop: Stop::ServiceStarted,
        start: time(0),
        acknowledge_due: time(9),
        warn: time(9),
        escalate: time(9),
        due: time(9),
        steps: Vec::new(),
        confirmation: None,
    }];
    let mut world = World::opened(new);
    world.deliver(Side::Recipient);
    assert!(world.act(Side::Recipient, Command::Acknowledge));
    assert!(world.act(Side::Recipient, work(WorkKind::Measure, None)));
    let stopped = |world: &World| world.exchanged(Side::Origin).origin.view().stopped(Stop::ServiceStarted);
    assert_eq!(stopped(&world), None, "another measure is none of these");
    assert!(world.act(Side::Recipient, work(WorkKind::EmergencyMeasure, None)));
    assert_eq!(stopped(&world), Some(time(2)), "by when it was recorded, not by when they say they did it");
}

#[test]
fn works_are_so_many_and_what_ends_a_review_always_has_room() {
    let mut world = taken(Kind::Transfer, true);
    for _ in 1..MOST_WORK {
        assert!(world.act(Side::Recipient, work(WorkKind::Measure, None)));
    }
    assert!(world.act(Side::Recipient, review(Conclusion::NewPlan)));
    for another in [work(WorkKind::Measure, None), review(Conclusion::NewPlan)] {
        assert_eq!(refused(&world, another), Refusal::one("branch", reason::TOO_MANY));
    }
    assert!(world.act(Side::Recipient, review(Conclusion::Close)));
    assert_eq!(refused(&world, review(Conclusion::Close)), Refusal::one("branch", reason::TOO_MANY));
    assert!(world.act(Side::Recipient, COMPLETE));
}

#[test]
fn work_that_crossed_an_end_stays_as_evidence_and_is_not_shown_as_done() {
    let mut world = taken(Kind::Transfer, true);
    assert!(world.act(Side::Recipient, review(Conclusion::NewPlan)));
    assert!(world.act(Side::Origin, Command::EnterInError { reason: Mistake::WrongPerson }));
    let after = world.exchanged(Side::Recipient);
    assert_eq!((after.origin.view().work, after.origin.view().has_open_review()), (Vec::new(), false));
}

/// What is wrong with a work on the wire.
fn wrong(change: fn(&mut pb::Work)) -> Refusal {
    let world = taken(Kind::Transfer, true);
    let draft = world.decide(Side::Recipient, review(Conclusion::Close)).expect("a copy").expect("lawful");
    let (event, bytes) = Event::write(draft);
    assert_eq!(Event::read(&bytes).as_ref(), Ok(&event));
    assert_eq!(event.masked(&bytes), None, "what is said about the child is beside it");
    let mut value = pb::ReferralEvent::decode(bytes.as_slice()).expect("valid");
    let Some(pb::referral_event::Event::WorkRecorded(recorded)) = &mut value.event else { panic!("a work") };
    change(recorded.work.as_mut().expect("stated"));
    Event::read(&value.encode_to_vec()).expect_err("refused")
}

#[test]
fn a_work_that_is_not_as_documented_is_refused_at_its_place() {
    let at = |field: &str| format!("work_recorded.work.{field}");
    assert_eq!(wrong(|work| work.kind = 0), Refusal::one(at("kind"), reason::FIELD_REQUIRED));
    assert_eq!(wrong(|work| work.kind = 8), Refusal::one(at("kind"), reason::CODE_UNKNOWN));
    assert_eq!(wrong(|work| work.kind = 6), Refusal::one(at("conclusion"), reason::FIELD_FORMAT));
    assert_eq!(wrong(|work| work.conclusion = 0), Refusal::one(at("conclusion"), reason::FIELD_REQUIRED));
    assert_eq!(wrong(|work| work.conclusion = 3), Refusal::one(at("conclusion"), reason::CODE_UNKNOWN));
    assert_eq!(wrong(|work| work.role = "Cán bộ".into()), Refusal::one(at("role"), reason::FIELD_FORMAT));
    assert_eq!(wrong(|work| work.work_time = None), Refusal::one(at("work_time"), reason::FIELD_REQUIRED));
}

#[test]
fn a_review_without_its_part_is_refused_also_where_it_arrives() {
    let world = taken(Kind::Transfer, true);
    let Command::RecordWork { work, .. } = review(Conclusion::NewPlan) else { unreachable!("a work") };
    let bare = Command::RecordWork { work, details: Vec::new() };
    assert_eq!(refused(&world, bare.clone()), Refusal::one("branch", reason::PART_MISSING));
    let draft = world.decide(Side::Recipient, review(Conclusion::NewPlan)).expect("a copy").expect("lawful");
    let forged = Event::write(crate::referral::Draft { parts: Vec::new(), ..draft }).0;
    assert!(world.origin.admit(&forged).expect_err("forged").has(reason::PART_MISSING));
    let of_the_child = Command::RecordWork {
        work: Work { kind: WorkKind::Measure, done: time(1), role: "officer".into(), conclusion: None },
        details: parts(&[Part::Identity]),
    };
    assert!(refused(&world, of_the_child).has(reason::DISCLOSURE_TOO_EARLY), "nothing else travels with it");
}

const ALL: [Criterion; 4] =
    [Criterion::HarmStillSerious, Criterion::PerpetratorAccess, Criterion::ObstaclesInCare, Criterion::SelfProtection];

fn details(criteria: &[Criterion], note: &str) -> WorkDetails {
    let graded = criteria.iter().map(|criterion| (*criterion, RiskLevel::Low)).collect();
    let note = Text::read_or_empty(note, 1_000, "note", &mut Refusal::default()).expect("plain");
    WorkDetails { salt: Salt::new([7; 32]), criteria: Personal::new(graded), note: Personal::new(note) }
}

#[test]
fn a_review_grades_every_criterion_and_only_what_looks_at_risk_grades_any() {
    let of = |kind| Work { kind, done: time(1), role: "officer".into(), conclusion: None };
    let said = |kind, details: Option<WorkDetails>| {
        let mut refusal = Refusal::default();
        of(kind).check(details.as_ref(), &mut refusal);
        refusal.violations().first().map(|violation| violation.reason)
    };
    let required = Some(reason::FIELD_REQUIRED);
    assert_eq!(said(WorkKind::Review, Some(details(&ALL, ""))), None);
    assert_eq!(said(WorkKind::Review, Some(details(&ALL[1..], ""))), required);
    assert_eq!(said(WorkKind::Review, None), required);
    for kind in [WorkKind::InitialAssessment, WorkKind::SpecificAssessment] {
        assert_eq!([said(kind, None), said(kind, Some(details(&ALL[..1], "")))], [None, None]);
    }
    for kind in [WorkKind::EmergencyMeasure, WorkKind::PlanDrafted, WorkKind::PlanApproved, WorkKind::Measure] {
        assert_eq!(said(kind, Some(details(&[], "đã làm"))), None);
        assert_eq!(said(kind, Some(details(&ALL[..1], ""))), Some(reason::FIELD_FORMAT));
    }
}

#[test]
fn what_is_said_about_the_child_is_read_as_written_and_refused_at_its_place() {
    let whole = details(&ALL, "ổn định");
    let mut refusal = Refusal::default();
    assert_eq!(WorkDetails::read(&whole.write(), "work", &mut refusal), Some(whole.clone()));
    assert!(!format!("{whole:?}").contains("ổn định"), "never printed");
    type Break = fn(&mut pb::WorkDetails);
    let broken: [(Break, &str, &str); 6] = [
        (|it| it.salt.truncate(31), "work.salt", reason::FIELD_FORMAT),
        (|it| it.criteria[3].level = pb::RiskLevel::Unknown.into(), "work.criteria[3]", reason::CODE_UNKNOWN),
        (|it| it.criteria[3].criterion = 5, "work.criteria[3]", reason::CODE_UNKNOWN),
        (|it| it.criteria[3].criterion = 1, "work.criteria[3]", reason::FIELD_FORMAT),
        (|it| it.note = "a".repeat(1_001), "work.note", reason::TEXT_TOO_LONG),
        (
            |it| {
                it.criteria.clear();
                it.note.clear();
            },
            "work.note",
            reason::FIELD_REQUIRED,
        ),
    ];
    for (change, place, reason) in broken {
        let mut value = whole.write();
        change(&mut value);
        assert_eq!(check_part(Part::Work, &value.encode_to_vec()), Err(Refusal::one(place, reason)));
    }
}

#[test]
fn a_log_that_was_stored_is_put_together_with_its_work() {
    let mut world = taken(Kind::Referral, true);
    assert!(world.act(Side::Recipient, review(Conclusion::NewPlan)) && world.deliver(Side::Origin));
    let [origin, recipient] = Side::ALL.map(|side| world.origin.log(side).events().to_vec());
    let view = Branch::restore(origin, recipient).expect("one chain").view();
    assert_eq!(view, world.origin.view());
    let body = world.origin.log(Side::Recipient).events().last().map(|event| event.body.clone());
    assert!(matches!(body, Some(Body::WorkRecorded(work)) if Some(&work) == view.work.first().map(|it| &it.work)));
    assert_eq!(view.work.first().and_then(|recorded| recorded.details), Some([7; 32]));
}
