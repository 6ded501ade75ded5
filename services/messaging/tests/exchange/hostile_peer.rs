//! Nobody who holds only a peer's keys, or old signals of one's own, can stop a process or get around the rules.

use nhipcau_messaging::{
    engine::{AlarmKind, Error, Kind},
    envelope::{Place, wire},
    message::{Lane, MessageId, Recipient, RefusalReason},
    pae,
    receipt::{Number, REFUSALS_LIMIT, Refusal, Statement},
};
use prost::Message;

use crate::world::{
    Forgery, HANOI, MOH, Parcel, VWU, World, bundle, node_id, point, receipt, receipts, signing, status,
};

/// Others can still send to a node, and it answers them.
fn goes_on(world: &mut World, node: usize) {
    world.send(HANOI, node, "still there?", b"still there").unwrap();
    world.settle();
    assert!(world.effects(node).contains(&"still there".to_owned()));
    assert_eq!(world.concluded(HANOI), [0]);
}

/// Where the next message of `moh` to `vwu` belongs.
fn next_place(world: &mut World) -> Place {
    next_place_of(world, MOH)
}

/// Where the next message of a node to `vwu` belongs.
fn next_place_of(world: &mut World, from: usize) -> Place {
    let sql = "SELECT incarnation, sequence, digest FROM sent WHERE recipient = 'vwu' AND lane = 1 \
               ORDER BY sequence DESC LIMIT 1";
    let last = world.rows(from, sql, |row| Ok((row.number(0)?, row.number(1)?, row.array(2)?)));
    let (incarnation, sequence, previous) = last[0];
    let lane = Some(Lane::Messages);
    Place { lane, incarnation, sequence: sequence + 1, base_sequence: 0, previous, create_time: world.now }
}

#[test]
fn a_case_goes_on_only_under_the_number_that_comes_next() {
    for (number, is_taken) in [(1, false), (2, true), (3, false), (u64::MAX >> 2, false)] {
        let mut world = World::open();
        world.send_in(MOH, VWU, "r1", b"one", Some([7; 16])).unwrap();
        world.settle();
        let place = next_place(&mut world);
        let id = MessageId(uuid::Builder::from_custom_bytes([9; 16]).into_uuid().into_bytes());
        let case = Some(([7; 16], number));
        let forged = world.forge(&Forgery { from: MOH, to: Some(VWU), place, id, case, readable: true });
        world.deliver(bundle(Kind::Lane(Lane::Messages), MOH, VWU, vec![forged.envelope])).unwrap();
        assert_eq!(world.effects(VWU).contains(&"forged".to_owned()), is_taken, "{number}");
        let sql = "SELECT outcome, expected FROM received WHERE sender = 'moh' AND lane = 1 ORDER BY sequence DESC";
        let outcome = world.rows(VWU, sql, |row| Ok((row.int(0)?, row.int(1)?)))[0];
        assert_eq!(outcome, if is_taken { (0, 0) } else { (1, 2) }, "{number}");
        goes_on(&mut world, VWU);
    }
}

