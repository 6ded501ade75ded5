//! The transport on a real broker: what is sent arrives, memory and shares are bounded, and it goes on by itself
//! through kills, lost disks and whatever the broker writes under another's name.

use std::{collections::BTreeSet, time::Duration};

use async_nats::jetstream;
use nhipcau_messaging::{
    engine::{Input, Kind, Output, PublishResult},
    message::{Lane, Recipient},
    nats::{self, State},
    provision::Layout,
};
use nhipcau_tests::{
    bus::{Bus, Member, id},
    nats::{MOHA, MOHA_RENEWED, OPERATOR, User, VWU},
    wait,
};

const MESSAGES: Kind = Kind::Lane(Lane::Messages);

fn publish(kind: Kind, to: User, text: &str, token: u64) -> Output {
    let recipient = if kind == Kind::Broadcast { Recipient::All } else { Recipient::One(id(to)) };
    Output::Publish { kind, recipient, bytes: text.as_bytes().to_vec(), token }
}

/// Publishes and waits for the answer.
async fn send(member: &mut Member, output: Output) -> PublishResult {
    let Output::Publish { token: sent, .. } = output else { panic!("not a publish") };
    assert!(member.transport.outlet().offer(output).is_none(), "no room for a publish");
    match member.next().await.unwrap() {
        Input::Published { token, result } if token == sent => result,
        other => panic!("{other:?} came in place of the answer"),
    }
}

/// Takes a delivery and acknowledges it.
async fn receive(member: &mut Member) -> (Kind, String, String) {
    match member.next().await.unwrap() {
        Input::Delivery { kind, sender, bytes, token } => {
            assert!(member.transport.outlet().offer(Output::Acknowledge { token }).is_none());
            (kind, sender.to_string(), String::from_utf8_lossy(&bytes).into_owned())
        }
        other => panic!("{other:?} came in place of a delivery"),
    }
}

/// How many messages a stream holds, as the operator sees it.
async fn held(bus: &Bus, stream: &str) -> u64 {
    let operator = bus.server.connection(OPERATOR).unwrap().connect().await.unwrap();
    jetstream::new(operator).get_stream(stream).await.unwrap().cached_info().state.messages
}

