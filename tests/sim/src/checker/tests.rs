//! Bad histories, each of which must turn the checker red, and the good one that they are made from.

use std::collections::BTreeSet;

use nhipcau_messaging::message::{Lane, MessageId, Outcome, RefusalReason};

use super::*;
use crate::history::{Blob, Piece};

mod timers;

/// A world in which everything is allowed and nothing is given up, unless said otherwise.
struct World {
    allowed: bool,
    given_up: bool,
    effect: bool,
}

const FINE: World = World { allowed: true, given_up: false, effect: true };

impl Witness for World {
    fn is_allowed(&self, _: Point, _: Point) -> bool {
        self.allowed
    }
    fn is_given_up(&self, _: &Message) -> bool {
        self.given_up
    }
    fn has_effect(&self, _: Point, _: Point, _: MessageId) -> bool {
        self.effect
    }
}

fn message(n: u8, verb: Verb) -> Message {
    let id = MessageId([n; 16]);
    Message {
        id,
        sender: 0,
        recipient: Some(1),
        lane: Lane::Messages,
        verb,
        case: 3,
        nonce: n.into(),
        digest: n.into(),
    }
}

fn effect_of(message: &Message, sequence: u64) -> Fact {
    let Message { id, sender, digest, .. } = *message;
    Fact::Effect(Effect { id, sender, broadcast: false, digest, sequence })
}

fn effect(n: u8, sequence: u64) -> Fact {
    effect_of(&message(n, Verb::Note), sequence)
}

fn position(n: u8, refused: Option<RefusalReason>) -> Fact {
    Fact::Position { sender: 0, id: MessageId([n; 16]), refused }
}

struct Run {
    checker: Checker,
    sender: Disk,
    recipient: Disk,
}

impl Run {
    /// Two notes, committed at the sender.
    fn new() -> Self {
        let mut run = Self { checker: Checker::default(), sender: Disk::default(), recipient: Disk::default() };
        run.recipient.point = 1;
        run.checker.begin_line(&mut run.sender);
        run.checker.begin_line(&mut run.recipient);
        run.at_sender(Fact::Sent(message(1, Verb::Note))).unwrap();
        run.at_sender(Fact::Sent(message(2, Verb::Note))).unwrap();
        run
    }

    fn at_sender(&mut self, fact: Fact) -> Result<(), Violation> {
        self.checker.judge(&mut self.sender, &fact, &FINE)
    }

    fn at_recipient(&mut self, fact: Fact) -> Result<(), Violation> {
        self.checker.judge(&mut self.recipient, &fact, &FINE)
    }

    fn conclude(&self, standing: Standing) -> Result<(), Violation> {
        let (disks, never) = ([&self.sender, &self.recipient], |_: &Message, _: Option<RefusalReason>| false);
        self.checker.conclude(&disks, &|_| standing, &never, &|_| false, &|_| true)
    }
}

#[test]
fn a_good_history_passes() {
    let mut run = Run::new();
    for (n, sequence) in [(1, 1), (2, 2)] {
        run.at_recipient(effect(n, sequence)).unwrap();
        run.at_recipient(position(n, None)).unwrap();
        let concluded = Fact::Concluded { id: MessageId([n; 16]), outcome: Outcome::Received };
        run.at_sender(concluded).unwrap();
    }
    run.conclude(Standing::Received).unwrap();
}

#[test]
fn an_effect_that_nobody_committed_is_seen() {
    assert!(matches!(Run::new().at_recipient(effect(9, 1)), Err(Violation::Invented { .. })));
    assert!(matches!(Run::new().at_recipient(position(9, None)), Err(Violation::Invented { .. })));
    let changed = effect_of(&Message { digest: 99, ..message(1, Verb::Note) }, 1);
    assert!(matches!(Run::new().at_recipient(changed), Err(Violation::Invented { .. })));
}

#[test]
fn a_second_effect_is_seen() {
    let mut run = Run::new();
    run.at_recipient(effect(1, 1)).unwrap();
    assert!(matches!(run.at_recipient(effect(1, 2)), Err(Violation::Doubled { .. })));
}

#[test]
fn a_channel_that_goes_back_is_seen() {
    let mut run = Run::new();
    run.at_recipient(effect(1, 5)).unwrap();
    assert!(matches!(run.at_recipient(effect(2, 4)), Err(Violation::OutOfOrder { .. })));
}

