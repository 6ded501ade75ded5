//! The programme of a run: its access points with their secrets, and the releases of its directory, in which some
//! agreements begin late, some end and some never exist.

use std::sync::Arc;

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::{Release, Signer, SignerRole, TrustedRoot, Validity, authoring},
    id::{AccessPointId, ContractId, KeyId, PartyId, Purpose, UnitId},
};
use nhipcau_messaging::{
    crypto::{rest::RestKey, seal, sign::SigningKey},
    keys::{KeyEncryptionKey, KeyRing, SealingSecret},
    pae,
    signal::{FilePiece, Kind, Signal},
};
use nhipcau_proto::directory::v1::{Notices, SignedBulletin};
use prost::Message as _;

use crate::{Point, prng::Prng};

/// Releases of a run.
pub const RELEASES: usize = 3;

/// The contract of cases.
pub const CASES: &str = "nhipcau.simcase.v1";

/// The contract of every other case: the one whose messages are counted by their kinds.
pub const REFERRALS: &str = "nhipcau.referral.v1";

/// The contract of what is published.
pub const FIGURES: &str = "nhipcau.simfigure.v1";

/// The purpose of every agreement.
pub const PURPOSE: &str = "protection";

/// The unit that every release knows.
pub const DESK: &str = "desk";

/// The unit that the second release brings.
pub const NIGHT_DESK: &str = "night-desk";

/// The name of the programme.
const PROGRAMME: &str = "sim";

/// In which releases, from the first (inclusive) to the second (exclusive), an agreement stands.
type Term = (usize, usize);

/// What is secret of an access point. Stands for the directories that are kept off its data disk.
#[derive(Debug)]
struct Secrets {
    signing: [[u8; 32]; 2],
    /// Those of the releases, and the one of its own bulletins.
    sealing: [[u8; 32]; 3],
    id_key: [u8; 32],
    kek: [u8; 32],
}

/// The programme.
#[derive(Debug)]
pub struct Programme {
    secrets: Vec<Secrets>,
    terms: Vec<Vec<Term>>,
    releases: Vec<Arc<Release>>,
}

impl Programme {
    /// Draws up a programme of so many access points.
    #[must_use]
    pub fn new(prng: &mut Prng, points: usize, start: Timestamp) -> Self {
        let secrets: Vec<Secrets> = (0..points)
            .map(|_| Secrets {
                signing: [prng.array(), prng.array()],
                sealing: [prng.array(), prng.array(), prng.array()],
                id_key: prng.array(),
                kek: prng.array(),
            })
            .collect();
        let terms = (0..points).map(|from| (0..points).map(|to| term(prng, from, to)).collect()).collect();
        let mut programme = Self { secrets, terms, releases: Vec::new() };
        programme.draw_up(prng, start);
        programme
    }

    /// The releases in their order.
    #[must_use]
    pub fn release(&self, index: usize) -> &Arc<Release> {
        &self.releases[index]
    }

    /// Whether a release of the run lets one send to the other.
    #[must_use]
    pub fn agreed(&self, release: usize, from: Point, to: Point) -> bool {
        let (first, end) = self.terms[from][to];
        first <= release && release < end
    }

    /// Whether one may send to the other at all times.
    #[must_use]
    pub fn always_agreed(&self, from: Point, to: Point) -> bool {
        (0..RELEASES).all(|release| self.agreed(release, from, to))
    }

    /// The key that message ids of an access point derive from.
    #[must_use]
    pub fn id_key(&self, point: Point) -> [u8; 32] {
        self.secrets[point].id_key
    }

    /// One of an access point's two signing keys. The second release brings the second.
    #[must_use]
    pub fn signing_key(&self, point: Point, number: usize) -> SigningKey {
        let id = KeyId::new(format!("s-{number}")).expect("a key id");
        SigningKey::from_seed(id, &self.secrets[point].signing[number]).expect("any seed is a key")
    }

