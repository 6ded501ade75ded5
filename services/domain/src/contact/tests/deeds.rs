//! What is done with contacts, in any order: ends stay ends, nothing is given up by itself, refusals change nothing.

use super::*;
use crate::{
    reason,
    referral::{Answer, Objection, Part, Personal},
};

fn request_id() -> Uuid {
    Uuid::try_parse(REQUEST).unwrap()
}

fn objection() -> Objection {
    Objection { subject: "recipients[0]".into(), reason: "NOT_AGREED".into(), candidates: Personal::new(Vec::new()) }
}

fn submitted() -> Answer {
    Answer::Submitted { case: ids().case, referral: Uuid::from_u128(9) }
}

fn sent(contact: &Contact) -> Contact {
    contact.send(&sending(), &call(&contact.etag(), &system()), &ROUTES).unwrap().contact
}

/// One thing that somebody tries.
#[derive(Debug, Clone, Copy)]
enum Try {
    Amend,
    Counsel,
    Send,
    HandOver,
    TakeBack,
    Close,
    AnswerYes,
    AnswerStands,
    AnswerNo,
}

fn standing() -> Answer {
    Answer::Standing { referral: Uuid::from_u128(10), objections: vec![objection()] }
}

fn tried(contact: &Contact, what: Try, call: &Call<'_>) -> Result<Contact, Refusal> {
    match what {
        Try::Amend => contact.amend(&pb::AmendContactRequest::default(), call).map(|amended| amended.contact),
        Try::Counsel => contact.counsel(call),
        Try::Send => contact.send(&sending(), call, &ROUTES).map(|sent| sent.contact),
        Try::HandOver => contact.hand_over(call),
        Try::TakeBack => contact.take_back(call),
        Try::Close => contact.close(pb::ContactCloseReason::Done.into(), call),
        Try::AnswerYes => contact.answered(request_id(), submitted(), now()),
        Try::AnswerStands => contact.answered(request_id(), standing(), now()),
        Try::AnswerNo => contact.answered(request_id(), Answer::Refused(vec![objection()]), now()),
    }
}

fn attempt() -> impl Strategy<Value = (Try, bool, bool)> {
    let deeds = [Try::Amend, Try::Counsel, Try::Send, Try::HandOver, Try::TakeBack, Try::Close];
    let tries = [&deeds[..], &[Try::AnswerYes, Try::AnswerStands, Try::AnswerNo]].concat();
    (prop::sample::select(tries), prop::bool::weighted(0.8), prop::bool::weighted(0.1))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_tried_a_contact_has_one_owner_and_one_referral(tries in prop::collection::vec(attempt(), 0..24)) {
        let mut contact = record(Some(least())).unwrap();
        for (what, by_person, is_stale) in tries {
            let actor = if by_person { person() } else { system() };
            let etag = if is_stale { "0".to_owned() } else { contact.etag() };
            let Ok(next) = tried(&contact, what, &call(&etag, &actor)) else { continue };
            let is_answer = matches!(what, Try::AnswerYes | Try::AnswerStands | Try::AnswerNo);
            prop_assert!(is_answer || !is_stale, "{what:?} by somebody who had not read it");
            let is_back = matches!(what, Try::TakeBack);
            let is_end = contact.state == State::Closed || contact.state == State::HandedOver && !is_back;
            prop_assert!(!is_end, "{what:?} after the end");
            prop_assert_eq!(next.version, contact.version + 1);
            let is_waiting = matches!(next.state, State::Open | State::Counselled);
            prop_assert!(next.sending.is_none() || is_waiting, "it left while it was being sent");
            prop_assert!(contact.referral.is_none() || next.referral == contact.referral);
            prop_assert!(next.state != State::Referred || next.referral.is_some());
            // Whoever reads it sees that the referral is not of the sending that was answered.
            let is_other = contact.sending.is_none() || matches!(what, Try::AnswerStands);
            let says_so = next.objections.iter().any(|it| &*it.reason == reason::CONTACT_SENT_EARLIER);
            let is_taken = contact.referral.is_none() && next.referral.is_some();
            prop_assert!(!is_taken || says_so == is_other, "{what:?} taken and not said");
            prop_assert_eq!(next.close_reason.is_some(), next.state == State::Closed);
            if matches!(what, Try::Counsel | Try::HandOver | Try::TakeBack | Try::Close) {
                prop_assert!(by_person, "{what:?} by a system");
            }
            contact = next;
        }
    }
}

#[test]
fn every_state_and_deed_is_decided_and_ends_are_ends() {
    let mut possible = Vec::new();
    for state in State::ALL {
        assert_eq!(State::from_wire(state.to_wire()), Some(state));
        possible.extend(Deed::ALL.into_iter().filter_map(|deed| Some((state, deed, state.after(deed)?))));
    }
    let from = |state: State| possible.iter().filter(|(from, ..)| *from == state).count();
    assert_eq!(State::ALL.map(from), [6, 5, 3, 1, 0]);
    assert_eq!(State::from_wire(0), None);
    assert_eq!(CloseReason::from_wire(0), None);
    assert_eq!(CloseReason::from_wire(99).map(CloseReason::to_wire), Some(99));
}

#[test]
fn counselling_is_noted_by_a_person_once_and_by_who_has_read() {
    let open = record(None).unwrap();
    let refusal = open.counsel(&call("7", &system())).unwrap_err();
    assert_eq!(found(&refusal), [("etag", reason::ETAG_STALE), ("acting_person", reason::PERSON_REQUIRED)]);
    let counselled = open.counsel(&call("1", &person())).unwrap();
    assert_eq!((counselled.state, counselled.etag().as_str()), (State::Counselled, "2"));
    let again = counselled.counsel(&call("2", &person())).unwrap_err();
    assert_eq!(found(&again), [("contact", reason::WRONG_STATE)]);
}

