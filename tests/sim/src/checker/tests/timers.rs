//! Bad histories of what comes by time: limits, levels, holds.

use super::*;
use crate::payload::{CLIMB, ENOUGH};

#[test]
fn a_limit_that_runs_out_twice_though_it_was_answered_or_of_nothing_is_seen() {
    let ran_out = |n| Fact::RanOut { id: MessageId([n; 16]) };
    let mut run = Run::new();
    run.at_sender(Fact::Sent(message(5, Verb::Ask))).unwrap();
    run.at_sender(Fact::Sent(message(6, Verb::Ask))).unwrap();
    run.at_sender(ran_out(5)).unwrap();
    assert!(matches!(run.at_sender(ran_out(5)), Err(Violation::RanOutTwice { .. })));
    assert!(matches!(run.at_sender(ran_out(1)), Err(Violation::Invented { .. })), "a note asks for nothing");
    let answer = Message { sender: 1, recipient: Some(0), nonce: 7, ..message(8, Verb::Answer) };
    run.at_recipient(Fact::Sent(answer)).unwrap();
    run.at_sender(effect_of(&answer, 1)).unwrap();
    assert!(matches!(run.at_sender(ran_out(6)), Err(Violation::RanOutThoughAnswered { .. })));
}

#[test]
fn a_question_that_is_neither_answered_nor_has_run_out_is_seen() {
    let mut run = Run::new();
    run.at_sender(Fact::Sent(message(5, Verb::Ask))).unwrap();
    assert!(matches!(run.conclude(Standing::Received), Err(Violation::LimitForgotten { .. })));
    run.at_sender(Fact::RanOut { id: MessageId([5; 16]) }).unwrap();
    assert!(!matches!(run.conclude(Standing::Received), Err(Violation::LimitForgotten { .. })));
}

impl Run {
    /// Message 5 asks the recipient and its time runs out; message 6 asks a third access point, the level above.
    fn late() -> (Self, Message, Message) {
        let mut run = Self::new();
        let asked = message(5, Verb::Ask);
        run.at_sender(Fact::Sent(asked)).unwrap();
        let climb = Message { recipient: Some(2), nonce: asked.nonce ^ CLIMB, ..message(6, Verb::Climb) };
        (run, asked, climb)
    }

    /// What was asked by a message is answered.
    fn answer(&mut self, asked: &Message, n: u8) {
        let answer = Message { sender: 1, recipient: Some(0), nonce: asked.nonce + 1, ..message(n, Verb::Answer) };
        self.at_recipient(Fact::Sent(answer)).unwrap();
        self.at_sender(effect_of(&answer, n.into())).unwrap();
    }

    fn conclude_levels(&self) -> Result<(), Violation> {
        let (third, disks) = (Disk { point: 2, ..Disk::default() }, [&self.sender, &self.recipient]);
        self.checker.no_level_is_forgotten(&[disks[0], disks[1], &third], &|_| true)
    }
}

fn enough(asked: &Message, n: u8) -> Fact {
    Fact::Sent(Message { recipient: asked.recipient, nonce: asked.nonce ^ ENOUGH, ..message(n, Verb::Enough) })
}

#[test]
fn a_level_above_that_is_asked_too_early_or_after_the_answer_or_never_is_seen() {
    let (mut run, asked, climb) = Run::late();
    assert!(matches!(run.at_sender(Fact::Sent(climb)), Err(Violation::ClimbedInVain { .. })));
    run.conclude_levels().unwrap();
    run.at_sender(Fact::RanOut { id: asked.id }).unwrap();
    assert!(matches!(run.conclude_levels(), Err(Violation::NotClimbed { point: 0, .. })));
    run.at_sender(Fact::Sent(climb)).unwrap();
    run.conclude_levels().unwrap();

    let (mut run, asked, climb) = Run::late();
    run.at_sender(Fact::RanOut { id: asked.id }).unwrap();
    run.answer(&asked, 7);
    assert!(matches!(run.at_sender(Fact::Sent(climb)), Err(Violation::ClimbedInVain { .. })));
    run.conclude_levels().unwrap();
}

