//! Which rosters are taken: whose, signed by whom, and everything that is wrong with one at once.

use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::directory::{Problem, Revocation, RevocationSigner, authoring};
use crate::reason;

const DAY: &[(i64, i64, &[&str])] = &[(7, 17, &["cb-17", "cb-18"])];

fn take(roster: &pb::Roster) -> Result<Roster, Error> {
    Roster::take(&signed_by(10, roster), here(&RELEASE), None, at(0))
}

/// What is wrong with the roster of a day after one change.
fn problems(change: impl FnOnce(&mut pb::Roster)) -> Vec<(String, Problem)> {
    let mut roster = roster(DAY);
    change(&mut roster);
    listed(take(&roster).unwrap_err())
}

fn listed(error: Error) -> Vec<(String, Problem)> {
    assert_eq!(error.reason(), reason::ROSTER_INVALID, "{error:?}");
    let Error::Invalid(found) = error else { panic!("not refused for its content") };
    found.listed().iter().map(|it| (it.path.clone(), it.problem)).collect()
}

fn only(path: &str, problem: Problem) -> Vec<(String, Problem)> {
    vec![(path.to_owned(), problem)]
}

#[test]
fn a_roster_is_taken_as_it_stands_and_read_again_after_its_end() {
    let wire = roster(&[(20, 31, &["cb-19"]), (7, 17, &["cb-17", "cb-18"])]);
    let roster = take(&wire).unwrap();
    assert_eq!((roster.unit().to_string().as_str(), roster.version(), roster.end()), ("hanoi/standing", 1, at(31)));
    let starts: Vec<_> = roster.shifts().iter().map(|shift| shift.start).collect();
    assert_eq!(starts, [at(7), at(20)]);
    assert_eq!(Roster::read(&signed_by(10, &wire), here(&RELEASE)).unwrap(), roster);
    assert_eq!(review(&wire, &RELEASE, None, at(0)).unwrap(), roster);
}

#[test]
fn nobody_but_the_access_point_of_the_unit_says_who_is_woken() {
    let refused = |bytes: Vec<u8>| Roster::take(&bytes, here(&RELEASE), None, at(0)).unwrap_err();
    assert_eq!(refused(signed_by(11, &roster(DAY))), Error::Unsigned, "another access point's key");
    assert_eq!(refused(signed_by(1, &roster(DAY))), Error::Unsigned, "a signer of the directory");
    assert_eq!(Error::Unsigned.reason(), reason::ROSTER_SIGNATURE_REFUSED);
    let unknown = pb::Roster { signing_key: "s7".into(), ..roster(DAY) };
    assert_eq!(refused(signed_by(10, &unknown)), Error::SignerUnknown);
    // Properly signed by another access point: whether it serves the unit for some contract is not asked.
    let other = pb::Roster { access_point: "vwu".into(), ..roster(DAY) };
    assert_eq!(refused(signed_by(11, &other)), Error::SignerUnknown);
    let vwu = AccessPointId::new("vwu").unwrap();
    let there = Reader { access_point: &vwu, release: &RELEASE };
    let found = listed(Roster::take(&signed_by(11, &other), there, None, at(0)).unwrap_err());
    assert_eq!(found, only("unit", Problem::NotServed));
}

#[test]
fn the_access_point_of_a_unit_for_another_contract_signs_no_roster_for_this_one() {
    let (hanoi, vwu) = (PartyId::new("hanoi").unwrap(), AccessPointId::new("vwu").unwrap());
    let indicators: ContractId = "nhipcau.indicator.v1".parse().unwrap();
    let both = builder().contract(&indicators, 1).host(&hanoi, None, &vwu, &[&indicators]);
    let both = both.with(|wire| {
        let vwu = wire.access_points.iter_mut().find(|it| it.access_point == "vwu").unwrap();
        vwu.parties.push("hanoi".into());
    });
    let release = verified(&both);
    assert!(release.serves(&vwu, &hanoi, &UnitId::new("standing").unwrap()), "so that it may sign for it there");
    let other = signed_by(11, &pb::Roster { access_point: "vwu".into(), ..roster(DAY) });
    assert_eq!(Roster::read(&other, here(&release)).unwrap_err(), Error::SignerUnknown);
    assert_eq!(Roster::take(&other, here(&release), None, at(0)).unwrap_err(), Error::SignerUnknown);
    assert!(Roster::read(&signed_by(10, &roster(DAY)), here(&release)).is_ok());
}