#[test]
fn a_gap_in_a_case_is_seen_unless_what_is_missing_was_given_up_or_refused() {
    assert!(matches!(Run::new().at_recipient(effect(2, 2)), Err(Violation::Gap { .. })));
    let mut run = Run::new();
    let given_up = World { given_up: true, ..FINE };
    run.checker.judge(&mut run.recipient, &effect(2, 2), &given_up).unwrap();
    let mut run = Run::new();
    run.at_recipient(position(1, Some(RefusalReason::Invalid))).unwrap();
    run.at_recipient(effect(2, 2)).unwrap();
    let mut run = Run::new();
    run.at_recipient(position(1, Some(RefusalReason::NotYet))).unwrap();
    assert!(matches!(run.at_recipient(effect(2, 2)), Err(Violation::Gap { .. })));
}

#[test]
fn an_effect_without_agreement_or_at_another_access_point_is_seen() {
    let mut run = Run::new();
    let denied = World { allowed: false, ..FINE };
    let judged = run.checker.judge(&mut run.recipient, &effect(1, 1), &denied);
    assert!(matches!(judged, Err(Violation::Unauthorised { .. })));
    let mut run = Run::new();
    run.recipient.point = 2;
    assert!(matches!(run.at_recipient(effect(1, 1)), Err(Violation::WrongRecipient { .. })));
}

#[test]
fn a_disclosure_before_the_acceptance_is_seen() {
    let mut run = Run::new();
    let disclosure = Fact::Sent(message(7, Verb::Disclose));
    assert_eq!(run.at_sender(disclosure), Err(Violation::EarlyDisclosure { case: 3 }));
    let accept = Message { sender: 1, recipient: Some(0), ..message(6, Verb::Accept) };
    run.at_recipient(Fact::Sent(accept)).unwrap();
    run.at_sender(effect_of(&accept, 1)).unwrap();
    run.at_sender(disclosure).unwrap();
}

#[test]
fn a_receipt_without_its_effect_on_disk_is_seen() {
    let mut run = Run::new();
    let concluded = Fact::Concluded { id: MessageId([1; 16]), outcome: Outcome::Received };
    let nothing_there = World { effect: false, ..FINE };
    let judged = run.checker.judge(&mut run.sender, &concluded, &nothing_there);
    assert!(matches!(judged, Err(Violation::ReceiptWithoutEffect { .. })));
    assert!(matches!(run.at_sender(concluded), Err(Violation::ConcludedTwice { .. })));
}

#[test]
fn a_refused_message_with_an_effect_is_seen() {
    let mut run = Run::new();
    run.at_recipient(effect(1, 1)).unwrap();
    let refused = position(1, Some(RefusalReason::Invalid));
    assert!(matches!(run.at_recipient(refused), Err(Violation::RefusedAndEffective { .. })));
    run.at_recipient(effect(2, 2)).unwrap();
    assert!(matches!(run.conclude(Standing::GivenUp), Err(Violation::RefusedAndEffective { .. })));
}

#[test]
fn a_message_that_came_to_nothing_is_seen() {
    let mut run = Run::new();
    run.at_recipient(effect(1, 1)).unwrap();
    assert!(matches!(run.conclude(Standing::Received), Err(Violation::Lost { effective: false, .. })));
    assert!(matches!(run.conclude(Standing::Open), Err(Violation::Lost { .. })));
    assert!(matches!(run.conclude(Standing::Unknown), Err(Violation::Forgotten { .. })));
}

#[test]
fn a_refusal_for_no_reason_is_seen() {
    let mut run = Run::new();
    run.at_recipient(position(1, Some(RefusalReason::Unreadable))).unwrap();
    assert!(matches!(run.conclude(Standing::Refused), Err(Violation::WrongReason { .. })));
}

#[test]
fn only_what_nobody_holds_may_be_missing() {
    let mut run = Run::new();
    run.checker.recount(&BTreeSet::from([MessageId([2; 16])]));
    assert!(matches!(run.conclude(Standing::Received), Err(Violation::Lost { id: MessageId([2, ..]), .. })));
    run.checker.recount(&BTreeSet::new());
    run.conclude(Standing::Received).unwrap();
    run.at_sender(Fact::Sent(message(1, Verb::Note))).unwrap();
    run.conclude(Standing::Received).unwrap();
}