#[test]
fn who_is_told_in_vain_or_not_told_that_another_has_answered_is_seen() {
    let (mut run, asked, climb) = Run::late();
    run.at_sender(Fact::RanOut { id: asked.id }).unwrap();
    run.at_sender(Fact::Sent(climb)).unwrap();
    for in_vain in [enough(&climb, 8), enough(&asked, 9)] {
        assert!(matches!(run.at_sender(in_vain), Err(Violation::ExcusedInVain { .. })), "nobody has answered");
    }
    run.answer(&climb, 7);
    assert!(matches!(run.at_sender(enough(&climb, 8)), Err(Violation::ExcusedInVain { .. })), "it has answered");
    let elsewhere = Message { recipient: Some(2), ..asked };
    assert!(matches!(run.at_sender(enough(&elsewhere, 8)), Err(Violation::ExcusedInVain { .. })), "it was not asked");
    assert!(matches!(run.conclude_levels(), Err(Violation::NotExcused { id: MessageId([5, ..]), .. })));
    run.at_sender(enough(&asked, 9)).unwrap();
    run.conclude_levels().unwrap();
}

impl Run {
    /// Message 5 asks for a place that is held, messages 7 and 8 would take it.
    fn held() -> Self {
        let mut run = Self::new();
        [1, 2].into_iter().for_each(|n| run.at_recipient(effect(n, n.into())).unwrap());
        for asked in [message(5, Verb::Place), message(7, Verb::Take), Message { nonce: 7, ..message(8, Verb::Take) }] {
            run.at_sender(Fact::Sent(asked)).unwrap();
        }
        run.at_recipient(effect_of(&message(5, Verb::Place), 5)).unwrap();
        run
    }
}

const FREED: Fact = Fact::Freed { id: MessageId([5; 16]) };

#[test]
fn a_hold_that_is_let_go_twice_or_though_it_was_taken_or_never_is_seen() {
    let mut run = Run::held();
    let at_the_end = |run: &Run| run.checker.no_hold_is_forgotten(&[&run.sender, &run.recipient]);
    assert_eq!(at_the_end(&run), Err(Violation::HeldForEver { point: 1 }));
    run.at_recipient(FREED).unwrap();
    assert!(matches!(run.at_recipient(FREED), Err(Violation::FreedInVain { .. })));
    at_the_end(&run).unwrap();
    let mut run = Run::held();
    run.at_recipient(effect_of(&message(7, Verb::Take), 7)).unwrap();
    assert!(matches!(run.at_recipient(FREED), Err(Violation::FreedInVain { .. })));
    assert!(matches!(run.at_sender(FREED), Err(Violation::FreedInVain { .. })), "it is held elsewhere");
}

#[test]
fn a_hold_that_is_taken_twice_or_once_it_was_let_go_or_refused_before_is_seen() {
    let taken = effect_of(&message(7, Verb::Take), 7);
    let (again, refused) = (Message { nonce: 7, ..message(8, Verb::Take) }, Some(RefusalReason::WrongState));
    let mut run = Run::held();
    run.at_recipient(FREED).unwrap();
    assert!(matches!(run.at_recipient(taken), Err(Violation::TakenInVain { .. })));
    let mut run = Run::held();
    assert!(matches!(run.at_recipient(position(7, refused)), Err(Violation::HeldAndRefused { .. })));
    let mut run = Run::held();
    run.at_recipient(FREED).unwrap();
    run.at_recipient(position(7, refused)).unwrap();
    let mut run = Run::held();
    run.at_recipient(taken).unwrap();
    assert!(matches!(run.at_recipient(effect_of(&again, 8)), Err(Violation::TakenInVain { .. })));
}