/// Whoever wraps another's sealed parts into an envelope of its own can neither make them its own nor spend them.
#[test]
fn a_sealed_message_signed_anew_by_another_is_unreadable_and_the_original_arrives() {
    let mut world = World::open();
    world.send_in(HANOI, VWU, "r0", b"its own", Some([6; 16])).unwrap();
    world.settle();
    let id = world.send_in(MOH, VWU, "r1", b"one", Some([7; 16])).unwrap();
    let original = world.take_bundles().remove(0);
    let place = next_place_of(&mut world, HANOI);
    let mut envelope = wire::Bundle::decode(original.bytes.as_slice()).unwrap().envelopes.remove(0);
    let mut routing = wire::Routing::decode(envelope.routing.as_slice()).unwrap();
    routing.sender = node_id(HANOI).to_string();
    (routing.incarnation, routing.sequence, routing.base_sequence) = (place.incarnation, place.sequence, 0);
    routing.previous_digest = place.previous.to_vec();
    envelope.routing = routing.encode_to_vec();
    envelope.signature = signing(HANOI).sign(pae::ENVELOPE, &[&envelope.routing, &envelope.manifest]);
    world.deliver(bundle(Kind::Lane(Lane::Messages), HANOI, VWU, vec![envelope])).unwrap();
    assert_eq!(world.effects(VWU), ["its own"]);
    let sql = "SELECT id, outcome FROM received WHERE sender = 'hanoi' AND lane = 1 ORDER BY sequence DESC";
    let taken = world.rows(VWU, sql, |row| Ok((row.array(0)?, row.int(1)?)));
    assert_eq!(taken[0], (id.0, RefusalReason::Unreadable as i64), "signed by the thief, and refused");
    world.deliver(original).unwrap();
    assert_eq!(world.effects(VWU), ["its own", "one"]);
    world.send_in(MOH, VWU, "r2", b"other case", Some([8; 16])).unwrap();
    world.send_in(HANOI, VWU, "r3", b"its other case", Some([9; 16])).unwrap();
    world.settle();
    assert_eq!(world.concluded(MOH), [0, 0]);
    let mut effects = world.effects(VWU).split_off(2);
    effects.sort();
    assert_eq!(effects, ["its other case", "other case"]);
}

/// What lies in the clear, and for ever, is what the directory and the contracts name.
#[test]
fn no_name_that_a_sender_makes_up_is_noted_as_the_flow_of_its_message() {
    for (contract, kind, noted) in [
        ("nhipcau.nguyenthihoa.v1", "", ("", "")),
        ("nhipcau.nguyenthihoa.v1", "TRANSFER", ("", "")),
        ("nhipcau.referral.v1", "NGUYEN_THI_HOA", ("nhipcau.referral.v1", "")),
        ("nhipcau.visit.v1", "TRANSFER", ("nhipcau.visit.v1", "")),
        ("nhipcau.referral.v1", "TRANSFER", ("nhipcau.referral.v1", "TRANSFER")),
        // Not even opened.
        ("nhipcau.referral.v1", "Nguyễn Thị Hoa", ("", "")),
    ] {
        let mut world = World::open();
        world.send_in(MOH, VWU, "r1", b"one", None).unwrap();
        world.settle();
        let place = next_place(&mut world);
        let id = MessageId(uuid::Builder::from_custom_bytes([9; 16]).into_uuid().into_bytes());
        let forged =
            world.forge_changed(&Forgery { from: MOH, to: Some(VWU), place, id, case: None, readable: true }, |it| {
                it.contract = contract.parse().unwrap();
                it.kind = kind.to_owned();
            });
        world.deliver(bundle(Kind::Lane(Lane::Messages), MOH, VWU, vec![forged.envelope])).unwrap();
        let sql = "SELECT contract, kind FROM received WHERE sender = 'moh' AND lane = 1 AND sequence = 2";
        let found = world.rows(VWU, sql, |row| Ok((row.text(0)?, row.text(1)?)));
        assert_eq!(found, [(noted.0.to_owned(), noted.1.to_owned())], "{contract} {kind}");
    }
}

#[test]
fn another_envelope_at_a_position_that_is_taken_is_a_fork_and_told_to_a_person() {
    let mut world = World::open();
    world.send_in(MOH, VWU, "r1", b"one", Some([7; 16])).unwrap();
    world.settle();
    let next = next_place(&mut world);
    let place = Place { sequence: next.sequence - 1, previous: [0; 32], ..next };
    let id = MessageId(uuid::Builder::from_custom_bytes([9; 16]).into_uuid().into_bytes());
    let forged = world.forge(&Forgery { from: MOH, to: Some(VWU), place, id, case: None, readable: true });
    assert_eq!(world.alarms(VWU, AlarmKind::Fork), 0);
    world.deliver(bundle(Kind::Lane(Lane::Messages), MOH, VWU, vec![forged.envelope])).unwrap();
    assert_eq!(world.alarms(VWU, AlarmKind::Fork), 1);
    assert_eq!(world.effects(VWU), ["one"]);
    world.send_in(MOH, VWU, "r2", b"other case", Some([8; 16])).unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["one", "other case"]);
    goes_on(&mut world, VWU);
}