#[test]
fn one_id_with_two_contents_is_seen() {
    let changed = Message { digest: 99, ..message(1, Verb::Note) };
    assert!(matches!(Run::new().at_sender(Fact::Sent(changed)), Err(Violation::Changed { .. })));
}

const BLOB: Blob = Blob { sender: 0, case: 3, digest: [5; 32], size: 400_000 };
const WHOLE: Fact = Fact::Whole { blob: BLOB, is_true: true };

impl Run {
    /// Messages 3 and 4 carry the two pieces of a blob; so many of them are taken.
    fn attached(taken: u8) -> Self {
        let mut run = Self::new();
        for n in [3, 4] {
            run.at_sender(Fact::Sent(message(n, Verb::Chunk))).unwrap();
            let piece = Piece { blob: BLOB, place: u64::from(n) - 3, of: 2 };
            run.at_sender(Fact::Carried { id: MessageId([n; 16]), piece }).unwrap();
        }
        [1, 2].into_iter().for_each(|n| run.at_recipient(effect(n, u64::from(n))).unwrap());
        (3..3 + taken).for_each(|n| run.at_recipient(piece(n)).unwrap());
        run
    }
}

fn piece(n: u8) -> Fact {
    Fact::Taken { sender: 0, id: MessageId([n; 16]) }
}

#[test]
fn a_blob_whose_pieces_were_taken_is_whole_until_its_case_is_erased() {
    let mut run = Run::attached(2);
    run.at_recipient(WHOLE).unwrap();
    run.conclude(Standing::Received).unwrap();
    run.at_recipient(Fact::Erased(3)).unwrap();
    assert!(matches!(run.at_recipient(WHOLE), Err(Violation::BlobUnfounded { .. })));
}

#[test]
fn a_blob_that_is_altered_or_whole_before_its_time_is_seen() {
    let altered = Fact::Whole { blob: BLOB, is_true: false };
    assert!(matches!(Run::attached(2).at_recipient(altered), Err(Violation::BlobAltered { .. })));
    assert!(matches!(Run::attached(1).at_recipient(WHOLE), Err(Violation::BlobUnfounded { .. })));
    assert!(matches!(Run::new().at_recipient(WHOLE), Err(Violation::BlobAltered { .. })));
    assert!(matches!(Run::attached(2).at_sender(WHOLE), Err(Violation::BlobAltered { .. })));
}

#[test]
fn a_blob_that_is_missing_once_all_has_come_or_goes_without_an_erasure_is_seen() {
    let mut run = Run::attached(1);
    let judged = run.checker.judge_all(&mut run.recipient, &[piece(4)], &FINE);
    assert!(matches!(judged, Err(Violation::BlobMissing { point: 1, .. })));
    run.at_recipient(WHOLE).unwrap();
    assert!(matches!(run.at_recipient(Fact::Gone(BLOB)), Err(Violation::BlobGone { .. })));
}

#[test]
fn a_piece_that_came_before_the_erasure_does_not_count_after_it() {
    let mut run = Run::attached(1);
    run.at_recipient(Fact::Erased(3)).unwrap();
    run.checker.judge_all(&mut run.recipient, &[piece(4)], &FINE).unwrap();
    assert!(matches!(run.at_recipient(WHOLE), Err(Violation::BlobUnfounded { .. })));
}

#[test]
fn a_piece_that_is_taken_twice_or_elsewhere_or_never_came_is_seen() {
    assert!(matches!(Run::attached(1).at_recipient(piece(3)), Err(Violation::Doubled { .. })));
    assert!(matches!(Run::attached(0).at_sender(piece(3)), Err(Violation::WrongRecipient { .. })));
    assert!(matches!(Run::attached(1).conclude(Standing::Received), Err(Violation::Lost { .. })));
}

#[test]
fn a_piece_is_restored_to_its_sender_alone() {
    let restored = |n| Fact::Restored { id: MessageId([n; 16]) };
    let mut run = Run::attached(0);
    run.sender.sent.clear();
    run.at_sender(restored(3)).unwrap();
    assert_eq!(run.sender.sent, [MessageId([3; 16])]);
    assert!(matches!(run.at_sender(restored(9)), Err(Violation::Invented { .. })));
    assert!(matches!(run.at_recipient(restored(3)), Err(Violation::Invented { .. })));
}
