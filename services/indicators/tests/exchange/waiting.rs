//! Pieces and events that wait for each other at a subscriber: never more than a publisher's share, and what an honest
//! publisher needs is never lost for good.

use nhipcau_indicators::submit::Prepared;
use nhipcau_messaging::pae;
use nhipcau_proto::indicator::v1::{self as pb, Action::*};
use prost::Message;

use crate::world::*;

const EVENT: &str = "nhipcau.indicator.v1.IndicatorEvent";
const PIECE: &str = "nhipcau.indicator.v1.Chunk";
const TOO_LARGE: i64 = 9;
const INVALID: i64 = 6;
const LIMIT: i64 = 2_000;

/// A piece of one observation.
fn piece(period: &str) -> pb::Chunk {
    let small = small(Replace, &[("704.F", period, "1")]);
    pb::Chunk { datasets: Prepared::check(&small, &REGISTRY).map(|_| small.datasets).unwrap() }
}

fn digest(piece: &pb::Chunk) -> Vec<u8> {
    pae::sha256(&piece.encode_to_vec()).to_vec()
}

/// An event that names pieces.
fn event(number: u64, pieces: &[&pb::Chunk]) -> pb::IndicatorEvent {
    let published = pb::SubmissionPublished {
        submission: format!("parties/moha/submissions/0190a5f0-0000-8000-8000-00000000000{number}"),
        data_provider: "moha".into(),
        structure: SMALL.into(),
        ordinal: number,
        publish_time: Some(prost_types::Timestamp { seconds: 1_790_000_000 + number as i64, nanos: 0 }),
        chunks: pieces.iter().map(|piece| digest(piece)).collect(),
        observation_count: pieces.len() as u64,
        ..pb::SubmissionPublished::default()
    };
    pb::IndicatorEvent { event: Some(pb::indicator_event::Event::SubmissionPublished(published)) }
}

/// What a subscriber made of a broadcast: 0, or the reason.
fn publish(world: &mut World, message: &str, body: &impl Message) -> i64 {
    world.broadcast(MOHA, draft("moha", message, body));
    while let Some(parcel) = world.queue.pop_front() {
        world.deliver(parcel);
    }
    let sql = "SELECT outcome FROM received WHERE recipient = 'all' ORDER BY sequence";
    rows(world, MOH, sql, |row| row.int(0)).pop().unwrap()
}

fn count(world: &mut World, sql: &'static str) -> i64 {
    rows(world, MOH, sql, |row| row.int(0))[0]
}

