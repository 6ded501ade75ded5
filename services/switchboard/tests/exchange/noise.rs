//! Floods: of bytes that nobody made, and of presses that arrived before. No alarm is put off by either.

use jiff::SignedDuration;
use nhipcau_domain::reason;
use nhipcau_messaging::engine::AlarmKind;
use tonic::Code;

use crate::{deeds::*, world::*};

/// More than this in a minute is a flood.
const MOST: usize = 30;

#[tokio::test]
async fn no_flood_of_other_bytes_puts_an_alarm_off_and_the_operator_is_told_once_a_minute() {
    let mut world = World::open().await;
    let device = world.register(Some("00004"), false).await;
    let genuine = device.alarm(1);
    let rows = "SELECT count(*) FROM switchboard_contact";
    for byte in 0..=MOST {
        let mut altered = genuine.clone();
        altered[byte] ^= 1;
        let refused = world.try_press(altered).await.unwrap_err();
        assert_eq!(refusal(&refused), (Code::InvalidArgument, reason::ALARM_FRAME_REFUSED.into()));
    }
    for bytes in [Vec::new(), vec![0; 64], vec![0; 65], vec![1; 1 << 16]] {
        assert_eq!(refusal(&world.try_press(bytes).await.unwrap_err()).1, reason::ALARM_FRAME_REFUSED);
    }
    assert_eq!((world.told_operator(), world.count(MOH, rows).await), (vec![AlarmKind::AlarmKeyFlood], 0));
    world.press(genuine).await;
    world.settle().await;
    assert_eq!((world.alarms().await.len(), world.asked()), (1, 1));
    assert_eq!(world.counted("presses_refused"), MOST as u64 + 5);
}

#[tokio::test]
async fn no_flood_of_repeated_presses_puts_an_alarm_off() {
    let mut world = World::open().await;
    let (noisy, calm) = (world.register(Some("00004"), false).await, world.register(Some("00004"), false).await);
    for _ in 0..=MOST + 1 {
        world.press(noisy.alarm(1)).await;
    }
    assert_eq!(world.told_operator(), [AlarmKind::AlarmKeyFlood]);
    world.press(calm.alarm(1)).await;
    world.press(noisy.alarm(2)).await;
    world.settle().await;
    let alarms = world.alarms().await;
    assert_eq!((alarms.len(), world.asked()), (2, 2));
    world.pass(SignedDuration::from_mins(1));
    world.press(noisy.alarm(1)).await;
    assert_eq!(world.told_operator(), [], "one is no flood");
    let alarms = world.alarms().await;
    let of_noisy = alarms.iter().find(|alarm| alarm.device == noisy.device.name).unwrap();
    assert_eq!(of_noisy.presses, 2);
}

#[tokio::test]
async fn what_messaging_does_not_take_stays_a_contact_and_the_press_is_answered() {
    let mut world = World::open().await;
    let device = world.register(Some("00004"), false).await;
    let handle = world.nodes[MOH].handle();
    handle.input(nhipcau_messaging::engine::Input::DiskLow(true)).await.unwrap();
    world.press(device.alarm(1)).await;
    let contact = world.contact_of(&world.alarms().await[0]).await;
    assert_eq!(contact.violations[0].reason, reason::DISK_LOW);
    assert_eq!((world.asked(), world.told_operator()), (0, vec![AlarmKind::AlarmKeyUnsent]));
    world.settle().await;
}
