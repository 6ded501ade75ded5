//! What is refused, each by its reason.

use super::*;
use crate::{
    reason,
    referral::{Digest, Fault, Mark, Refusal},
};

fn found<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> Vec<&'static str> {
    refused.unwrap_err().violations().iter().map(|it| it.reason).collect()
}

fn written(enquiry: &mut Enquiry, body: Body, now: i64) {
    let (event, _) = Event::write(enquiry.next(body, person(), time(now)).unwrap());
    enquiry.record(event).unwrap();
}

#[test]
fn nobody_is_asked_for_the_past_or_for_too_far_ahead_and_only_by_a_person() {
    let invalid = vec![reason::PLACEMENT_TIME_INVALID];
    assert_eq!(found(asking(Some(time(-1)), person())), invalid);
    assert_eq!(found(asking(Some(time(0) + LONGEST_AHEAD + ANSWERED_WITHIN), person())), invalid);
    assert_eq!(found(asking(None, system())), [reason::PERSON_REQUIRED]);
    let one = unit("vwu/desk");
    let to_itself = ask(REFERRAL, (one.clone(), one), None, person(), time(0));
    assert_eq!(found(to_itself), [reason::RECIPIENT_REPEATED]);
    let later = Enquiry::open(Event::write(asking(Some(time(24 * HOUR)), person()).unwrap().clone()).0).unwrap();
    assert_eq!(later.view().end(), time(24 * HOUR) + ANSWERED_WITHIN);
}

#[test]
fn a_hold_is_bounded_and_ends_at_its_time_to_the_second() {
    let mut enquiry = asked();
    let yes = |until| Body::Answered(Answer::Yes { until });
    for until in [time(60), time(61) + LONGEST_HOLD] {
        assert_eq!(found(enquiry.next(yes(until), person(), time(60))), [reason::PLACEMENT_TIME_INVALID]);
    }
    written(&mut enquiry, yes(time(HOUR)), 60);
    let state = |at| enquiry.view().at(time(at)).0;
    assert_eq!([state(HOUR - 1), state(HOUR)], [State::Held, State::Expired]);
    let confirm = Body::Confirmed { referral: REFERRAL };
    assert_eq!(found(enquiry.next(confirm, person(), time(HOUR))), [reason::WRONG_STATE]);
    assert_eq!(found(enquiry.next(Body::Released, person(), time(HOUR))), [reason::WRONG_STATE]);
    written(&mut enquiry, confirm, HOUR - 1);
    let view = enquiry.view();
    assert_eq!((view.at(time(9 * HOUR)).0, view.referral), (State::Confirmed, Some(REFERRAL)));
    written(&mut enquiry, Body::Released, 2 * HOUR);
    assert_eq!(enquiry.view().at(time(2 * HOUR)).0, State::Released);
}

#[test]
fn a_desk_answers_once_and_may_ask_to_be_called_before() {
    let mut enquiry = asked();
    let no = Body::Answered(Answer::No { code: Rejection::NoCapacity });
    assert_eq!(found(enquiry.next(no, system(), time(1))), [reason::PERSON_REQUIRED], "never by a machine");
    written(&mut enquiry, Body::Answered(Answer::CallMe), 1);
    let call = Body::Answered(Answer::CallMe);
    assert_eq!(found(enquiry.next(call, person(), time(2))), [reason::WRONG_STATE]);
    assert_eq!(found(enquiry.next(no, person(), time(25 * HOUR))), [reason::WRONG_STATE], "too late");
    written(&mut enquiry, no, 2);
    for body in bodies(Side::Origin, 3).into_iter().chain(bodies(Side::Recipient, 3)) {
        let actor = if body == Body::Unattended { system() } else { person() };
        assert_eq!(found(enquiry.next(body, actor, time(3))), [reason::WRONG_STATE], "{body:?}");
    }
}