#[test]
fn an_unreadable_envelope_under_a_spent_id_stops_nothing() {
    let mut world = World::open();
    let id = world.send_in(MOH, VWU, "r1", b"one", None).unwrap();
    world.settle();
    let place = next_place(&mut world);
    let forged = world.forge(&Forgery { from: MOH, to: Some(VWU), place, id, case: None, readable: false });
    world.deliver(bundle(Kind::Lane(Lane::Messages), MOH, VWU, vec![forged.envelope])).unwrap();
    assert_eq!(world.effects(VWU), ["one"]);
    goes_on(&mut world, VWU);
}

/// A status of `vwu` that claims to have promised the messages lane to another process of `moh`.
fn claim(world: &World, incarnation: u64, run: &[u8], proposal: &[u8]) -> Parcel {
    let mut statement = world.last_status(VWU, MOH);
    statement.number += 1_000;
    for incoming in &mut statement.incoming {
        incoming.promised_incarnation = incarnation;
        incoming.promised_run = run.to_vec();
        incoming.proposal = proposal.to_vec();
    }
    status(VWU, MOH, &statement)
}

#[test]
fn a_peer_that_claims_a_later_promise_without_proof_stops_nothing() {
    for proof in [&b""[..], b"no status"] {
        let mut world = World::open();
        let claim = claim(&world, 1 << 40, &[3; 16], proof);
        world.deliver(claim).unwrap();
        assert!(world.branch(MOH, "unproven_promise") > 0);
        goes_on(&mut world, MOH);
    }
}

/// What is signed with a publisher's own key and takes no position comes back to it and is sent again: it cannot be
/// told from a broadcast that the publisher has lost. It stops nothing.
#[test]
fn a_publisher_that_returns_to_an_older_life_stops_nothing() {
    let mut world = World::open();
    world.broadcast(MOH, "b1", b"1").unwrap();
    world.broadcast(MOH, "b2", b"2").unwrap();
    world.settle();
    let life = world.rows(VWU, "SELECT incarnation FROM received WHERE recipient = 'all'", |row| row.number(0))[0];
    let mut previous = [0; 32];
    for (n, incarnation) in [(1, life + 1), (2, life)] {
        let place = Place {
            lane: Some(Lane::Bulk),
            incarnation,
            sequence: u64::from(n),
            base_sequence: 0,
            previous,
            create_time: world.now,
        };
        let id = MessageId(uuid::Builder::from_custom_bytes([n; 16]).into_uuid().into_bytes());
        let forged = world.forge(&Forgery { from: MOH, to: None, place, id, case: None, readable: true });
        previous = forged.digest;
        world.deliver(bundle(Kind::Broadcast, MOH, VWU, vec![forged.envelope])).unwrap();
    }
    goes_on(&mut world, VWU);
}

#[test]
fn old_signals_stop_nobody_after_both_sides_were_rolled_back() {
    let mut world = World::open();
    let images = [world.image(MOH), world.image(VWU)];
    for n in 0..3 {
        world.send(MOH, VWU, &format!("r{n}"), b"x").unwrap();
        world.queue.clear();
        world.recheck(MOH);
        world.settle();
    }
    let old: Vec<_> = world.seen.iter().filter(|p| p.from == MOH && p.to == VWU && p.signal).cloned().collect();
    world.restart(MOH, Some(&images[0]));
    world.restart(VWU, Some(&images[1]));
    world.settle();
    assert!(world.nodes[MOH].engine.is_open());
    for parcel in old {
        world.deliver(parcel).unwrap();
    }
    let stopped = world.settle_until_stop();
    assert!(!matches!(stopped, Some(Error::Superseded)), "{stopped:?}");
}

