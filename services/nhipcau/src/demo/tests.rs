//! What is digested, what a timeline is made of, and what is never removed.

use std::fs;

use nhipcau_proto::{indicator::v1 as figures_pb, referral::v1 as pb};

use super::{figures, home, observed, *};
use crate::exit::Code;

fn column(attribute: &str, texts: &[&str], positions: &[u32]) -> figures_pb::AttributeColumn {
    figures_pb::AttributeColumn {
        attribute: attribute.to_owned(),
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        positions: positions.to_vec(),
    }
}

#[test]
fn an_observation_is_a_line_of_its_parts_with_attributes_by_name() {
    let block = figures_pb::SeriesBlock {
        key: "A.F".to_owned(),
        time_periods: vec!["2023".to_owned(), "2024".to_owned()],
        values: vec!["1.50".to_owned(), String::new()],
        attributes: vec![column("UNIT", &["PT"], &[1]), column("STATUS", &["A", "E"], &[2, 0])],
    };
    let lines = figures::block_lines("T:S(1)", &block);
    assert_eq!(
        lines,
        ["T:S(1)\x1fA.F\x1f2023\x1f1.50\x1fSTATUS=E\x1fUNIT=PT\n", "T:S(1)\x1fA.F\x1f2024\x1f\x1fUNIT=PT\n"]
    );
}

#[test]
fn the_digest_does_not_depend_on_the_order_of_the_answer() {
    let (one, two) = ("b\n".to_owned(), "a\n".to_owned());
    let held = figures::digest(vec![one.clone(), two.clone()]);
    assert_eq!(held, figures::digest(vec![two, one]));
    // printf 'a\nb\n' | sha256sum
    assert_eq!(held.digest, "911169ddaaf146aff539f58c26c489af3b892dff0fe283c1c264c65ae5aa59a2");
    assert_eq!(held.count, 2);
}

fn entry(event: &str, side: pb::Side, second: i64) -> pb::HistoryEntry {
    pb::HistoryEntry {
        event: event.to_owned(),
        side: side.into(),
        ordinal: 1,
        event_time: Some(prost_types::Timestamp { seconds: second, nanos: 1_000 }),
        superseded: false,
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
    let branch = pb::Branch { recipient: unit("hanoi", "00004"), history, ..pb::Branch::default() };
    let referral = pb::Referral {
        kind: pb::ReferralKind::Transfer.into(),
        origin: unit("moh", "111"),
        branches: vec![branch],
        ..pb::Referral::default()
    };
    let told: Vec<_> = observed::timeline(&[referral])
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
fn only_what_a_demonstration_made_is_removed() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path().join("demo");
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