#[test]
fn that_nobody_is_left_to_tell_is_said_once_moves_nothing_and_only_before_an_answer() {
    let mut enquiry = asked();
    let mut expected = enquiry.view();
    expected.unattended = true;
    let said = enquiry.next(Body::Unattended, system(), time(1)).unwrap();
    enquiry.record(Event::write(said).0).unwrap();
    assert_eq!(enquiry.view(), expected, "nothing else is another");
    assert_eq!(found(enquiry.next(Body::Unattended, system(), time(2))), [reason::WRONG_STATE], "once");
    let until = time(2 * HOUR);
    written(&mut enquiry, Body::Answered(Answer::Yes { until }), 3);
    assert_eq!(enquiry.view().at(time(4)).0, State::Held, "somebody may come and answer");
    let mut answered = asked();
    written(&mut answered, Body::Answered(Answer::CallMe), 1);
    assert_eq!(found(answered.next(Body::Unattended, system(), time(2))), [reason::WRONG_STATE]);
    let by_somebody = asked().next(Body::Unattended, person(), time(1));
    assert_eq!(found(by_somebody), [reason::FIELD_FORMAT], "it is no person's word");
    let over = asked().next(Body::Unattended, system(), time(25 * HOUR));
    assert_eq!(found(over), [reason::WRONG_STATE], "nor of what is over");
}

#[test]
fn events_of_another_enquiry_unit_or_history_are_not_recorded() {
    let mut enquiry = asked();
    let lawful = enquiry.next(Body::Answered(Answer::CallMe), person(), time(1)).unwrap();
    let faulty = |change: &dyn Fn(&mut Draft)| {
        let mut draft = lawful.clone();
        change(&mut draft);
        asked().record(Event::write(draft).0)
    };
    assert_eq!(faulty(&|it| it.placement = REFERRAL), Err(Fault::Foreign));
    assert_eq!(faulty(&|it| it.owner = unit("moh/111")), Err(Fault::Foreign));
    assert_eq!(faulty(&|it| it.ordinal = 2), Err(Fault::Gap));
    assert_eq!(faulty(&|it| it.seen = Some(Mark { ordinal: 1, digest: Digest::ZERO })), Err(Fault::Forked));
    assert_eq!(faulty(&|it| it.seen = Some(Mark { ordinal: 2, digest: Digest::ZERO })), Err(Fault::SeenUnknown));
    enquiry.record(Event::write(lawful.clone()).0).unwrap();
    let other = Draft { time: time(2), ..lawful };
    assert_eq!(enquiry.record(Event::write(other).0), Err(Fault::Forked));
}

#[test]
fn an_answer_has_what_belongs_to_it_and_nothing_else() {
    let (until, code) = (Some(crate::referral::write_time(time(HOUR))), 1);
    for (answer, hold_until_time, code, expected) in [
        (0, None, 0, reason::CODE_UNKNOWN),
        (9, None, 0, reason::CODE_UNKNOWN),
        (1, None, 0, reason::FIELD_REQUIRED),
        (1, until, code, reason::FIELD_FORMAT),
        (2, None, 0, reason::FIELD_REQUIRED),
        (2, until, code, reason::FIELD_FORMAT),
        (3, None, code, reason::FIELD_FORMAT),
        (3, until, 0, reason::FIELD_FORMAT),
    ] {
        let mut refusal = Refusal::default();
        Answer::read(&pb::PlacementAnswered { answer, hold_until_time, code }, &mut refusal);
        assert!(refusal.has(expected), "{answer} {code}: {refusal:?}");
    }
}

#[test]
fn what_is_needed_is_counts_and_known_codes_each_once() {
    assert_eq!(check_need(&need()), Ok(()));
    let with = |change: fn(&mut pb::PlacementNeed)| {
        let mut need = need();
        change(&mut need);
        found(check_need(&need))
    };
    assert_eq!(with(|it| it.persons.clear()), [reason::FIELD_REQUIRED]);
    assert_eq!(with(|it| it.needs.clear()), [reason::FIELD_REQUIRED]);
    assert_eq!(with(|it| it.persons[0].count = 21), [reason::FIELD_FORMAT]);
    assert_eq!(with(|it| it.persons[0].count = 0), [reason::FIELD_FORMAT]);
    assert_eq!(with(|it| it.persons[0].age_group = 99), [reason::CODE_UNKNOWN]);
    assert_eq!(with(|it| it.persons[0].sex = 0), [reason::FIELD_REQUIRED]);
    assert_eq!(with(|it| it.persons.push(it.persons[0])), [reason::FIELD_FORMAT]);
    assert_eq!(with(|it| it.needs.push(99)), [reason::CODE_UNKNOWN]);
    assert_eq!(with(|it| it.needs.push(1)), [reason::FIELD_FORMAT]);
    assert_eq!(with(|it| it.needs = (1..=17).collect()).last(), Some(&reason::TOO_MANY));
}