#[test]
fn a_contact_is_closed_with_a_reason_and_not_while_it_is_being_sent() {
    let sent = sent(&record(Some(least())).unwrap());
    let refusal = sent.close(0, &call("2", &person())).unwrap_err();
    assert_eq!(found(&refusal), [("reason", reason::FIELD_REQUIRED), ("contact", reason::CONTACT_BEING_SENT)]);
    let closed = record(None).unwrap().close(3, &call("1", &person())).unwrap();
    assert_eq!((closed.state, closed.close_reason), (State::Closed, Some(CloseReason::Duplicate)));
}

#[test]
fn a_contact_that_was_handed_over_is_not_handed_over_again() {
    let over = record(None).unwrap().hand_over(&call("1", &person())).unwrap();
    assert_eq!(over.state, State::HandedOver);
    assert_eq!(found(&over.hand_over(&call("2", &person())).unwrap_err()), [("contact", reason::WRONG_STATE)]);
}

#[test]
fn a_contact_that_comes_back_is_where_it_was_and_no_other_can_come_back() {
    let open = record(None).unwrap();
    assert_eq!(found(&open.take_back(&call("1", &person())).unwrap_err()), [("contact", reason::WRONG_STATE)]);
    let over = open.hand_over(&call("1", &person())).unwrap();
    assert_eq!(
        found(&over.take_back(&call("2", &system())).unwrap_err()),
        [("acting_person", reason::PERSON_REQUIRED)]
    );
    assert_eq!(over.take_back(&call("2", &person())).unwrap().state, State::Open);
    let referred = sent(&record(Some(least())).unwrap()).answered(request_id(), submitted(), now()).unwrap();
    let over = referred.hand_over(&call(&referred.etag(), &person())).unwrap();
    assert_eq!(over.take_back(&call(&over.etag(), &person())).unwrap().state, State::Referred);
}

#[test]
fn the_switchboard_answers_for_a_contact_until_its_referral_stands() {
    let sent = sent(&record(Some(least())).unwrap());
    assert_eq!((sent.state, sent.sending), (State::Open, Some(request_id())));
    let referred = sent.answered(request_id(), submitted(), now()).unwrap();
    assert_eq!((referred.state, referred.referral), (State::Referred, Some(Uuid::from_u128(9))));
    let refused = sent.answered(request_id(), Answer::Refused(vec![objection()]), now()).unwrap();
    assert_eq!((refused.state, refused.sending, refused.referral), (State::Open, None, None));
    assert_eq!(refused.objections, [objection()]);
    // It may be sent again, and then nothing stands against it any more.
    let again = refused.send(&sending(), &call(&refused.etag(), &person()), &ROUTES).unwrap().contact;
    assert_eq!((again.sending, again.objections.len()), (Some(request_id()), 0));
}

#[test]
fn an_answer_to_something_else_is_not_taken() {
    let refused = || Answer::Refused(vec![objection()]);
    let open = record(Some(least())).unwrap();
    let late = open.answered(request_id(), refused(), now()).unwrap_err();
    assert_eq!(found(&late), [("request_id", reason::WRONG_STATE)]);
    let closed = open.close(1, &call("1", &person())).unwrap();
    let sent = sent(&open);
    let referred = sent.answered(request_id(), submitted(), now()).unwrap();
    for ended in [closed, referred] {
        for answer in [submitted(), standing(), refused()] {
            let late = ended.answered(request_id(), answer, now()).unwrap_err();
            assert_eq!(found(&late), [("request_id", reason::WRONG_STATE)]);
        }
    }
    let other = sent.answered(Uuid::from_u128(5), refused(), now()).unwrap_err();
    assert_eq!(found(&other), [("request_id", reason::WRONG_STATE)]);
    let case = Answer::Submitted { case: Uuid::from_u128(6), referral: Uuid::from_u128(9) };
    let other = sent.answered(request_id(), case, now()).unwrap_err();
    assert_eq!(found(&other), [("submitted.case_uid", reason::FIELD_FORMAT)]);
}

#[test]
fn a_referral_of_an_earlier_sending_is_taken_and_every_part_of_it_is_to_be_compared() {
    let reasons = |contact: &Contact| contact.objections.iter().map(|it| it.reason.to_string()).collect::<Vec<_>>();
    let open = record(Some(least())).unwrap();
    // Its sending had ended; it is being sent anew; the one that is being sent is told that another one stands.
    let ended = open.answered(request_id(), submitted(), now()).unwrap();
    let anew = sent(&open).answered(Uuid::from_u128(5), submitted(), now()).unwrap();
    let told = sent(&open).answered(request_id(), standing(), now()).unwrap();
    for (contact, referral, says) in [
        (&ended, 9, &[reason::CONTACT_SENT_EARLIER][..]),
        (&anew, 9, &[reason::CONTACT_SENT_EARLIER]),
        (&told, 10, &[reason::CONTACT_SENT_EARLIER, "NOT_AGREED"]),
    ] {
        assert_eq!((contact.state, contact.referral), (State::Referred, Some(Uuid::from_u128(referral))));
        assert_eq!((contact.sending, reasons(contact)), (None, says.iter().map(ToString::to_string).collect()));
        // What was sent then is not known any more, also after it was amended.
        let mut contact = contact.clone();
        for _ in 0..2 {
            let request = pb::AmendContactRequest::default();
            let amended = contact.amend(&request, &call(&contact.etag(), &person())).unwrap();
            assert_eq!(amended.undisclosed, [Part::Preview, Part::Identity, Part::Narrative].into_iter().collect());
            contact = amended.contact;
        }
    }
}
