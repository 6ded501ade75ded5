//! What a release says, for a person who reviews it and for scripts; and what changes from one to another.
//!
//! Shows what the bytes say, also when nobody has signed them yet; how many signatures count stands beside it.

use std::{collections::BTreeSet, fmt};

use jiff::Timestamp;
use nhipcau_domain::directory::{Error, Freshness, TrustedRoot, authoring};
use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;
use serde::Serialize;

use super::{
    facts::{Facts, instant, time},
    release,
};

/// A release in words.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    programme: String,
    version: u64,
    issue_time: String,
    expire_time: String,
    freshness: &'static str,
    root_version: u64,
    root_fingerprint: String,
    signatures: usize,
    signatures_needed: usize,
    signers: Vec<String>,
    #[serde(flatten)]
    facts: Facts,
}

impl Summary {
    /// What a release file says.
    ///
    /// # Errors
    /// When it is not one, or does not hold together.
    pub(crate) fn of(bytes: &[u8], now: Timestamp) -> Result<Self, Error> {
        authoring::review(bytes, None)?;
        let root = TrustedRoot::claimed(bytes)?;
        let signed = pb::SignedRelease::decode(bytes).map_err(|_| Error::Malformed)?;
        let wire = pb::Release::decode(signed.release.as_slice()).map_err(|_| Error::Malformed)?;
        let (signatures, signatures_needed) = release::signatures(bytes)?;
        let expire = wire.expire_time.as_ref().and_then(instant).unwrap_or(Timestamp::MIN);
        let freshness = match Freshness::of(expire, now) {
            Freshness::Current => "current",
            Freshness::ExpiresSoon => "expires soon",
            Freshness::Expired => "expired",
        };
        Ok(Self {
            programme: wire.programme.clone(),
            version: wire.version,
            issue_time: time(wire.issue_time.as_ref()),
            expire_time: time(wire.expire_time.as_ref()),
            freshness,
            root_version: root.version(),
            root_fingerprint: root.fingerprint().to_string(),
            signatures,
            signatures_needed,
            signers: root.signers().map(|signer| format!("{} ({})", signer.id, signer.holder)).collect(),
            facts: Facts::of(&wire),
        })
    }

    /// What this release adds and takes away.
    pub(crate) fn changes(&self, before: &Self) -> Changes {
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for ((list, now), (_, then)) in self.facts.lists().into_iter().zip(before.facts.lists()) {
            let (now, then): (BTreeSet<&String>, BTreeSet<&String>) = (now.iter().collect(), then.iter().collect());
            added.extend(now.difference(&then).map(|line| format!("{list}: {line}")));
            removed.extend(then.difference(&now).map(|line| format!("{list}: {line}")));
        }
        if self.root_fingerprint != before.root_fingerprint {
            added.push(format!("root: {}", self.root_fingerprint));
            removed.push(format!("root: {}", before.root_fingerprint));
        }
        Changes { from: before.version, to: self.version, added, removed }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "release {} of {}", self.version, self.programme)?;
        writeln!(f, "  issued {}, expires {} ({})", self.issue_time, self.expire_time, self.freshness)?;
        writeln!(f, "  root {} {}", self.root_version, self.root_fingerprint)?;
        writeln!(f, "  signers {}", self.signers.join(", "))?;
        write!(f, "  signatures {} of {} under that root", self.signatures, self.signatures_needed)?;
        for (list, lines) in self.facts.lists().into_iter().filter(|(_, lines)| !lines.is_empty()) {
            write!(f, "\n{list}")?;
            lines.iter().try_for_each(|line| write!(f, "\n  {line}"))?;
        }
        Ok(())
    }
}

/// What changes from one release to another.
#[derive(Debug, Serialize)]
pub(crate) struct Changes {
    from: u64,
    to: u64,
    added: Vec<String>,
    removed: Vec<String>,
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "release {} → {}: {} lines more, {} less", self.from, self.to, self.added.len(), self.removed.len())?;
        self.removed.iter().try_for_each(|line| write!(f, "\n- {line}"))?;
        self.added.iter().try_for_each(|line| write!(f, "\n+ {line}"))
    }
}
