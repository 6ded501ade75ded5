//! The bytes of a press.

use proptest::prelude::*;
use serde_json::Value;
use zeroize::{Zeroize as _, ZeroizeOnDrop};

use super::*;

const GOLDEN: &str = include_str!("../../../../../proto/vectors/alarm.json");

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    hex::decode(case[field].as_str().unwrap()).unwrap()
}

#[test]
fn golden_presses_are_read_and_made_alike_and_what_is_none_is_refused() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.iter().any(|case| case["expect"] != "ok"), "something is refused");
    for case in cases {
        let key = AlarmKey::new(bytes(case, "party_key").try_into().unwrap());
        let read = Frame::open(&bytes(case, "frame"), std::slice::from_ref(&key));
        if case["expect"] != "ok" {
            assert_eq!(read, Err(NotAFrame), "{}", case["name"]);
            continue;
        }
        let device: DeviceId = case["device"].as_str().unwrap().parse().unwrap();
        let flags = Flags::new(u8::try_from(case["flags"].as_u64().unwrap()).unwrap());
        let code = case["area"].as_str().unwrap();
        assert_eq!(read, Ok(Frame::new(device, case["counter"].as_u64().unwrap(), flags, code)), "{}", case["name"]);
        assert_eq!(key.of(device).expose().to_vec(), bytes(case, "device_key"));
        assert_eq!(read.unwrap().seal(&key.of(device)), bytes(case, "frame"), "{}", case["name"]);
    }
}

#[test]
fn no_press_is_taken_that_was_altered_in_any_bit() {
    let sent = press(7, Flags::TEST).seal(&party_key().of(DEVICE));
    assert_eq!(sent.len(), FRAME_BYTES);
    assert_eq!(Frame::open(&sent, &[party_key()]), Ok(press(7, Flags::TEST)));
    for bit in 0..FRAME_BYTES * 8 {
        let mut altered = sent.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(Frame::open(&altered, &[party_key()]), Err(NotAFrame), "bit {bit}");
    }
}

#[test]
fn a_device_that_was_made_with_the_key_before_is_read_on() {
    let old = AlarmKey::new([8; 32]);
    let sent = press(1, Flags::ALARM).seal(&old.of(DEVICE));
    assert_eq!(Frame::open(&sent, &[party_key(), old]), Ok(press(1, Flags::ALARM)));
    assert_eq!(Frame::open(&sent, &[party_key()]), Err(NotAFrame));
    assert_eq!(Frame::open(&sent, &[]), Err(NotAFrame));
}

#[test]
fn what_a_press_names_is_a_commune_a_province_or_nothing() {
    let named = |code| Frame::new(DEVICE, 1, Flags::ALARM, code).named();
    assert_eq!(named("00004"), Named::Code("00004".into()));
    assert_eq!(named("01"), Named::Code("01".into()));
    assert_eq!(named(""), Named::Nothing);
    for code in ["001", "1", "0000x", "\u{1}\u{2}", "01\0\u{31}"] {
        assert_eq!(named(code), Named::Unreadable, "{code:?}");
    }
}

#[test]
fn a_device_has_one_spelling() {
    assert_eq!(DEVICE.to_string(), "4e43000000000011");
    assert_eq!("4e43000000000011".parse(), Ok(DEVICE));
    for text in ["4E43000000000011", "4e4300000000001", "4e430000000000111", "", "moh"] {
        assert!(text.parse::<DeviceId>().is_err(), "{text}");
    }
}

#[test]
fn keys_are_not_printed() {
    let printed = format!("{:?} {:?}", party_key(), party_key().of(DEVICE));
    assert_eq!(printed, "AlarmKey(…) DeviceKey(…)");
}

#[test]
fn keys_are_wiped_from_memory_with_their_values() {
    const fn is_wiped<T: ZeroizeOnDrop>() {}
    is_wiped::<AlarmKey>();
    is_wiped::<DeviceKey>();
    let mut key = party_key().of(DEVICE);
    assert_ne!(key.expose(), &[0; 32]);
    key.zeroize();
    assert_eq!(key.expose(), &[0; 32]);
}

proptest! {
    #[test]
    fn a_press_is_read_as_it_was_made_and_by_no_other_party(
        device: [u8; 8], counter: u64, flags: u8, code in "([0-9]{2}|[0-9]{5})?", key: [u8; 32], other: [u8; 32],
    ) {
        prop_assume!(key != other);
        let frame = Frame::new(DeviceId::new(device), counter, Flags::new(flags), &code);
        let sent = frame.seal(&AlarmKey::new(key).of(frame.device));
        prop_assert_eq!(Frame::open(&sent, &[AlarmKey::new(key)]), Ok(frame));
        prop_assert_eq!(Frame::open(&sent, &[AlarmKey::new(other)]), Err(NotAFrame));
    }

    #[test]
    fn bytes_that_nobody_signed_are_no_press(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert_eq!(Frame::open(&bytes, &[party_key()]), Err(NotAFrame));
    }
}
