//! A directory of vectors: its cases by kind, and the keys of its access points as a directory release vouches for
//! them.

use std::{collections::BTreeMap, fs, path::Path};

use jiff::Timestamp;
use nhipcau_domain::{directory::Release, id::KeyId};
use nhipcau_messaging::keys::SealingSecret;
use serde_json::Value;

use crate::{
    refusal::{Refusal, expected},
    release::{PublicKeys, release},
};

/// One case of a vector file.
pub(crate) struct Case(Value);

impl Case {
    pub(crate) fn name(&self) -> &str {
        self.text("name")
    }

    pub(crate) fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_else(|| panic!("{field} is a text"))
    }

    pub(crate) fn number(&self, field: &str) -> usize {
        self.0[field].as_u64().unwrap().try_into().unwrap()
    }

    pub(crate) fn bytes(&self, field: &str) -> Vec<u8> {
        hex::decode(self.text(field)).unwrap()
    }

    pub(crate) fn array<const N: usize>(&self, field: &str) -> [u8; N] {
        self.bytes(field).try_into().unwrap()
    }

    /// The raw value of a field that may be absent.
    pub(crate) fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    pub(crate) fn list(&self, field: &str) -> Vec<Vec<u8>> {
        self.0[field].as_array().unwrap().iter().map(|item| hex::decode(item.as_str().unwrap()).unwrap()).collect()
    }

    fn public_keys(&self) -> PublicKeys<'_> {
        PublicKeys {
            name: self.name(),
            signing: (self.text("signing_key"), self.array("signing_public")),
            sealing: (self.text("sealing_key"), self.array("sealing_public")),
        }
    }

    /// Compares a recorded value, where there is one, with what came out here.
    pub(crate) fn compare(&self, field: &str, derived: impl Into<Value>) {
        if let Some(recorded) = self.get(field) {
            assert_eq!(recorded, &derived.into(), "{field} of {}", self.name());
        }
    }

    /// Whether the result is the one that the vector wants.
    pub(crate) fn judge<T>(&self, result: Result<T, Refusal>) -> Option<T> {
        match (self.0["expect"].as_str().unwrap_or("ok"), result) {
            ("ok", Ok(value)) => Some(value),
            ("ok", Err(refusal)) => panic!("{} is right and was refused: {refusal:?}", self.name()),
            (reason, Ok(_)) => panic!("{} was accepted, and must fail for {reason}", self.name()),
            (reason, Err(refusal)) => {
                let known = expected(reason);
                assert!(known.contains(&refusal), "{}: {reason} is {known:?} here, not {refusal:?}", self.name());
                None
            }
        }
    }
}

/// A directory of vectors.
pub(crate) struct Given {
    cases: BTreeMap<String, Vec<Case>>,
    pub(crate) release: Release,
    pub(crate) now: Timestamp,
}

impl Given {
    /// The vectors of the second implementation, and those of this one.
    pub(crate) fn both() -> [Self; 2] {
        ["../../tests/clients/python/vectors", "../../proto/vectors"].map(Self::load)
    }

    fn load(directory: &str) -> Self {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        let mut cases = BTreeMap::new();
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let Value::Object(mut file) = serde_json::from_slice(&fs::read(path).unwrap()).unwrap() else {
                    panic!("a vector file is an object");
                };
                assert_eq!(file["format"], 1);
                let kind = file["kind"].as_str().unwrap().to_owned();
                let Some(Value::Array(list)) = file.remove("cases") else { panic!("a vector file has cases") };
                assert!(!list.is_empty());
                cases.insert(kind, list.into_iter().map(Case).collect::<Vec<_>>());
            }
        }
        let now = "2026-11-23T01:00:00Z".parse().unwrap();
        let release = release(cases["keys"].iter().map(Case::public_keys), now).unwrap();
        Self { cases, release, now }
    }

    /// The cases of a kind.
    pub(crate) fn cases(&self, kind: &str) -> &[Case] {
        &self.cases[kind]
    }

    /// The cases of a kind that not every directory has.
    pub(crate) fn cases_if_any(&self, kind: &str) -> &[Case] {
        self.cases.get(kind).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn case(&self, kind: &str, name: &str) -> &Case {
        self.cases(kind).iter().find(|case| case.name() == name).unwrap()
    }

    /// The sealing keys that a reader has.
    pub(crate) fn secrets(&self, reader: &str) -> Vec<SealingSecret> {
        let own = self.cases("keys").iter().filter(|case| case.name() == reader);
        own.map(|case| SealingSecret {
            id: KeyId::new(case.text("sealing_key")).unwrap(),
            private: case.array("sealing_private"),
        })
        .collect()
    }
}