#[test]
fn a_signature_over_something_else_is_none() {
    let signed_as =
        |kind: &'static [u8]| signed(&roster(DAY), |_, bytes| pair(10).sign(&pae(&[kind, bytes])).as_ref().to_vec());
    assert!(Roster::read(&signed_as(b"nhipcau/1/roster"), here(&RELEASE)).is_ok());
    assert_eq!(Roster::read(&signed_as(b"nhipcau/1/bulletin"), here(&RELEASE)).unwrap_err(), Error::Unsigned);
}

#[test]
fn a_roster_goes_with_the_key_that_signed_it() {
    let programme =
        builder().recovery_key(&PartyId::new("hanoi").unwrap(), &KeyId::new("rescue").unwrap(), public_key(&pair(40)));
    let revocation = Revocation {
        party: PartyId::new("hanoi").unwrap(),
        access_point: AccessPointId::new("hanoi").unwrap(),
        keys: vec![KeyId::new("s1").unwrap()],
        revoke_time: at(5000),
        signer: RevocationSigner::Recovery(KeyId::new("rescue").unwrap()),
    };
    let release = verified(&programme);
    assert!(Roster::read(&signed_by(10, &roster(DAY)), here(&release)).is_ok());
    let revoked = release.revoke(&authoring::revoke("trial", &revocation, &pair(40))).unwrap();
    let refused = Roster::read(&signed_by(10, &roster(DAY)), here(&revoked)).unwrap_err();
    assert_eq!(refused, Error::SignerUnknown, "from whenever on it is revoked");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let found = problems(|roster| {
        roster.programme = "other".into();
        roster.unit = Some(pb::UnitRef { party: "hanoi".into(), unit: "nowhere".into() });
        roster.version = 0;
        roster.shifts.push(shift(at(20), at(19), &["a b", "cb-17", "cb-17"]));
        roster.shifts.push(pb::Shift { start_time: None, ..shift(at(20), at(21), &[]) });
        roster.shifts[0].people[0].address = " +84".into();
    });
    let expected = [
        ("programme", Problem::Unresolved),
        ("unit", Problem::Unresolved),
        ("version", Problem::Range),
        ("shifts[0].people[0].address", Problem::Syntax),
        ("shifts[1].people[0].person", Problem::Syntax),
        ("shifts[1].people[2].person", Problem::Repeated),
        ("shifts[1]", Problem::EndsBeforeStart),
        ("shifts[2].start_time", Problem::Missing),
        ("shifts[2].people", Problem::Range),
    ];
    assert_eq!(found, expected.map(|(path, problem)| (path.to_owned(), problem)));
}

#[test]
fn times_are_whole_minutes_and_not_years_ahead() {
    let half = at(8) + SignedDuration::from_secs(30);
    let found = problems(|roster| roster.shifts[0].start_time = Some(wire_time(half)));
    assert_eq!(found, only("shifts[0].start_time", Problem::Range));
    let last = LONGEST_AHEAD.as_hours();
    assert!(take(&roster(&[(7, last, &["cb-17"])])).is_ok());
    let found = listed(take(&roster(&[(7, last + 1, &["cb-17"])])).unwrap_err());
    assert_eq!(found, only("shifts[0].end_time", Problem::Range));
}