    /// Everything secret of an access point, signing under one of its keys.
    #[must_use]
    pub fn key_ring(&self, point: Point, signing: usize) -> KeyRing {
        let secrets = &self.secrets[point];
        let sealing = secrets.sealing.iter().enumerate();
        KeyRing {
            signing: self.signing_key(point, signing),
            sealing: sealing.map(|(n, private)| SealingSecret { id: epoch(n), private: *private }).collect(),
            id_key: secrets.id_key,
            kek: vec![KeyEncryptionKey { id: "2026-11".to_owned(), key: RestKey::new(secrets.kek) }],
        }
    }

    /// What an access point says itself: that it has begun a sealing epoch of which no release knows. As a peer would
    /// hand it on.
    #[must_use]
    pub fn notices(&self, point: Point, version: u64, signing: usize, begun: Timestamp) -> Vec<u8> {
        let key = self.signing_key(point, signing);
        let public = seal::public_key(&self.secrets[point].sealing[2]).expect("any bytes are a key");
        let day = SignedDuration::from_hours(24);
        let draft = authoring::BulletinDraft {
            party: party(point),
            access_point: access_point(point),
            version,
            issue: begun,
            signing_key: key.id().clone(),
            sealing_keys: vec![(epoch(2), public, (begun - day * 2, begun + day * 4))],
        };
        let signed = authoring::bulletin(PROGRAMME, &draft, |kind, bytes| key.sign(kind, &[bytes]));
        let signed = SignedBulletin::decode(signed.as_slice()).expect("our bulletin");
        let content = Notices { bulletins: vec![signed], revocations: Vec::new() }.encode_to_vec();
        let piece = FilePiece {
            digest: pae::sha256(&content).to_vec(),
            size_bytes: content.len() as u64,
            offset: 0,
            content,
            release_version: 0,
        };
        Signal { kind: Some(Kind::FilePiece(piece)) }.encode_to_vec()
    }

    fn draw_up(&mut self, prng: &mut Prng, start: Timestamp) {
        let pairs: [Ed25519KeyPair; 3] = std::array::from_fn(|_| {
            Ed25519KeyPair::from_seed_unchecked(&prng.array::<32>()).expect("any seed is a key")
        });
        let root = root(&pairs);
        for index in 0..RELEASES {
            let wire = self.draft(index, &root, start);
            let ids = [key_id("root-0"), key_id("root-1")];
            let file = wire.signed(&[(&ids[0], &pairs[0]), (&ids[1], &pairs[1])]);
            let previous = self.releases.last().map(Arc::as_ref);
            let release = Release::verify(&file, &root, previous).expect("our release verifies");
            self.releases.push(Arc::new(release));
        }
    }

    fn draft(&self, index: usize, root: &TrustedRoot, start: Timestamp) -> authoring::ReleaseBuilder {
        let (year, hour) = (SignedDuration::from_hours(365 * 24), SignedDuration::from_hours(1));
        let long = Validity { start: start - year, expire: Some(start + year) };
        let recent = Validity { start: start - hour * 48, expire: Some(start + year) };
        let contracts = [CASES, REFERRALS, FIGURES].map(contract);
        let [cases, referrals, figures] = &contracts;
        let mut builder = match self.releases.last() {
            None => authoring::ReleaseBuilder::new(root, start - hour, start + year),
            Some(previous) => authoring::ReleaseBuilder::after(previous, start - hour, start + year),
        };
        builder = builder.with(|wire| wire.agreements.clear());
        if index == 0 {
            builder = contracts.iter().fold(builder, |builder, contract| builder.contract(contract, 1));
        }
        for (point, secrets) in self.secrets.iter().enumerate() {
            let (party, ap) = (party(point), access_point(point));
            let public = |n: usize| seal::public_key(&secrets.sealing[n]).expect("any bytes are a key");
            if index == 0 {
                builder = builder
                    .party(&party, ("Cơ quan", "Agency"), long)
                    .access_point(&ap, &party, &[&party])
                    .signing_key(&ap, &key_id("s-0"), self.signing_key(point, 0).public(), long)
                    .sealing_key(&ap, &epoch(0), public(0), long)
                    .host(&party, None, &ap, &[cases, referrals, figures])
                    .unit(&party, &unit(DESK), ("Bàn trực", "Desk"), long)
                    .publication(&party, figures);
            }
            if index == 1 {
                builder = builder.signing_key(&ap, &key_id("s-1"), self.signing_key(point, 1).public(), recent).unit(
                    &party,
                    &unit(NIGHT_DESK),
                    ("Trực đêm", "Night desk"),
                    long,
                );
            }
            if index == 2 {
                builder = builder.sealing_key(&ap, &epoch(1), public(1), recent);
            }
            for to in (0..self.secrets.len()).filter(|to| self.agreed(index, point, *to)) {
                let agree = |builder: authoring::ReleaseBuilder, contract: &ContractId| {
                    builder.agreement(&party, contract, &self::party(to), &purpose(), long)
                };
                builder = contracts.iter().fold(builder, agree);
            }
        }
        builder
    }
}

