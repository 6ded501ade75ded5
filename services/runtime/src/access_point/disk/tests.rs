//! A disk whose room the test says, beside a running access point.

use std::sync::atomic::{AtomicU64, Ordering};

use nhipcau_domain::id::AccessPointId;
use nhipcau_messaging::message::Lane;
use tokio::time::timeout;

use super::*;
use crate::access_point::tests::Home;

const FLOOR: u64 = 1 << 30;

/// Whether callers may submit.
async fn admits(handle: &Handle) -> bool {
    handle.call(|_, submitter, _| submitter.admit()).await.is_ok()
}

#[tokio::test]
async fn callers_are_turned_away_while_there_is_little_room_and_let_in_again_by_themselves() {
    let running = Home::new().start().await;
    let handle = running.handle();
    let free = Arc::new(AtomicU64::new(FLOOR));
    let measured = Arc::clone(&free);
    let disk = Disk(Arc::new(move || match measured.load(Ordering::Relaxed) {
        u64::MAX => Err(io::Error::other("a disk that cannot be looked at")),
        free => Ok(free),
    }));
    let (room, mut seen) = watch::channel(Room::Enough);
    let watching = tokio::spawn(disk.watch(FLOOR, handle.clone(), room));
    assert!(admits(&handle).await);
    for (now, expected, is_let_in) in [
        (FLOOR - 1, Room::Low, false),
        (FLOOR / 4 - 1, Room::None, false),
        // A little more than the floor is not enough yet.
        (FLOOR + 1, Room::Low, false),
        (FLOOR * 2, Room::Enough, true),
    ] {
        free.store(now, Ordering::Relaxed);
        timeout(Duration::from_secs(20), seen.wait_for(|room| *room == expected)).await.unwrap().unwrap();
        let awaited = async {
            while admits(&handle).await != is_let_in {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), awaited).await.unwrap();
    }
    free.store(u64::MAX, Ordering::Relaxed);
    assert!(timeout(LOOK_EVERY * 2, seen.changed()).await.is_err(), "a disk that cannot be looked at changes nothing");
    watching.abort();
    running.stop(Duration::from_secs(10)).await.unwrap();
}

#[test]
fn without_any_room_envelopes_stay_with_the_broker_and_receipts_are_taken() {
    let sender = AccessPointId::new("vwu").unwrap();
    let delivery = |kind| Input::Delivery { kind, sender: sender.clone(), bytes: Vec::new(), token: 1 };
    let envelopes = [Kind::Lane(Lane::Messages), Kind::Lane(Lane::Bulk), Kind::Broadcast].map(delivery);
    assert!(envelopes.iter().all(|input| Room::Low.lets_in(input) && !Room::None.lets_in(input)));
    assert!(Room::None.lets_in(&delivery(Kind::Receipts)));
    assert!(Room::None.lets_in(&Input::Signal { sender: sender.clone(), bytes: Vec::new() }));
}

#[test]
fn the_disk_of_a_store_is_measured() {
    let home = tempfile::tempdir().unwrap();
    assert!(Disk::below(&home.path().join("store.db")).free().unwrap() > 0);
    assert!(Disk::below(&home.path().join("nowhere/store.db")).free().is_err());
}
