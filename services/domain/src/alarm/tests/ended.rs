//! Only a person ends an alarm.

use super::*;
use crate::{contact::Call, id::PartyId, reason};

fn cancelled(alarm: &Alarm, etag: &str, actor: &Actor, reason: i32) -> Result<Alarm, Refusal> {
    alarm.cancel(reason, &Call { etag, actor, now: now() })
}

#[test]
fn a_person_ends_an_alarm_once_and_for_a_reason() {
    let alarm = raised(vec![Note::Silent]);
    let ended = cancelled(&alarm, "1", &person(), CancelReason::Mistake.to_wire()).unwrap();
    assert!(!ended.is_open() && !ended.takes(now()));
    let again = cancelled(&ended, "2", &person(), CancelReason::Mistake.to_wire()).unwrap_err();
    assert_eq!(found(&again), [("alarm", reason::WRONG_STATE)]);
}

#[test]
fn no_system_ends_an_alarm_and_no_person_who_has_not_seen_the_last_press() {
    let alarm = raised(Vec::new()).joined(&[Note::CancelAsked], now());
    let refused = cancelled(&alarm, "1", &system(), 0).unwrap_err();
    let all =
        [("etag", reason::ETAG_STALE), ("acting_person", reason::PERSON_REQUIRED), ("reason", reason::FIELD_REQUIRED)];
    assert_eq!(found(&refused), all);
}

#[test]
fn an_alarm_is_kept_as_it_is_shown() {
    let party = PartyId::new("moh").unwrap();
    let open = raised(Note::ALL.to_vec()).joined(&Note::ALL, now());
    assert_eq!(open.notes, Note::ALL, "each note once");
    let ended = cancelled(&open, "2", &person(), CancelReason::Done.to_wire()).unwrap();
    let unplaced = Alarm::unplaced(Uuid::from_u128(5), Uuid::from_u128(6), DEVICE, vec![Note::Late], now());
    let refuted = cancelled(&unplaced, "1", &person(), CancelReason::Other.to_wire()).unwrap();
    for alarm in [open, ended, unplaced, refuted] {
        assert_eq!(Alarm::read(&alarm.write(&party)), Ok(alarm));
    }
    let nameless = pb::Alarm { name: "parties/moh/alarms/x".into(), ..raised(Vec::new()).write(&party) };
    assert_eq!(found(&Alarm::read(&nameless).unwrap_err()), [("name", reason::FIELD_FORMAT)]);
}

#[test]
fn what_cannot_be_placed_gathers_its_like_and_takes_no_press_for_an_alarm() {
    let unplaced = Alarm::unplaced(Uuid::from_u128(5), Uuid::from_u128(6), DEVICE, Vec::new(), now());
    assert!(unplaced.gathers(now()) && !unplaced.takes(now()));
    assert!(!unplaced.gathers(now() + JOINING), "after ten minutes a person is told anew");
    let ended = cancelled(&unplaced, "1", &person(), CancelReason::Other.to_wire()).unwrap();
    assert!(!ended.gathers(now()) && !ended.takes(now()));
    assert!(!raised(Vec::new()).gathers(now()));
}
