//! What a timeline is made of, what is never removed, and which process is killed when.

use std::fs;

use super::{strike::When, *};

fn entry(event: &str, side: pb::Side, second: i64) -> pb::HistoryEntry {
    pb::HistoryEntry {
        event: event.to_owned(),
        side: side.into(),
        ordinal: 1,
        event_time: Some(prost_types::Timestamp { seconds: second, nanos: 1_000 }),
        superseded: false,
        unit: if side == pb::Side::Origin { unit("moh", "111") } else { unit("hanoi", "00004") },
    }
}

fn unit(party: &str, unit: &str) -> Option<pb::UnitRef> {
    Some(pb::UnitRef { party: party.to_owned(), unit: unit.to_owned() })
}

#[test]
fn a_timeline_names_each_state_once_with_who_wrote_the_event() {
    let superseded = pb::HistoryEntry { superseded: true, ..entry("revoked", pb::Side::Origin, 3) };
    let history = vec![
        entry("opened", pb::Side::Origin, 1),
        entry("received", pb::Side::Origin, 2),
        superseded,
        entry("acknowledged", pb::Side::Recipient, 4),
        entry("disclosure_added", pb::Side::Origin, 5),
        entry("assigned", pb::Side::Origin, 6),
    ];
    let kind = pb::ReferralKind::Transfer.into();
    let branch = pb::Branch { kind, recipient: unit("hanoi", "00004"), history, ..pb::Branch::default() };
    let referral = pb::Referral { kind, origin: unit("moh", "111"), branches: vec![branch], ..pb::Referral::default() };
    let told: Vec<_> = timeline::timeline(&[referral])
        .into_iter()
        .map(|entered| format!("{} {} {}", entered.state, entered.actor, entered.time))
        .collect();
    assert_eq!(
        told,
        [
            "SUBMITTED moh/111 1970-01-01T00:00:01.000001Z",
            "RECEIVED moh/111 1970-01-01T00:00:02.000001Z",
            "ACKNOWLEDGED hanoi/00004 1970-01-01T00:00:04.000001Z",
            "ASSIGNED moh/111 1970-01-01T00:00:06.000001Z",
        ]
    );
}

#[test]
fn only_what_a_story_made_is_removed() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path().join("story");
    home::clear(&home).unwrap();
    fs::create_dir_all(home.join("moh/store")).unwrap();
    assert_eq!(home::clear(&home).unwrap_err().code(), Code::Usage);
    home::mark(&home).unwrap();
    home::clear(&home).unwrap();
    assert!(!home.exists());
}

#[tokio::test]
async fn whoever_waits_in_vain_says_for_what_and_what_was_there_instead() {
    let looked = async || Ok(wait::Seen::<()>::Instead("SUBMITTED".to_owned()));
    let failure = wait::until("hanoi", "the branch", std::time::Duration::ZERO, looked).await.unwrap_err();
    assert_eq!(failure.to_string(), "hanoi waited 0 s for the branch; there is SUBMITTED");
    assert_eq!(failure.code(), Code::Unavailable);
}

#[test]
fn a_seed_always_kills_the_same_process_at_the_same_step() {
    let steps = Story::Transfer.steps();
    let random = |seed| When::read("random", steps, seed).unwrap().said();
    assert_eq!(random(7), random(7));
    let all: std::collections::BTreeSet<_> = (0..200).map(random).collect();
    assert_eq!(all.len(), steps.len() * crate::sandbox::MEMBERS.len(), "every process at every step");
    assert_eq!(When::read("read", steps, 7).unwrap().said()[0], "read");
    assert_eq!(When::read("dance", steps, 7).unwrap_err().code(), Code::Usage);
}
