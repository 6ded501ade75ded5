//! What presses do, in whatever order, number and time they arrive.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

/// An access point with one device.
struct Desk {
    device: Device,
    alarms: Vec<Alarm>,
    now: Timestamp,
}

impl Desk {
    fn new() -> Self {
        Self { device: registered(Some("00004"), false), alarms: Vec::new(), now: now() }
    }

    fn later(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    fn test_for(&mut self, seconds: i64) {
        self.device =
            self.device.open_test(self.now + SignedDuration::from_secs(seconds), &person(), self.now).unwrap();
    }

    fn open(&self) -> Option<&Alarm> {
        self.alarms.iter().rfind(|alarm| alarm.is_open())
    }

    fn cancel(&mut self) {
        let actor = person();
        let reason = CancelReason::Done.to_wire();
        let last = self.alarms.iter_mut().filter(|alarm| alarm.is_open());
        last.for_each(|alarm| {
            let etag = alarm.etag();
            let call = crate::contact::Call { etag: &etag, actor: &actor, now: self.now };
            *alarm = alarm.cancel(reason, &call).unwrap();
        });
    }

    /// Takes a press as a service does.
    fn take(&mut self, frame: &Frame) -> Judgement {
        let judged = Device::judge(Some(&self.device), self.open(), frame, areas(), self.now);
        match judged.verdict {
            Verdict::Dispatch => {
                let uid = Uuid::from_u128(self.alarms.len() as u128 + 1);
                self.alarms.push(Alarm::raised(uid, uid, DEVICE, judged.notes.clone(), self.now));
            }
            Verdict::Joins(uid) => {
                let alarm = self.alarms.iter_mut().find(|alarm| alarm.uid == uid).unwrap();
                *alarm = alarm.joined(&judged.notes, self.now);
            }
            _ => {}
        }
        if let Some(device) = &judged.device {
            self.device = device.clone();
        }
        judged
    }

    fn verdict(&mut self, counter: u64, flags: Flags) -> Verdict {
        self.take(&press(counter, flags)).verdict
    }
}

#[test]
fn the_first_press_raises_an_alarm_and_the_same_again_counts_once() {
    let mut desk = Desk::new();
    assert_eq!(desk.verdict(1, Flags::ALARM), Verdict::Dispatch);
    assert_eq!(desk.verdict(1, Flags::ALARM), Verdict::Repeat);
    assert_eq!(desk.verdict(2, Flags::ALARM), Verdict::Joins(Uuid::from_u128(1)));
    assert_eq!(desk.verdict(1, Flags::ALARM), Verdict::Replay);
    assert_eq!((desk.alarms.len(), desk.alarms[0].presses), (1, 2));
}

#[test]
fn whoever_still_presses_after_ten_minutes_raises_another_alarm() {
    let mut desk = Desk::new();
    desk.verdict(1, Flags::ALARM);
    desk.later(599);
    assert_eq!(desk.verdict(2, Flags::ALARM), Verdict::Joins(Uuid::from_u128(1)));
    desk.later(1);
    assert_eq!(desk.verdict(3, Flags::ALARM), Verdict::Dispatch);
    desk.later(-7_200);
    assert_eq!(desk.verdict(4, Flags::ALARM), Verdict::Dispatch, "a clock that was set back puts nothing off");
}

#[test]
fn whoever_presses_after_a_person_ended_the_alarm_raises_another() {
    let mut desk = Desk::new();
    desk.verdict(1, Flags::ALARM);
    desk.cancel();
    assert_eq!(desk.verdict(2, Flags::ALARM), Verdict::Dispatch);
}

#[test]
fn a_test_without_an_open_window_is_an_alarm() {
    let mut desk = Desk::new();
    let judged = desk.take(&press(1, Flags::TEST));
    assert_eq!((judged.verdict, judged.notes), (Verdict::Dispatch, vec![Note::TestNotOpen]));
    desk.cancel();
    desk.test_for(60);
    assert_eq!(desk.verdict(2, Flags::TEST), Verdict::Test);
    assert_eq!(desk.device.tested, Some(desk.now));
    assert_eq!(desk.verdict(2, Flags::TEST), Verdict::Repeat);
    desk.later(60);
    assert_eq!(desk.verdict(2, Flags::TEST), Verdict::Repeat, "recorded and played again after the window");
    assert_eq!(desk.verdict(3, Flags::TEST), Verdict::Dispatch);
}

#[test]
fn while_a_test_is_open_everything_else_is_an_alarm() {
    for flags in (0..=u8::MAX).map(Flags::new) {
        let mut desk = Desk::new();
        desk.test_for(60);
        let judged = desk.take(&press(1, flags));
        if flags == Flags::TEST || flags == Flags::TEST.with(Flags::BATTERY_LOW) {
            assert_eq!(judged.verdict, Verdict::Test, "{flags:?}");
            continue;
        }
        assert_eq!(judged.verdict, Verdict::Dispatch, "{flags:?}");
        assert_eq!(judged.notes.contains(&Note::TestNotOpen), flags.has(Flags::TEST), "{flags:?}");
        assert!(matches!(desk.verdict(2, Flags::TEST), Verdict::Joins(_)), "an alarm is open");
    }
}

#[test]
fn flags_that_nothing_is_known_of_are_an_alarm_and_noted() {
    for bit in [32, 64, 128] {
        let mut desk = Desk::new();
        desk.test_for(60);
        let judged = desk.take(&press(1, Flags::new(2 | bit)));
        assert_eq!((judged.verdict, judged.notes), (Verdict::Dispatch, vec![Note::TestNotOpen, Note::FlagsUnknown]));
        assert_eq!(desk.take(&press(2, Flags::new(bit))).notes, [Note::FlagsUnknown]);
        assert_eq!(desk.alarms[0].notes, [Note::TestNotOpen, Note::FlagsUnknown]);
    }
}

#[test]
fn a_test_that_overtakes_an_alarm_does_not_swallow_it() {
    let mut desk = Desk::new();
    desk.test_for(60);
    assert_eq!(desk.verdict(2, Flags::TEST), Verdict::Test);
    let judged = desk.take(&press(1, Flags::ALARM));
    assert_eq!((judged.verdict, judged.notes), (Verdict::Dispatch, vec![Note::Late]));
}

#[test]
fn who_asks_to_cancel_is_heard_and_ends_nothing() {
    let mut desk = Desk::new();
    desk.verdict(1, Flags::ALARM);
    let judged = desk.take(&press(2, Flags::CANCEL_ASKED));
    assert!(matches!(judged.verdict, Verdict::Joins(_)));
    assert!(desk.alarms[0].is_open() && desk.alarms[0].notes.contains(&Note::CancelAsked));
}

#[test]
fn a_counter_that_jumps_raises_an_alarm_and_is_noted() {
    let mut desk = Desk::new();
    assert_eq!(desk.take(&press(1_000, Flags::ALARM)).notes, []);
    desk.cancel();
    let judged = desk.take(&press(2_001, Flags::ALARM));
    assert_eq!((judged.verdict, judged.notes), (Verdict::Dispatch, vec![Note::CounterJumped]));
    assert_eq!(desk.verdict(1_999, Flags::ALARM), Verdict::Joins(Uuid::from_u128(2)), "two late");
    assert_eq!(desk.verdict(2_001 - 63, Flags::ALARM), Verdict::Joins(Uuid::from_u128(2)), "the last that counts");
    assert_eq!(desk.verdict(2_001 - 64, Flags::ALARM), Verdict::Stale, "nobody can say");
}

#[test]
fn of_a_device_that_lost_its_counter_a_person_is_told_each_time_and_nothing_is_raised() {
    let mut desk = Desk::new();
    // Its memory is empty: every bit of it is set.
    let first = desk.take(&press(u64::MAX, Flags::ALARM));
    assert_eq!((first.verdict, first.notes), (Verdict::Dispatch, vec![Note::CounterJumped]));
    desk.cancel();
    desk.test_for(60);
    for counter in [0, 1, 2, 1, 1_000] {
        let judged = desk.take(&press(counter, Flags::ALARM.with(Flags::SILENT)));
        assert_eq!((judged.verdict, judged.notes), (Verdict::Stale, vec![Note::Late, Note::Silent]), "{counter}");
        assert_eq!(judged.device, None);
    }
    let test = desk.take(&press(3, Flags::TEST));
    assert_eq!((test.verdict, test.notes), (Verdict::Stale, vec![Note::Late, Note::TestNotOpen]), "not silent either");
    assert_eq!(desk.verdict(u64::MAX, Flags::ALARM), Verdict::Stale, "one that counts no further");
    assert_eq!((desk.alarms.len(), desk.open(), desk.device.tested), (1, None, None));
    // Registered anew it counts from the beginning.
    desk.device = registered(Some("00004"), false);
    assert_eq!(desk.verdict(1, Flags::ALARM), Verdict::Dispatch);
}

#[test]
fn a_device_that_begins_again_or_counts_no_more_is_heard_once_its_alarm_takes_no_presses() {
    let mut desk = Desk::new();
    desk.verdict(1, Flags::ALARM);
    desk.verdict(2, Flags::ALARM);
    assert_eq!([desk.verdict(1, Flags::ALARM), desk.verdict(2, Flags::ALARM)], [Verdict::Replay, Verdict::Repeat]);
    desk.later(600);
    assert_eq!([desk.verdict(1, Flags::ALARM), desk.verdict(2, Flags::ALARM)], [Verdict::Stale; 2]);
    desk.cancel();
    assert_eq!([desk.verdict(1, Flags::ALARM), desk.verdict(2, Flags::ALARM)], [Verdict::Stale; 2]);
    desk.test_for(60);
    assert_eq!(desk.verdict(3, Flags::TEST), Verdict::Test);
    assert_eq!(desk.verdict(3, Flags::TEST), Verdict::Repeat);
    assert_eq!(desk.verdict(3, Flags::ALARM), Verdict::Stale, "an alarm is no repeated test");
    desk.later(600);
    assert_eq!(desk.verdict(3, Flags::TEST), Verdict::Stale);
    assert_eq!((desk.alarms.len(), desk.alarms[0].presses), (1, 2));
}

#[test]
fn a_revoked_device_and_one_that_is_not_registered_raise_nothing() {
    let frame = press(1, Flags::ALARM);
    let revoked = registered(None, false).revoke(&person()).unwrap();
    let judged = |device| Device::judge(device, None, &frame, areas(), now());
    assert_eq!(judged(Some(&revoked)).verdict, Verdict::Revoked);
    assert_eq!(judged(None).verdict, Verdict::Unknown);
    let other = Device { id: DeviceId::new([1; 8]), ..registered(None, false) };
    assert_eq!(judged(Some(&other)).verdict, Verdict::Unknown, "a row of another device");
    assert_eq!(judged(None).device, None);
}

#[test]
fn an_operator_hears_of_a_flood_once_a_minute() {
    let mut burst = Burst::default();
    let mut count = |seconds: i64, presses: usize| {
        let told = (0..presses).filter(|_| {
            let (next, told) = burst.more(now() + SignedDuration::from_secs(seconds));
            burst = next;
            told
        });
        told.count()
    };
    assert_eq!([count(0, 30), count(0, 1), count(0, 1_000), count(60, 30), count(60, 1)], [0, 1, 0, 0, 1]);
}

/// What happens at a desk.
#[derive(Debug, Clone)]
enum Step {
    /// One of the presses that the device makes arrives.
    Arrives(u64, bool, u8),
    Later(i64),
    TestFor(i64),
    Cancel,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let counter = prop_oneof![200 => 0..100_u64, 1 => Just(u64::MAX)];
    let arrives = (counter, any::<bool>(), any::<u8>());
    prop::collection::vec(
        prop_oneof![
            6 => arrives.prop_map(|(counter, is_alarm, more)| Step::Arrives(counter, is_alarm, more)),
            2 => (-30..900_i64).prop_map(Step::Later),
            1 => (1..=3_600_i64).prop_map(Step::TestFor),
            1 => Just(Step::Cancel),
        ],
        0..120,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_press_counts_once_and_no_test_swallows_an_alarm_whatever_arrives_when(steps in steps()) {
        let mut desk = Desk::new();
        // A device makes one press of each counter.
        let mut made: BTreeMap<u64, Flags> = BTreeMap::new();
        let (mut counted, mut highest) = (BTreeSet::new(), 0);
        for step in steps {
            match step {
                Step::Later(seconds) => desk.later(seconds),
                Step::TestFor(seconds) => desk.test_for(seconds),
                Step::Cancel => desk.cancel(),
                Step::Arrives(counter, is_alarm, more) => {
                    let flags = if is_alarm { Flags::ALARM } else { Flags::TEST }.with(Flags::new(more & 0b1110_1100));
                    let flags = *made.entry(counter).or_insert(flags);
                    let may_test = desk.device.test_until.is_some_and(|until| desk.now < until);
                    let was_open = desk.open().is_some();
                    let alarms = desk.alarms.len();
                    let verdict = desk.verdict(counter, flags);
                    let is_new = !counted.contains(&counter);
                    let is_tested = desk.device.tested.is_some_and(|tested| {
                        (SignedDuration::ZERO..JOINING).contains(&desk.now.duration_since(tested))
                    });
                    let is_taken = desk.open().is_some_and(|alarm| alarm.takes(desk.now));
                    let is_awaited = is_taken || (is_tested && counter == highest && press(counter, flags).is_test());
                    let can_tell = highest - counter.min(highest) < 64
                        && (is_new || (is_awaited && counter < u64::MAX));
                    match verdict {
                        Verdict::Repeat => prop_assert!(!is_new && can_tell && counter == highest),
                        Verdict::Replay => prop_assert!(!is_new && can_tell),
                        Verdict::Stale => prop_assert!(!can_tell),
                        Verdict::Test => {
                            let is_more = !flags.only(Flags::TEST.with(Flags::BATTERY_LOW));
                            prop_assert!(is_new && may_test && !was_open && !is_more);
                        }
                        Verdict::Dispatch | Verdict::Joins(_) => prop_assert!(is_new && can_tell),
                        Verdict::Revoked | Verdict::Unknown => prop_assert!(false, "{:?}", verdict),
                    }
                    if is_new && can_tell {
                        let raised = matches!(verdict, Verdict::Dispatch | Verdict::Joins(_));
                        prop_assert!(raised || verdict == Verdict::Test);
                        prop_assert!(raised || !flags.has(Flags::ALARM), "an alarm was swallowed");
                    }
                    prop_assert_eq!(desk.alarms.len(), alarms + usize::from(verdict == Verdict::Dispatch));
                    counted.insert(counter);
                    highest = highest.max(counter);
                }
            }
        }
    }

    #[test]
    fn what_has_arrived_is_kept_in_two_numbers(counters in prop::collection::vec(0..300_u64, 0..80), far: u64) {
        let mut seen = Seen::NONE;
        let mut all = BTreeSet::new();
        for counter in counters {
            let highest = all.last().copied().unwrap_or(0);
            prop_assert_eq!(seen.has(counter), all.contains(&counter) || counter + 63 < highest);
            if !seen.has(counter) {
                seen = seen.with(counter);
                all.insert(counter);
            }
            prop_assert!(seen.has(counter) && !seen.has(seen.highest() + 1));
            prop_assert_eq!(Seen::from_bytes(seen.to_bytes()), seen);
        }
        prop_assert!(seen.with(far).has(far) || far < seen.highest());
    }
}
