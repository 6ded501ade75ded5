//! One access point of a test: its disk, its process and the secrets that the process was started with.

use std::sync::Arc;

use jiff::Timestamp;
use nhipcau_domain::directory::Release;
use nhipcau_messaging::{
    Entropy,
    crypto::{rest::RestKey, sign::SigningKey},
    engine::{Alarm, Config, Engine, Limits},
    handler::Handler,
    keys::{KeyEncryptionKey, KeyRing, SealingSecret},
    store::Store,
};

use super::{
    NEWER_MINOR, contract, key_id, newer_contract,
    notes::{Notes, TABLES},
    point, seed,
};

/// Bytes that follow from a seed, so that a failing test fails again.
pub(crate) struct Seeded(pub(crate) u64);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

/// What differs between processes of one access point, outside the store.
pub(crate) struct Secrets {
    /// Whether the sealing secret is the one whose public key the directory names.
    pub(crate) opens: bool,
    /// Names of the key-encryption keys, the newest last.
    pub(crate) kek: &'static [&'static str],
    /// Number of the signing key, from 1.
    pub(crate) signing: u8,
    /// Whether the program is a newer one, which understands more.
    pub(crate) newer: bool,
    /// What may wait for a recipient.
    pub(crate) limits: Limits,
}

impl Secrets {
    /// What a process has that nothing is different about.
    pub(crate) const FIRST: Self = Self {
        opens: true,
        kek: &["2026-11"],
        signing: 1,
        newer: false,
        limits: Limits { messages: 50_000, bytes: 1 << 30 },
    };
}

impl Default for Secrets {
    fn default() -> Self {
        Self::FIRST
    }
}

pub(crate) struct Node {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) alarms: Vec<Alarm>,
    pub(super) starts: u64,
}

impl Node {
    pub(super) fn start(
        name: &str,
        mut store: Store,
        starts: u64,
        release: &Arc<Release>,
        secrets: &Secrets,
        now: Timestamp,
    ) -> Self {
        store.add_tables(TABLES).unwrap();
        let kek =
            |id: &&str| KeyEncryptionKey { id: (*id).to_owned(), key: RestKey::new(seed(&format!("{name} {id}"), 4)) };
        let (signing, signing_seed) = match secrets.signing {
            1 => ("s-1", 1),
            _ => ("s-2", 6),
        };
        let private = seed(name, if secrets.opens { 2 } else { 5 });
        let minor = if secrets.newer { NEWER_MINOR } else { 1 };
        let mut handlers: Vec<Box<dyn Handler>> = vec![Box::new(Notes(contract(), minor))];
        if secrets.newer {
            handlers.push(Box::new(Notes(newer_contract(), 0)));
        }
        let config = Config {
            access_point: point(name),
            start: starts,
            keys: KeyRing {
                signing: SigningKey::from_seed(key_id(signing), &seed(name, signing_seed)).unwrap(),
                sealing: vec![SealingSecret { id: key_id("e-1"), private }],
                id_key: seed(name, 3),
                kek: secrets.kek.iter().map(kek).collect(),
            },
            release: Arc::clone(release),
            handlers,
            entropy: Box::new(Seeded(starts.wrapping_mul(31) + name.len() as u64)),
            limits: secrets.limits,
            is_put_back: false,
        };
        let engine = store.transaction(|tx| Engine::start(now, config, tx)).unwrap();
        Self { store, engine, alarms: Vec::new(), starts }
    }
}