#[test]
fn an_envelope_on_another_kind_of_subject_has_no_effect_before_its_sender_is_heard() {
    let mut world = World::open();
    world.send(MOH, VWU, "r1", b"one").unwrap();
    let mut parcel = world.take_bundles().remove(0);
    world.restart(VWU, None);
    parcel.kind = Kind::Receipts;
    world.deliver(parcel).unwrap();
    assert!(world.effects(VWU).is_empty());
    world.settle();
    assert_eq!(world.effects(VWU), ["one"]);
}

#[test]
fn a_receipt_of_more_positions_than_one_speaks_of_is_not_believed() {
    let mut world = World::open();
    world.broadcast(MOH, "b1", b"1").unwrap();
    world.settle();
    let sql = "SELECT series, number, digest FROM receipt_held WHERE issuer = 'vwu' AND recipient = 'all'";
    let (series, held, previous) =
        *world.rows(MOH, sql, |row| Ok((row.number(0)?, row.number(1)?, row.array(2)?))).last().unwrap();
    for (positions, quarantined) in [(REFUSALS_LIMIT as u64 + 1, 1), (REFUSALS_LIMIT as u64, 1)] {
        let statement = Statement {
            issuer: point("vwu"),
            sender: point("moh"),
            recipient: Recipient::All,
            lane: Lane::Bulk,
            incarnation: 1,
            first: 1,
            last: positions,
            head: [7; 32],
            refusals: Vec::new(),
            number: Number { series, number: held + 1 },
            previous,
            receive_time: world.now,
            directory_version: 1,
        };
        world.deliver(receipts(VWU, MOH, vec![receipt(VWU, statement).receipt])).unwrap();
        assert_eq!(world.quarantined(MOH).len(), quarantined);
    }
}

/// `vwu`'s receipts of broadcasts are evidence of who holds what, and are kept whatever they state.
#[test]
fn receipts_too_many_to_return_at_once_stop_nothing() {
    let mut world = World::open();
    world.broadcast(MOH, "b1", b"1").unwrap();
    world.settle();
    let sql = "SELECT series, number, digest FROM receipt_held WHERE issuer = 'vwu' AND recipient = 'all'";
    let last = world.rows(MOH, sql, |row| Ok((row.number(0)?, row.number(1)?, row.array(2)?)));
    let (series, held, mut previous) = *last.last().unwrap();
    let id = MessageId(uuid::Builder::from_custom_bytes([9; 16]).into_uuid().into_bytes());
    let mut issued = Vec::new();
    for number in held + 1..=held + 40 {
        let refusals = (2..2 + REFUSALS_LIMIT as u64)
            .map(|sequence| Refusal { sequence, id, reason: RefusalReason::Invalid, expected: 0 })
            .collect();
        let statement = Statement {
            issuer: point("vwu"),
            sender: point("moh"),
            recipient: Recipient::All,
            lane: Lane::Bulk,
            incarnation: 1,
            first: 2,
            last: 1 + REFUSALS_LIMIT as u64,
            head: [7; 32],
            refusals,
            number: Number { series, number },
            previous,
            receive_time: world.now,
            directory_version: 1,
        };
        let signed = receipt(VWU, statement);
        previous = signed.digest;
        issued.push(signed.receipt);
    }
    for receipt in issued {
        world.deliver(receipts(VWU, MOH, vec![receipt])).unwrap();
    }
    let count = "SELECT COUNT(*) FROM receipt_held WHERE issuer = 'vwu' AND recipient = 'all'";
    assert!(world.rows(MOH, count, |row| row.number(0))[0] > 40);
    let mut forgot = world.last_status(VWU, MOH);
    forgot.number += 1_000;
    for incoming in &mut forgot.incoming {
        incoming.receipt = None;
    }
    world.deliver(status(VWU, MOH, &forgot)).unwrap();
    assert!(world.branch(MOH, "returned") > 0);
    goes_on(&mut world, MOH);
}