/// Fills the room that a subscriber has for pieces of the publisher, with pieces that arrived at a time.
fn fill(world: &mut World, time: jiff::Timestamp) {
    let time = time.as_microsecond();
    world
        .at(MOH, |tx| {
            tx.execute("DELETE FROM indicator_piece", &[])?;
            for n in 0..LIMIT {
                tx.execute(
                    "INSERT INTO indicator_piece (sender, digest, bytes, hold_time) VALUES ('moha', $1, zeroblob(0), $2)",
                    &[(&n.to_be_bytes()).into(), time.into()],
                )?;
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_piece_that_no_event_names_is_refused_when_there_is_no_room_and_old_ones_give_way() {
    let mut world = World::open();
    let now = world.now;
    fill(&mut world, now);
    assert_eq!(publish(&mut world, PIECE, &piece("2023")), TOO_LARGE);
    assert_eq!(count(&mut world, "SELECT COUNT(*) FROM indicator_piece"), LIMIT);
    fill(&mut world, now - jiff::SignedDuration::from_hours(24 * 31));
    assert_eq!(publish(&mut world, PIECE, &piece("2024")), 0);
    assert_eq!(count(&mut world, "SELECT COUNT(*) FROM indicator_piece"), 1);
}

#[test]
fn a_piece_that_was_refused_and_is_published_again_completes_the_event_that_names_it() {
    let (first, second, mut world) = (piece("2023"), piece("2024"), World::open());
    assert_eq!(publish(&mut world, PIECE, &first), 0);
    let now = world.now;
    fill(&mut world, now);
    assert_eq!(publish(&mut world, PIECE, &second), TOO_LARGE);
    assert_eq!(publish(&mut world, EVENT, &event(1, &[&first, &second])), 0);
    // Others of the same content, in a message of its own, as a caller's new request makes it.
    let again = |piece: &pb::Chunk| {
        let mut draft = draft("moha", PIECE, piece);
        draft.ordinal = 1;
        draft
    };
    world.broadcast(MOHA, again(&first));
    world.broadcast(MOHA, again(&second));
    world.settle();
    assert_eq!(world.held(MOH, SMALL), ["moha 704.F 2023 1", "moha 704.F 2024 1"], "whether there is room or not");
    assert_eq!(publish(&mut world, EVENT, &event(2, &[&first, &second])), 0);
    assert_eq!(count(&mut world, "SELECT COUNT(*) FROM indicator_submission"), 2, "and the new request is whole too");
    let left = "SELECT (SELECT COUNT(*) FROM indicator_waiting) + (SELECT COUNT(*) FROM indicator_named)";
    assert_eq!(count(&mut world, left), 0);
}

#[test]
fn a_piece_completes_only_the_events_that_name_it_and_serves_each_of_them() {
    let (one, two, three, mut world) = (piece("2022"), piece("2023"), piece("2024"), World::open());
    assert_eq!(publish(&mut world, EVENT, &event(1, &[&one, &two])), 0);
    assert_eq!(publish(&mut world, EVENT, &event(2, &[&two, &three])), 0);
    assert_eq!(publish(&mut world, PIECE, &one), 0);
    assert!(world.held(MOH, SMALL).is_empty());
    assert_eq!(publish(&mut world, PIECE, &two), 0);
    assert_eq!(world.held(MOH, SMALL), ["moha 704.F 2022 1", "moha 704.F 2023 1"]);
    assert_eq!(publish(&mut world, PIECE, &three), 0);
    assert_eq!(world.held(MOH, SMALL).len(), 3);
}

#[test]
fn an_event_of_too_many_pieces_is_invalid_and_waiting_events_name_so_many_together() {
    let (held, mut world) = (piece("2023"), World::open());
    let missing: Vec<_> = (0..1_001).map(|n| pb::Chunk { datasets: vec![pb::Dataset::default(); n] }).collect();
    let all: Vec<_> = missing.iter().collect();
    assert_eq!(publish(&mut world, EVENT, &event(1, &all)), INVALID);
    assert_eq!(publish(&mut world, EVENT, &event(2, &all[..1_000])), 0);
    assert_eq!(publish(&mut world, EVENT, &event(3, &all[1..])), 0);
    assert_eq!(publish(&mut world, EVENT, &event(4, &all[..1])), TOO_LARGE);
    assert_eq!(publish(&mut world, PIECE, &held), 0);
    assert_eq!(publish(&mut world, EVENT, &event(5, &[&held])), 0, "what is whole needs no room");
    assert_eq!(world.held(MOH, SMALL), ["moha 704.F 2023 1"]);
}

#[test]
fn a_waiting_event_that_turns_out_invalid_waits_no_longer_and_leaves_nothing() {
    let (one, two, mut world) = (piece("2023"), piece("2024"), World::open());
    let mut wrong = event(1, &[&one, &two]);
    let Some(pb::indicator_event::Event::SubmissionPublished(published)) = &mut wrong.event else { unreachable!() };
    published.observation_count = 3;
    assert_eq!(publish(&mut world, EVENT, &wrong), 0);
    assert_eq!(publish(&mut world, PIECE, &one), 0);
    assert_eq!(publish(&mut world, PIECE, &two), 0);
    let left = "SELECT (SELECT COUNT(*) FROM indicator_waiting) + (SELECT COUNT(*) FROM indicator_named) \
                + (SELECT COUNT(*) FROM indicator_content) + (SELECT COUNT(*) FROM indicator_submission)";
    assert_eq!(count(&mut world, left), 0);
    assert_eq!(publish(&mut world, EVENT, &event(2, &[&one, &two])), 0, "the pieces are in order");
    assert_eq!(world.held(MOH, SMALL).len(), 2);
}
