//! What routing promises, on the shipped lists of administrative units and a directory that each test draws up.

mod country;
mod decisions;
mod rules;

use std::sync::{Arc, LazyLock};

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::{Timestamp, civil::date};
use nhipcau_proto::directory::v1 as pb;

use super::*;
use crate::area::{AreaList, CODE_LIST, Crosswalk};
use crate::directory::authoring::{ReleaseBuilder, public_key};
use crate::directory::{Signer, SignerRole, TrustedRoot, Validity};
use crate::id::{KeyId, PartyId, UnitId};

const VERSIONS: &str = include_str!("../../../../../deploy/dev/codelists/vn-versions.csv");
const LEGACY: &str = include_str!("../../../../../deploy/dev/codelists/vn-units-legacy.csv");
const CURRENT: &str = include_str!("../../../../../deploy/dev/codelists/vn-units.csv");
const CROSSWALK: &str = include_str!("../../../../../deploy/dev/codelists/vn-crosswalk-2025-07-01.csv");

/// Monday 2026-11-30, 10:00 in Viet Nam.
pub(crate) const MONDAY: &str = "2026-11-30T03:00:00Z";
/// The night before, 02:10 in Viet Nam.
const NIGHT: &str = "2026-11-29T19:10:00Z";

/// Administrative units as shipped.
pub(crate) static AREAS: LazyLock<Arc<Areas>> = LazyLock::new(|| {
    let list = AreaList::parse(VERSIONS.as_bytes(), [LEGACY.as_bytes(), CURRENT.as_bytes()]).unwrap();
    let crosswalk = Crosswalk::parse(date(2025, 7, 1), CROSSWALK.as_bytes(), &list).unwrap();
    Arc::new(Areas::new(Arc::new(list), [crosswalk]).unwrap())
});

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn unit(name: &str) -> UnitRef {
    let (party, unit) = name.split_once('/').unwrap();
    UnitRef { party: PartyId::new(party).unwrap(), unit: UnitId::new(unit).unwrap() }
}

/// Offices' hours.
fn office() -> Vec<pb::OpeningHours> {
    vec![pb::OpeningHours { weekdays: vec![1, 2, 3, 4, 5], start_minute: 450, end_minute: 1020 }]
}

fn around_the_clock() -> Vec<pb::OpeningHours> {
    vec![pb::OpeningHours { weekdays: (1..=7).collect(), start_minute: 0, end_minute: 1440 }]
}

/// A directory of one party `hanoi` that gives `protection`, and what a test adds.
pub(crate) struct Directory(ReleaseBuilder);

impl Directory {
    pub(crate) fn new() -> Self {
        let (root, _) = signers();
        let list = |version: &str| pb::CodeListKey { id: CODE_LIST.into(), version: version.into() };
        let lists = ["VN-63", "VN-34-2025", "VN-34-2026"].map(list).to_vec();
        let builder = ReleaseBuilder::new(root, time("2020-01-01T00:00:00Z"), time("2030-01-01T00:00:00Z"));
        Self(builder.attachment("vn-units.csv", b"units", lists, Vec::new())).party("hanoi")
    }

    fn party(self, party: &str) -> Self {
        let long = Validity::from(time("2020-01-01T00:00:00Z"));
        Self(self.0.party(&PartyId::new(party).unwrap(), ("Bên", "Party"), long))
    }

    /// Adds a unit around the clock.
    pub(crate) fn serving(self, name: &str, areas: &[&str]) -> Self {
        self.unit(name, areas, |_| {})
    }

    /// Adds a unit around the clock, and changes it.
    pub(crate) fn unit(self, name: &str, areas: &[&str], change: impl FnOnce(&mut pb::Unit)) -> Self {
        let UnitRef { party, unit } = unit(name);
        let long = Validity::from(time("2020-01-01T00:00:00Z"));
        let areas = areas.iter().map(|area| area.split_once('@').unwrap()).map(|(code, version)| pb::AreaRef {
            code_list: CODE_LIST.into(),
            code_list_version: version.into(),
            code: code.into(),
        });
        Self(self.0.unit(&party, &unit, ("Đơn vị", "Unit"), long).with(|wire| {
            let entry = wire.units.last_mut().unwrap();
            entry.areas = areas.collect();
            entry.services = vec!["protection".into()];
            entry.hours = around_the_clock();
            change(entry);
        }))
    }

    fn release(&self) -> Arc<Release> {
        let (root, pairs) = signers();
        let signed: Vec<_> = pairs.iter().take(2).map(|(id, pair)| (id, pair)).collect();
        Arc::new(Release::verify(&self.0.signed(&signed), root, None).unwrap())
    }

    /// Made on a day.
    pub(crate) fn routes(&self, at: &str) -> Routes {
        Routes::new(self.release(), Arc::clone(&AREAS), time(at))
    }

    /// Where a need of protection goes, and the verdict on each unit.
    fn ask(&self, area: &str, at: &str, urgency: Urgency) -> (Decision, Vec<String>) {
        let area = area.parse().unwrap();
        let asked = Asked { service: "protection", area: &area, at: time(at), urgency };
        let route = self.routes(MONDAY).route(&asked);
        let told = |it: &Considered| match &it.handed_on_by {
            None => format!("{} {}", it.unit, it.verdict),
            Some(by) => format!("{} {}, after {by}", it.unit, it.verdict),
        };
        (route.decision, route.considered.iter().map(told).collect())
    }
}

fn signers() -> &'static (TrustedRoot, Vec<(KeyId, Ed25519KeyPair)>) {
    static SIGNERS: LazyLock<(TrustedRoot, Vec<(KeyId, Ed25519KeyPair)>)> = LazyLock::new(|| {
        let roles = [SignerRole::Party, SignerRole::Party, SignerRole::ProgrammeOffice];
        let pairs: Vec<_> = [1u8, 2, 3]
            .map(|n| (KeyId::new(format!("s-{n}")).unwrap(), Ed25519KeyPair::from_seed_unchecked(&[n; 32]).unwrap()))
            .into();
        let signer = |((id, pair), role): (&(KeyId, Ed25519KeyPair), SignerRole)| Signer {
            id: id.clone(),
            holder: id.as_str().into(),
            role,
            public: public_key(pair),
        };
        let signers: Vec<Signer> = pairs.iter().zip(roles).map(signer).collect();
        (TrustedRoot::new("trial", 1, &signers).unwrap(), pairs)
    });
    &SIGNERS
}

/// Puts a unit under another.
fn under(parent: &str) -> impl FnOnce(&mut pb::Unit) {
    move |unit| unit.parent = parent.into()
}

/// Ends a unit before the tests begin; its duties go to others.
fn over(unit: &mut pb::Unit, successors: &[&str]) {
    let end = prost_types::Timestamp { seconds: time("2026-01-01T00:00:00Z").as_second(), nanos: 0 };
    unit.validity.as_mut().unwrap().expire_time = Some(end);
    unit.successors = successors
        .iter()
        .map(|name| self::unit(name))
        .map(|to| pb::UnitRef { party: to.party.to_string(), unit: to.unit.to_string() })
        .collect();
}
