//! Whole access points on a real broker: what one submits has exactly one effect at the other, in order, whatever
//! happens to the broker or to a process in between.

mod process;

use nhipcau_messaging::provision::Layout;
use nhipcau_tests::{
    bus::Bus,
    nats::{MOHA, VWU},
};

use process::Process;

fn bodies(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("message {number}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_take_effect_once_and_in_order_although_the_broker_loses_its_disk() {
    let mut bus = Bus::start(Layout::default()).await.unwrap();
    let (at_moha, at_vwu) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let moha = Process::start(&bus, MOHA, at_moha.path(), 1).await;
    let vwu = Process::start(&bus, VWU, at_vwu.path(), 1).await;
    for body in bodies(0..20) {
        moha.send(MOHA, VWU, &body).await;
    }
    vwu.effects_when(1).await;

    bus.server.kill();
    for body in bodies(20..40) {
        moha.send(MOHA, VWU, &body).await;
    }
    bus.server.lose_disk().unwrap();
    bus.server.restart().await.unwrap();
    bus.provision().await.unwrap();

    assert_eq!(vwu.effects_when(40).await, bodies(0..40));
    moha.concluded(40).await;
    moha.stop().await;
    vwu.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_while_a_process_was_down_takes_effect_when_it_is_back() {
    let bus = Bus::start(Layout::default()).await.unwrap();
    let (at_moha, at_vwu) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let moha = Process::start(&bus, MOHA, at_moha.path(), 1).await;
    let vwu = Process::start(&bus, VWU, at_vwu.path(), 1).await;
    moha.send(MOHA, VWU, "message 0").await;
    assert_eq!(vwu.effects_when(1).await, bodies(0..1));
    vwu.stop().await;

    moha.send(MOHA, VWU, "message 1").await;
    moha.stop().await;
    let moha = Process::start(&bus, MOHA, at_moha.path(), 2).await;
    let vwu = Process::start(&bus, VWU, at_vwu.path(), 2).await;
    assert_eq!(vwu.effects_when(2).await, bodies(0..2));
    moha.concluded(2).await;
    // The same request again is the same message.
    moha.send(MOHA, VWU, "message 1").await;
    moha.send(MOHA, VWU, "message 2").await;
    assert_eq!(vwu.effects_when(3).await, bodies(0..3));
    assert_eq!(vwu.effects().await.len(), 3);
    moha.stop().await;
    vwu.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_that_was_undone_leaves_nothing_behind_for_the_next_of_its_case() {
    let bus = Bus::start(Layout::default()).await.unwrap();
    let (at_moha, at_vwu) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let moha = Process::start(&bus, MOHA, at_moha.path(), 1).await;
    moha.send_in_vain(MOHA, VWU, "undone").await;
    moha.send(MOHA, VWU, "message 0").await;
    // A new process reads back what is stored.
    moha.stop().await;
    let moha = Process::start(&bus, MOHA, at_moha.path(), 2).await;
    let vwu = Process::start(&bus, VWU, at_vwu.path(), 1).await;
    assert_eq!(vwu.effects_when(1).await, bodies(0..1));
    moha.stop().await;
    vwu.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_wrote_under_a_peers_subject_is_quarantined_and_the_peers_channel_goes_on() {
    let bus = Bus::start(Layout::default()).await.unwrap();
    let (at_moha, at_vwu) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let moha = Process::start(&bus, MOHA, at_moha.path(), 1).await;
    let vwu = Process::start(&bus, VWU, at_vwu.path(), 1).await;
    moha.send(MOHA, VWU, "message 0").await;
    assert_eq!(vwu.effects_when(1).await, bodies(0..1));

    // vwu may not publish as moha, not even to its own queue; the server's answers to its requests do, on
    // every kind of subject.
    let forger = bus.server.connect(VWU, |_| ()).await.unwrap();
    for kind in ["m", "b", "r"] {
        let subject = format!("nc.v1.{kind}.vwu.moha");
        forger.publish_with_reply("$JS.API.CONSUMER.INFO.NC_VWU.m", subject, "".into()).await.unwrap();
    }
    forger.flush().await.unwrap();
    assert_eq!(vwu.quarantined_when(3).await, ["moha malformed"; 3]);
    assert_eq!((vwu.effects().await, vwu.taken().await), (bodies(0..1), vec!["moha 1".to_owned()]));

    moha.send(MOHA, VWU, "message 1").await;
    assert_eq!(vwu.effects_when(2).await, bodies(0..2));
    moha.concluded(2).await;
    assert_eq!(vwu.taken().await, ["moha 2"]);
    moha.stop().await;
    vwu.stop().await;
}