/// Waits until a stream holds so many: the server stores and removes after it has answered a flush.
async fn comes_to_hold(bus: &Bus, stream: &str, wanted: u64) {
    let deadline = tokio::time::Instant::now() + wait::PATIENCE;
    loop {
        let found = held(bus, stream).await;
        if found == wanted {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{stream} holds {found} and not {wanted}");
    }
}

#[tokio::test]
async fn everything_arrives_under_its_kind_and_is_gone_once_acknowledged() {
    let bus = Bus::start(Layout::default()).await.unwrap();
    let mut moha = bus.join(MOHA).await.unwrap();
    let mut vwu = bus.join(VWU).await.unwrap();

    for (kind, text) in [(MESSAGES, "case"), (Kind::Lane(Lane::Bulk), "blob"), (Kind::Receipts, "receipt")] {
        assert_eq!(send(&mut moha, publish(kind, VWU, text, 1)).await, PublishResult::Stored);
        assert_eq!(receive(&mut vwu).await, (kind, "moha".to_owned(), text.to_owned()));
    }
    assert_eq!(send(&mut moha, publish(Kind::Broadcast, VWU, "figures", 2)).await, PublishResult::Stored);
    assert_eq!(receive(&mut vwu).await, (Kind::Broadcast, "moha".to_owned(), "figures".to_owned()));

    let signal = Output::Signal { recipient: id(MOHA), bytes: b"status".to_vec() };
    assert!(vwu.transport.outlet().offer(signal).is_none());
    // The next input of moha: its own broadcast does not come back to it.
    let heard = moha.next().await.unwrap();
    assert!(matches!(&heard, Input::Signal { sender, bytes } if *sender == id(VWU) && bytes == b"status"), "{heard:?}");

    comes_to_hold(&bus, "NC_VWU", 0).await;
    let (moha, vwu) = (moha.transport.counters().totals(), vwu.transport.counters().totals());
    assert_eq!((moha.stored, moha.denied, moha.shed), (4, 0, 0));
    assert_eq!((vwu.delivered, vwu.foreign, vwu.denied), (4, 0, 0));
}

#[tokio::test]
async fn a_full_share_is_said_and_is_free_again_after_acknowledgement() {
    let bus = Bus::start(Layout { share: 2, ..Layout::default() }).await.unwrap();
    let mut moha = bus.join(MOHA).await.unwrap();
    for token in [1, 2] {
        assert_eq!(send(&mut moha, publish(MESSAGES, VWU, "waits", token)).await, PublishResult::Stored);
    }
    assert_eq!(send(&mut moha, publish(MESSAGES, VWU, "too much", 3)).await, PublishResult::Full);
    // The share is per kind: a case is not held back by bulk, nor bulk by a case.
    assert_eq!(send(&mut moha, publish(Kind::Lane(Lane::Bulk), VWU, "bulk", 4)).await, PublishResult::Stored);

    let mut vwu = bus.join(VWU).await.unwrap();
    for _ in 0..3 {
        receive(&mut vwu).await;
    }
    comes_to_hold(&bus, "NC_VWU", 0).await;
    assert_eq!(send(&mut moha, publish(MESSAGES, VWU, "again", 5)).await, PublishResult::Stored);
}

#[tokio::test]
async fn a_killed_broker_is_used_again_when_it_is_back() {
    let mut bus = Bus::start(Layout::default()).await.unwrap();
    let mut moha = bus.join(MOHA).await.unwrap();
    assert_eq!(send(&mut moha, publish(MESSAGES, VWU, "before", 1)).await, PublishResult::Stored);

    bus.server.kill();
    moha.reaches(|state| *state == State::Disconnected).await.unwrap();
    assert_eq!(send(&mut moha, publish(MESSAGES, VWU, "while down", 2)).await, PublishResult::Unknown);

    bus.server.restart().await.unwrap();
    moha.reaches(|state| matches!(state, State::Connected { .. })).await.unwrap();
    assert_eq!(send(&mut moha, publish(MESSAGES, VWU, "after", 3)).await, PublishResult::Stored);

    let mut vwu = bus.join(VWU).await.unwrap();
    assert_eq!(receive(&mut vwu).await.2, "before");
    assert_eq!(receive(&mut vwu).await.2, "after");
}

#[tokio::test]
async fn a_broker_that_lost_its_disk_is_reported_and_used_again_once_provisioned() {
    let mut bus = Bus::start(Layout::default()).await.unwrap();
    let mut moha = bus.join(MOHA).await.unwrap();
    let mut vwu = bus.join(VWU).await.unwrap();

    bus.server.kill();
    bus.server.lose_disk().unwrap();
    bus.server.restart().await.unwrap();
    for member in [&moha, &vwu] {
        member.reaches(|state| matches!(state, State::StreamsMissing { .. })).await.unwrap();
    }
    assert_eq!(send(&mut moha, publish(MESSAGES, VWU, "nowhere", 1)).await, PublishResult::Unknown);

    bus.provision().await.unwrap();
    for member in [&moha, &vwu] {
        member.reaches(|state| matches!(state, State::Connected { .. })).await.unwrap();
    }
    assert_eq!(send(&mut moha, publish(MESSAGES, VWU, "again", 2)).await, PublishResult::Stored);
    assert_eq!(receive(&mut vwu).await.2, "again");
}

#[tokio::test]
async fn what_the_server_itself_writes_under_anothers_name_reaches_the_engine_as_a_delivery_like_any_other() {
    let bus = Bus::start(Layout::default()).await.unwrap();
    let mut vwu = bus.join(VWU).await.unwrap();
    let moha = bus.server.connect(MOHA, |_| ()).await.unwrap();
    // moha may not publish as hanoi; the server's answer to its request does.
    let question = "$JS.API.CONSUMER.INFO.NC_MOHA.m";
    moha.publish_with_reply(question, "nc.v1.m.vwu.hanoi", "".into()).await.unwrap();
    moha.flush().await.unwrap();
    let (kind, sender, text) = receive(&mut vwu).await;
    assert_eq!((kind, sender.as_str()), (MESSAGES, "hanoi"));
    assert!(text.contains("consumer_info_response"), "{text}");
}

#[tokio::test]
async fn a_sender_that_no_access_point_can_be_is_counted_and_does_not_block_the_queue() {
    let bus = Bus::start(Layout::default()).await.unwrap();
    let mut vwu = bus.join(VWU).await.unwrap();
    let moha = bus.server.connect(MOHA, |_| ()).await.unwrap();
    let question = "$JS.API.CONSUMER.INFO.NC_MOHA.m";
    moha.publish_with_reply(question, "nc.v1.m.vwu.NOBODY", "".into()).await.unwrap();
    moha.flush().await.unwrap();
    comes_to_hold(&bus, "NC_VWU", 0).await;
    let mut moha = bus.join(MOHA).await.unwrap();
    assert_eq!(send(&mut moha, publish(MESSAGES, VWU, "real", 1)).await, PublishResult::Stored);
    assert_eq!(receive(&mut vwu).await.2, "real");
    assert_eq!(vwu.transport.counters().totals().foreign, 1);
}

#[tokio::test]
async fn many_publishes_are_each_answered_once_and_arrive_in_order() {
    let bus = Bus::start(Layout { share: 1000, ..Layout::default() }).await.unwrap();
    let mut moha = bus.join(MOHA).await.unwrap();
    let mut vwu = bus.join(VWU).await.unwrap();
    let outlet = moha.transport.outlet();
    for token in 0..500 {
        assert!(outlet.offer(publish(MESSAGES, VWU, &token.to_string(), token)).is_none());
    }
    let mut answered = BTreeSet::new();
    for expected in 0..500 {
        match moha.next().await.unwrap() {
            Input::Published { token, result: PublishResult::Stored } => assert!(answered.insert(token)),
            other => panic!("{other:?}"),
        }
        assert_eq!(receive(&mut vwu).await.2, expected.to_string());
    }
    assert_eq!(answered.len(), 500);
}

#[tokio::test]
async fn what_was_offered_before_the_end_is_held_by_the_broker_at_the_end() {
    let bus = Bus::start(Layout::default()).await.unwrap();
    let Member { transport, inputs } = bus.join(MOHA).await.unwrap();
    let (outlet, counters) = (transport.outlet(), transport.counters());
    // More than there is room for among the inputs; nobody reads them any more.
    drop(inputs);
    for token in 0..100 {
        assert!(outlet.offer(publish(MESSAGES, VWU, "last words", token)).is_none());
    }
    transport.shutdown(Duration::from_secs(5)).await;
    assert_eq!(counters.totals().stored, 100);
    assert_eq!(held(&bus, "NC_VWU").await, 100);
    assert!(outlet.offer(publish(MESSAGES, VWU, "too late", 100)).is_some());
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_a_state_and_a_shutdown_does_not_wait_for_it() {
    let mut bus = Bus::bare(Layout::default()).await.unwrap();
    bus.server.kill();
    let connection = bus.server.connection(MOHA).unwrap();
    let (transport, inputs) = nhipcau_messaging::nats::Transport::start(id(MOHA), &connection).await.unwrap();
    assert_eq!(*transport.state().borrow(), State::Disconnected);
    assert!(transport.outlet().offer(publish(MESSAGES, VWU, "shed", 1)).is_none());
    let mut moha = Member { transport, inputs };
    assert!(matches!(moha.next().await.unwrap(), Input::Published { token: 1, result: PublishResult::Unknown }));
    moha.transport.shutdown(Duration::from_millis(200)).await;
}

#[tokio::test]
async fn a_login_that_the_broker_does_not_let_in_costs_nothing_and_a_renewed_one_is_taken_without_a_restart() {
    let mut bus = Bus::start(Layout::default()).await.unwrap();
    let mut moha = bus.join(MOHA).await.unwrap();
    let renewal = moha.transport.renewal();
    for wrong in ["", "no seed", MOHA_RENEWED.seed()] {
        bus.server.write_login(MOHA, wrong).unwrap();
        assert!(matches!(renewal.renew().await, Err(nats::Error::Connect(_))), "{wrong}");
        assert_eq!(send(&mut moha, publish(MESSAGES, VWU, "by the old login", 1)).await, PublishResult::Stored);
    }
    assert_eq!(moha.transport.counters().totals().connected, 1, "the connection was never given up");
    // The key is exchanged at the broker, which is started again: only the new login is let in.
    bus.server.replace_key(MOHA, MOHA_RENEWED).unwrap();
    bus.server.kill();
    moha.reaches(|state| *state == State::Disconnected).await.unwrap();
    bus.server.restart().await.unwrap();
    renewal.renew().await.unwrap();
    moha.reaches(|state| matches!(state, State::Connected { .. })).await.unwrap();
    assert_eq!(send(&mut moha, publish(MESSAGES, VWU, "by the new login", 2)).await, PublishResult::Stored);
}

#[tokio::test]
async fn renewing_a_login_that_is_let_in_makes_one_new_connection_and_loses_nothing() {
    let bus = Bus::start(Layout::default()).await.unwrap();
    let mut moha = bus.join(MOHA).await.unwrap();
    let mut vwu = bus.join(VWU).await.unwrap();
    vwu.transport.renewal().renew().await.unwrap();
    let counters = vwu.transport.counters();
    wait::until("a second connection", || (counters.totals().connected == 2).then_some(())).await.unwrap();
    vwu.reaches(|state| matches!(state, State::Connected { .. })).await.unwrap();
    assert_eq!(send(&mut moha, publish(MESSAGES, VWU, "after", 1)).await, PublishResult::Stored);
    assert_eq!(receive(&mut vwu).await.2, "after");
}
