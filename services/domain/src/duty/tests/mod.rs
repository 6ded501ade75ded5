//! What rosters promise, on a commune's standing group whose party's access point also has another unit.

mod checking;
mod telling;

use std::sync::LazyLock;

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::{SignedDuration, Timestamp};
use nhipcau_proto::directory::v1 as pb;

use super::*;
use crate::directory::authoring::{ReleaseBuilder, public_key};
use crate::directory::{Hours, Release, Signer, SignerRole, TrustedRoot, Validity};
use crate::id::{AccessPointId, ContractId, KeyId, PartyId, UnitId};
use crate::pae::pae;
use crate::referral::PersonRef;

/// Midnight in Viet Nam before Monday 2026-11-30; times of the tests are hours from it.
const MIDNIGHT: &str = "2026-11-29T17:00:00Z";

fn at(hour: i64) -> Timestamp {
    MIDNIGHT.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hour)
}

fn wire_time(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn person(name: &str) -> PersonRef {
    PersonRef::new(name).unwrap()
}

/// Hours of the standing group on all days; none are known of `desk`.
fn hours() -> Vec<pb::OpeningHours> {
    vec![pb::OpeningHours { weekdays: (1..=7).collect(), start_minute: 7 * 60, end_minute: 17 * 60 }]
}

/// A release of party `hanoi` at its own access point and of `vwu` at another.
pub(crate) fn builder() -> ReleaseBuilder {
    let id = |text: &str| (AccessPointId::new(text).unwrap(), PartyId::new(text).unwrap());
    let (long, key) = (Validity::from(at(-1000)), KeyId::new("s1").unwrap());
    let year = Validity::between(at(-1000), at(9000));
    let contract: ContractId = "nhipcau.referral.v1".parse().unwrap();
    let mut builder = ReleaseBuilder::new(&root(), at(-1000), at(9000)).contract(&contract, 1);
    for (name, seed) in [("hanoi", 10), ("vwu", 11)] {
        let (point, party) = id(name);
        builder = builder
            .party(&party, ("Bên", "Party"), long)
            .access_point(&point, &party, &[&party])
            .signing_key(&point, &key, public_key(&pair(seed)), year)
            .host(&party, None, &point, &[&contract]);
        for unit in ["standing", "desk"] {
            builder = builder.unit(&party, &UnitId::new(unit).unwrap(), ("Đơn vị", "Unit"), long);
        }
    }
    builder.with(|wire| {
        let standing = wire.units.iter_mut().filter(|unit| unit.unit == "standing");
        standing.for_each(|unit| unit.hours = hours());
    })
}

fn signers() -> Vec<(KeyId, Ed25519KeyPair)> {
    (1..=3).map(|seed| (KeyId::new(format!("signer-{seed}")).unwrap(), pair(seed))).collect()
}

fn root() -> TrustedRoot {
    let roles = [SignerRole::Party, SignerRole::Party, SignerRole::ProgrammeOffice];
    let signers = signers().into_iter().zip(roles).zip(["moh", "vwu", "office"]);
    let signers: Vec<_> = signers
        .map(|(((id, pair), role), holder)| Signer { id, holder: holder.into(), role, public: public_key(&pair) })
        .collect();
    TrustedRoot::new("trial", 1, &signers).unwrap()
}

pub(crate) fn verified(builder: &ReleaseBuilder) -> Release {
    let signers = signers();
    let signed: Vec<_> = signers.iter().take(2).map(|(id, pair)| (id, pair)).collect();
    Release::verify(&builder.signed(&signed), &root(), None).unwrap()
}

static RELEASE: LazyLock<Release> = LazyLock::new(|| verified(&builder()));

static HANOI: LazyLock<AccessPointId> = LazyLock::new(|| AccessPointId::new("hanoi").unwrap());

/// `hanoi` reads rosters by a release.
fn here(release: &Release) -> Reader<'_> {
    Reader { access_point: &HANOI, release }
}

/// Hours of a unit of `hanoi`.
fn hours_of(unit: &str) -> &'static Hours {
    &RELEASE.unit(&PartyId::new("hanoi").unwrap(), &UnitId::new(unit).unwrap()).unwrap().hours
}

fn shift(start: Timestamp, end: Timestamp, people: &[&str]) -> pb::Shift {
    let person = |name: &&str| pb::DutyPerson {
        person: (*name).into(),
        role: "officer".into(),
        channel: "sms".into(),
        address: "+84 900 000 017".into(),
    };
    pb::Shift {
        start_time: Some(wire_time(start)),
        end_time: Some(wire_time(end)),
        people: people.iter().map(person).collect(),
    }
}

/// Roster 1 of the standing group with these shifts, in hours.
fn roster(shifts: &[(i64, i64, &[&str])]) -> pb::Roster {
    pb::Roster {
        format: 1,
        programme: "trial".into(),
        access_point: "hanoi".into(),
        unit: Some(pb::UnitRef { party: "hanoi".into(), unit: "standing".into() }),
        version: 1,
        signing_key: "s1".into(),
        shifts: shifts.iter().map(|(start, end, people)| shift(at(*start), at(*end), people)).collect(),
    }
}

fn signed_by(secret: u8, roster: &pb::Roster) -> Vec<u8> {
    signed(roster, |kind, bytes| pair(secret).sign(&pae(&[kind, bytes])).as_ref().to_vec())
}

/// Taken at midnight.
fn taken(roster: &pb::Roster) -> Roster {
    Roster::take(&signed_by(10, roster), here(&RELEASE), None, at(0)).unwrap()
}
