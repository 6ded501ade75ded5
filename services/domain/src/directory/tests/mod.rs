//! What the directory promises, on a small programme: a health party with one access point, a union with its own,
//! and a province whose access point hosts both its commune units and a desk of the union.

mod bulletins;
mod content;
mod garbage;
mod lifetime;
mod lists;
mod retention;
mod trust;

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::{SignedDuration, Timestamp};
use nhipcau_proto::directory::v1 as pb;

use super::authoring::{ReleaseBuilder, public_key};
use super::{Error, Problem, Release, Signer, SignerRole, TrustedRoot, Validity};
use crate::id::{AccessPointId, ContractId, KeyId, PartyId, Purpose, UnitId};
use crate::reason;

fn ap(text: &str) -> AccessPointId {
    AccessPointId::new(text).unwrap()
}

fn key(text: &str) -> KeyId {
    KeyId::new(text).unwrap()
}

fn party(text: &str) -> PartyId {
    PartyId::new(text).unwrap()
}

fn unit(text: &str) -> UnitId {
    UnitId::new(text).unwrap()
}

fn purpose(text: &str) -> Purpose {
    Purpose::new(text).unwrap()
}

fn referral() -> ContractId {
    ContractId::new("nhipcau.referral.v1").unwrap()
}

fn indicator() -> ContractId {
    ContractId::new("nhipcau.indicator.v1").unwrap()
}

/// Day n of the programme.
fn day(n: i64) -> Timestamp {
    let start: Timestamp = "2026-07-01T00:00:00Z".parse().unwrap();
    start + SignedDuration::from_hours(24 * n)
}

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

/// The offline signers of one root: two parties and the office.
struct Ceremony {
    ids: Vec<KeyId>,
    pairs: Vec<Ed25519KeyPair>,
    root: TrustedRoot,
}

impl Ceremony {
    fn new(version: u64, seeds: [u8; 3]) -> Self {
        let ids: Vec<KeyId> = seeds.iter().map(|seed| key(&format!("signer-{seed}"))).collect();
        let pairs: Vec<Ed25519KeyPair> = seeds.iter().map(|seed| pair(*seed)).collect();
        let roles = [SignerRole::Party, SignerRole::Party, SignerRole::ProgrammeOffice];
        let signers: Vec<Signer> = (0..3)
            .map(|i| Signer {
                id: ids[i].clone(),
                holder: ["moh", "vwu", "office"][i].into(),
                role: roles[i],
                public: public_key(&pairs[i]),
            })
            .collect();
        let root = TrustedRoot::new("trial", version, &signers).unwrap();
        Self { ids, pairs, root }
    }

    fn signer(&self, i: usize) -> (&KeyId, &Ed25519KeyPair) {
        (&self.ids[i], &self.pairs[i])
    }

    /// Signs with the first two.
    fn sign(&self, builder: &ReleaseBuilder) -> Vec<u8> {
        builder.signed(&[self.signer(0), self.signer(1)])
    }

    fn verify(&self, bytes: &[u8], current: Option<&Release>) -> Result<Release, Error> {
        Release::verify(bytes, &self.root, current)
    }

    fn release(&self, builder: &ReleaseBuilder) -> Release {
        self.verify(&self.sign(builder), None).unwrap()
    }
}

fn ceremony() -> Ceremony {
    Ceremony::new(1, [1, 2, 3])
}

/// A complete release 1 in force from day 0 to day 90.
fn programme(root: &TrustedRoot) -> ReleaseBuilder {
    let (moh, vwu, hanoi) = (party("moh"), party("vwu"), party("hanoi"));
    let always = Validity::from(day(0));
    let year = Validity::between(day(0), day(365));
    ReleaseBuilder::new(root, day(0), day(90))
        .contract(&referral(), 2)
        .contract(&indicator(), 0)
        .party(&moh, ("Bộ Y tế", "Ministry of Health"), always)
        .party(&vwu, ("Hội Liên hiệp Phụ nữ Việt Nam", "Viet Nam Women's Union"), always)
        .party(&hanoi, ("Thành phố Hà Nội", "Hanoi City"), always)
        .recovery_key(&moh, &key("rescue"), public_key(&pair(40)))
        .access_point(&ap("moh"), &moh, &[&moh])
        .access_point(&ap("vwu"), &vwu, &[&vwu])
        .access_point(&ap("hanoi"), &hanoi, &[&hanoi, &vwu])
        .signing_key(&ap("moh"), &key("s1"), public_key(&pair(10)), year)
        .signing_key(&ap("vwu"), &key("s1"), public_key(&pair(11)), year)
        .signing_key(&ap("hanoi"), &key("s1"), public_key(&pair(12)), year)
        .sealing_key(&ap("moh"), &key("e1"), [20; 32], Validity::between(day(0), day(30)))
        .sealing_key(&ap("moh"), &key("e2"), [21; 32], Validity::between(day(25), day(60)))
        .host(&moh, None, &ap("moh"), &[&referral(), &indicator()])
        .host(&vwu, None, &ap("vwu"), &[&referral(), &indicator()])
        .host(&hanoi, None, &ap("hanoi"), &[&referral()])
        .unit(&moh, &unit("111"), ("Tổng đài 111", "Switchboard 111"), always)
        .unit(&vwu, &unit("commune"), ("Chi hội xã", "Commune chapter"), always)
        .host(&vwu, Some(&unit("commune")), &ap("hanoi"), &[&referral()])
        .unit(&hanoi, &unit("00004"), ("Phường Ba Đình", "Ba Dinh Ward"), always)
        .unit(&hanoi, &unit("00004-desk"), ("Tổ thường trực", "Standing group"), always)
        .parent(&hanoi, &unit("00004-desk"), &unit("00004"))
        .agreement(&moh, &referral(), &hanoi, &purpose("protection"), always)
        .agreement(&hanoi, &referral(), &vwu, &purpose("protection"), Validity::between(day(10), day(20)))
        .publication(&moh, &indicator())
}

/// The problems of a refused release, with their places.
fn problems(result: Result<Release, Error>) -> Vec<(String, Problem)> {
    match result {
        Err(Error::Invalid(found)) => found.listed().iter().map(|v| (v.path.clone(), v.problem)).collect(),
        other => panic!("not refused for its content: {other:?}"),
    }
}

/// The problems of the programme with one change.
fn problems_of(change: impl FnOnce(&mut pb::Release)) -> Vec<(String, Problem)> {
    let ceremony = ceremony();
    problems(ceremony.verify(&ceremony.sign(&programme(&ceremony.root).with(change)), None))
}

fn only(path: &str, problem: Problem) -> Vec<(String, Problem)> {
    vec![(path.to_owned(), problem)]
}