fn term(prng: &mut Prng, from: Point, to: Point) -> Term {
    let first_to_last = (0, RELEASES);
    match prng.below(100) {
        _ if from == to => first_to_last,
        0..70 => first_to_last,
        70..84 => (1 + prng.index(RELEASES - 1), RELEASES),
        84..94 => (0, 1 + prng.index(RELEASES - 1)),
        _ => (RELEASES, RELEASES),
    }
}

fn root(pairs: &[Ed25519KeyPair; 3]) -> TrustedRoot {
    let signers: Vec<Signer> = pairs
        .iter()
        .enumerate()
        .map(|(n, pair)| Signer {
            id: key_id(&format!("root-{n}")),
            holder: format!("holder-{n}").into(),
            role: if n == 0 { SignerRole::ProgrammeOffice } else { SignerRole::Party },
            public: authoring::public_key(pair),
        })
        .collect();
    TrustedRoot::new(PROGRAMME, 1, &signers).expect("three signers are a root")
}

fn key_id(text: &str) -> KeyId {
    KeyId::new(text).expect("a key id")
}

fn epoch(number: usize) -> KeyId {
    key_id(&format!("e-{number}"))
}

/// The name of an access point.
#[must_use]
pub fn access_point(point: Point) -> AccessPointId {
    AccessPointId::new(format!("ap-{point}")).expect("an access point's name")
}

/// The access point of a name.
#[must_use]
pub fn point(id: &AccessPointId) -> Point {
    id.as_str().strip_prefix("ap-").and_then(|n| n.parse().ok()).expect("a name of ours")
}

/// The party that an access point serves.
#[must_use]
pub fn party(point: Point) -> PartyId {
    PartyId::new(format!("party-{point}")).expect("a party's name")
}

/// The access point that serves a party.
#[must_use]
pub fn point_of(party: &PartyId) -> Point {
    party.as_str().strip_prefix("party-").and_then(|n| n.parse().ok()).expect("a name of ours")
}

/// A unit.
#[must_use]
pub fn unit(name: &str) -> UnitId {
    UnitId::new(name).expect("a unit's name")
}

/// A contract.
#[must_use]
pub fn contract(name: &str) -> ContractId {
    ContractId::new(name).expect("a contract's name")
}

/// The purpose.
#[must_use]
pub fn purpose() -> Purpose {
    Purpose::new(PURPOSE).expect("a purpose")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_verify_and_say_what_the_terms_say() {
        let start: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        for seed in 0..20 {
            let programme = Programme::new(&mut Prng::new(seed), 4, start);
            for (release, from, to) in
                (0..RELEASES).flat_map(|r| (0..4).flat_map(move |f| (0..4).map(move |t| (r, f, t))))
            {
                let said =
                    programme.release(release).allows(&party(from), &contract(CASES), &party(to), &purpose(), start);
                assert_eq!(said, programme.agreed(release, from, to));
            }
        }
    }
}