#[test]
fn lists_are_as_long_as_documented_and_no_longer() {
    let names: Vec<String> = (0..=PEOPLE).map(|i| format!("cb-{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let crowd = |count: usize| take(&roster(&[(7, 17, &names[..count])]));
    assert!(crowd(PEOPLE).is_ok());
    assert_eq!(listed(crowd(PEOPLE + 1).unwrap_err()), only("shifts[0].people", Problem::Range));
    assert_eq!(problems(|roster| roster.shifts.clear()), only("shifts", Problem::Range));
    let many = |count: usize| take(&pb::Roster { shifts: vec![shift(at(7), at(8), &["a"]); count], ..roster(&[]) });
    assert!(many(SHIFTS).is_ok());
    let heavy = pb::Roster { shifts: vec![shift(at(7), at(8), &names[..PEOPLE]); SHIFTS], ..roster(&[]) };
    assert_eq!(take(&heavy).unwrap_err(), Error::Malformed);
    assert_eq!(review(&heavy, &RELEASE, None, at(0)).unwrap_err(), Error::Malformed);
    assert_eq!(listed(many(SHIFTS + 1).unwrap_err()), only("shifts", Problem::Range));
}

#[test]
fn an_address_shows_what_it_is() {
    let address = |text: &str| problems(|roster| roster.shifts[0].people[1].address = text.into());
    let long = "9".repeat(201);
    for text in ["", "+84\n900", "a\u{202e}b", "e\u{302}", long.as_str()] {
        assert_eq!(address(text), only("shifts[0].people[1].address", Problem::Syntax), "{text:?}");
    }
    let mut longest = roster(DAY);
    longest.shifts[0].people[1].address = "đ".repeat(200);
    assert!(take(&longest).is_ok());
}

#[test]
fn a_roster_that_has_ended_or_is_not_newer_is_not_taken_and_both_are_said() {
    let version = |version: u64, shifts| pb::Roster { version, ..roster(shifts) };
    let current = take(&version(2, DAY)).unwrap();
    let offer =
        |roster: &pb::Roster, hour| Roster::take(&signed_by(10, roster), here(&RELEASE), Some(&current), at(hour));
    assert_eq!(offer(&version(2, DAY), 0).unwrap(), current, "the same again");
    assert!(offer(&version(3, DAY), 16).is_ok());
    let other: &[(i64, i64, &[&str])] = &[(7, 17, &["cb-18"])];
    assert_eq!(listed(offer(&version(2, other), 0).unwrap_err()), only("version", Problem::NotNewer));
    assert_eq!(listed(offer(&version(3, DAY), 17).unwrap_err()), only("shifts", Problem::Ended));
    let both = [("shifts", Problem::Ended), ("version", Problem::NotNewer)];
    let found = listed(offer(&version(1, DAY), 17).unwrap_err());
    assert_eq!(found, both.map(|(path, problem)| (path.to_owned(), problem)));
    let desk = Some(pb::UnitRef { party: "hanoi".into(), unit: "desk".into() });
    assert!(offer(&pb::Roster { unit: desk, ..version(1, DAY) }, 0).is_ok(), "another unit counts for itself");
}

#[test]
fn what_is_older_than_a_roster_that_was_seen_is_refused_and_the_same_again_is_not() {
    let second = take(&pb::Roster { version: 2, ..roster(DAY) }).unwrap();
    for seen in [0, 1, 2] {
        assert_eq!(second.clone().not_older(seen).unwrap(), second);
    }
    assert_eq!(listed(second.not_older(3).unwrap_err()), only("version", Problem::NotNewer));
}

#[test]
fn shifts_may_overlap_and_gaps_are_named_and_not_refused() {
    let roster = take(&roster(&[(8, 12, &["a"]), (10, 13, &["b"]), (15, 41, &["c"])])).unwrap();
    let gap = |start, end| Gap { start: at(start), end: at(end) };
    assert_eq!(roster.gaps(hours_of("standing"), at(0)), [gap(7, 8), gap(13, 15)]);
    assert_eq!(roster.gaps(hours_of("standing"), at(14)), [gap(14, 15)]);
    assert_eq!(roster.gaps(hours_of("desk"), at(0)), [gap(0, 8), gap(13, 15)], "no hours are known");
    assert_eq!(gap(7, 8).to_string(), "2026-11-30T00:00:00Z to 2026-11-30T01:00:00Z");
}

#[test]
fn what_is_no_roster_of_this_format_is_not_looked_into() {
    let read = |bytes: &[u8]| Roster::read(bytes, here(&RELEASE)).unwrap_err();
    assert_eq!(read(&vec![0; MAX_ROSTER_BYTES + 1]), Error::Malformed);
    assert_eq!(read(b"roster"), Error::Malformed);
    let later = pb::Roster { format: 2, ..roster(DAY) };
    assert_eq!(read(&signed_by(10, &later)), Error::UnknownFormat(2));
    assert_eq!(read(&signed_by(10, &later)).reason(), reason::ROSTER_MALFORMED);
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused(bytes: Vec<u8>) {
        prop_assert!(Roster::read(&bytes, here(&RELEASE)).is_err());
    }

    // The access point itself has signed it, so that the content rules alone stand between it and its use.
    #[test]
    fn a_damaged_roster_never_panics(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        hour in -100_i64..3000,
    ) {
        let mut bytes = roster(DAY).encode_to_vec();
        for (place, byte) in edits {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let signature = pair(10).sign(&pae(&[b"nhipcau/1/roster", &bytes])).as_ref().to_vec();
        let signed = pb::SignedRoster { roster: bytes, signature }.encode_to_vec();
        if let Ok(roster) = Roster::read(&signed, here(&RELEASE)) {
            prop_assert!(roster.gaps(hours_of("standing"), at(hour)).iter().all(|gap| gap.start < gap.end));
            let is_told = matches!(next(Some(&roster), hours_of("standing"), at(hour), &[]), Next::Tell(_));
            prop_assert_eq!(is_told, roster.on_duty(at(hour)).next().is_some());
        }
    }
}
