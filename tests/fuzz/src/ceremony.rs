//! The offline signers of a small programme, a release of theirs with one of everything, and what they sign.

use std::sync::LazyLock;

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::{Release, Signer, SignerRole, TrustedRoot, Validity, authoring},
    id::{AccessPointId, ContractId, KeyId, PartyId, Purpose, UnitId},
};
use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use crate::programme::now;

/// Whose recovery key and access point a revocation names.
pub(crate) const PARTY: &str = "moh";
pub(crate) const RECOVERY: &str = "recovery-1";

static ROOT: LazyLock<TrustedRoot> = LazyLock::new(|| {
    let roles = [SignerRole::Party, SignerRole::Party, SignerRole::ProgrammeOffice];
    let signers = (0..3).map(|n| Signer {
        id: root_id(n),
        holder: format!("holder-{n}").into(),
        role: roles[usize::from(n)],
        public: authoring::public_key(&pair(n)),
    });
    TrustedRoot::new("fuzz", 1, &signers.collect::<Vec<_>>()).expect("three signers are a root")
});

static RELEASE: LazyLock<Release> =
    LazyLock::new(|| Release::verify(&file(|_| {}), root(), None).expect("a release of ours verifies"));

pub(crate) fn root() -> &'static TrustedRoot {
    &ROOT
}

pub(crate) fn release() -> &'static Release {
    &RELEASE
}

/// One of the signers' keys by its number, or the recovery key of the party, which is number 9.
pub(crate) fn pair(number: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[number + 1; 32]).expect("any seed is a key")
}

/// The bytes of a release as two of the signers sign them.
pub(crate) fn signed(release: Vec<u8>) -> Vec<u8> {
    let unsigned = pb::SignedRelease { release, signatures: Vec::new() }.encode_to_vec();
    // What is larger than a release may be stays unsigned, and is refused for its size.
    let signed = (0..2).try_fold(unsigned.clone(), |file, n| authoring::sign(&file, &root_id(n), &pair(n)));
    signed.unwrap_or(unsigned)
}

/// The first release, with a change.
pub(crate) fn file(change: impl FnOnce(&mut pb::Release)) -> Vec<u8> {
    let (year, from) = (SignedDuration::from_hours(365 * 24), now() - SignedDuration::from_hours(24));
    let long = Validity { start: from - year, expire: Some(from + year) };
    let (moh, vwu) = (party(PARTY), party("vwu"));
    let contract = ContractId::new("nhipcau.referral.v1").expect("a contract");
    let purpose = Purpose::new("protection").expect("a purpose");
    let desk = UnitId::new("desk").expect("a unit");
    let mut builder = authoring::ReleaseBuilder::new(root(), from, from + year).contract(&contract, 1).recovery_key(
        &moh,
        &key_id(RECOVERY),
        authoring::public_key(&pair(9)),
    );
    for (seed, party) in [(20, &moh), (30, &vwu)] {
        let point = AccessPointId::new(party.as_str()).expect("an access point");
        builder = builder
            .party(party, ("Bên", "Party"), long)
            .access_point(&point, party, &[party])
            .signing_key(&point, &key_id("sign-1"), authoring::public_key(&pair(seed)), long)
            .sealing_key(&point, &key_id("seal-1"), [seed; 32], long)
            .unit(party, &desk, ("Bàn trực", "Desk"), long)
            .host(party, None, &point, &[&contract]);
    }
    let builder = builder.agreement(&moh, &contract, &vwu, &purpose, long).with(|wire| {
        wire.code_lists.push(list("CL_SEX", &["F", "M"]));
        wire.code_lists.push(list("CL_OLD", &["01", "02"]));
        wire.crosswalks.push(walk());
    });
    let ids = [root_id(0), root_id(1)];
    builder.with(change).signed(&[(&ids[0], &pair(0)), (&ids[1], &pair(1))])
}

pub(crate) fn list(id: &str, codes: &[&str]) -> pb::CodeList {
    let names = || Some(pb::Names { vi: "Tên".to_owned(), en: "Name".to_owned() });
    let code = |code: &&str| pb::Code { code: (*code).to_owned(), names: names(), ..Default::default() };
    let key = Some(key(id));
    pb::CodeList { key, names: names(), codes: codes.iter().map(code).collect(), ..Default::default() }
}

pub(crate) fn walk() -> pb::Crosswalk {
    let mapping = |from: &str, to: &str| pb::CodeMapping {
        source_code: from.to_owned(),
        target_code: to.to_owned(),
        extent: pb::MappingExtent::Whole.into(),
        preferred: true,
    };
    let mappings = vec![mapping("01", "F"), mapping("02", "M")];
    pb::Crosswalk { source: Some(key("CL_OLD")), target: Some(key("CL_SEX")), mappings }
}

fn key(id: &str) -> pb::CodeListKey {
    pb::CodeListKey { id: id.to_owned(), version: "1.0".to_owned() }
}

pub(crate) fn key_id(text: &str) -> KeyId {
    KeyId::new(text).expect("a key id")
}

pub(crate) fn party(text: &str) -> PartyId {
    PartyId::new(text).expect("a party")
}

fn root_id(number: u8) -> KeyId {
    key_id(&format!("root-{number}"))
}

/// A time as a revocation names it.
pub(crate) fn soon() -> Timestamp {
    now() + SignedDuration::from_hours(1)
}
