//! `nhipcau evidence`: writes the evidence of one case into a file, from an access point's directory, with its process
//! running or not.
//!
//! Reads the store, the signed directory, the key-encryption keys and the signing key, and writes nothing but the file,
//! which only its owner may read and which has its name once it is whole.
//! The file holds no content and no name; what it does tell is listed in docs/evidence.md.

mod report;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use jiff::Timestamp;
use nhipcau_domain::id::PartyId;
use nhipcau_messaging::{
    pae,
    store::{Error as StoreError, Readers, Tx},
};
use nhipcau_referrals::evidence::{self, Asked, Refused};
use nhipcau_runtime::{access_point::location, directory, keys, private_file};
use serde::Serialize;
use uuid::Uuid;

pub(crate) use self::report::report;
use crate::{
    exit::{Code, Failure, OrExit as _},
    settings, terminal,
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The case by its UUID, or a referral or branch of it by its name.
    case: Case,
    /// Directory of the access point, with its nhipcau.toml.
    #[arg(long, value_name = "DIR")]
    home: PathBuf,
    /// The file to write; it must not be there.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

/// How a case is named.
#[derive(Debug, Clone)]
pub(crate) enum Case {
    Uid(Uuid),
    Of(PartyId, Uuid),
}

impl std::str::FromStr for Case {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected the UUID of a case, or parties/PARTY/referrals/UUID";
        if let Ok(uid) = text.parse() {
            return Ok(Self::Uid(uid));
        }
        let referral = text.split_once("/branches/").map_or(text, |(referral, _)| referral);
        let named = referral.strip_prefix("parties/").and_then(|rest| rest.split_once("/referrals/"));
        let (party, uid) = named.ok_or(EXPECTED)?;
        Ok(Self::Of(PartyId::new(party).map_err(|_| EXPECTED)?, uid.parse().map_err(|_| EXPECTED)?))
    }
}

/// What was written.
#[derive(Debug, Serialize)]
struct Written {
    case: String,
    file: String,
    bytes: u64,
    /// SHA-256 of the file.
    digest: String,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "case {} in {} ({} bytes, SHA-256 {})", self.case, self.file, self.bytes, self.digest)
    }
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let Args { case, home, out, json } = args;
    let (case, file) = make(case, &home, Timestamp::now()).await?;
    let named = out.display().to_string();
    private_file::create(&out, &file).context(named.clone()).or_exit(Code::Configuration)?;
    let digest = hex::encode(pae::sha256(&file));
    terminal::result(json, &Written { case: case.to_string(), file: named, bytes: file.len() as u64, digest })
}

/// The evidence of a case that an access point holds, and the case.
pub(crate) async fn make(case: Case, home: &Path, now: Timestamp) -> Result<(Uuid, Vec<u8>), Failure> {
    let config = settings::home(home)?;
    directory::load(&config.directory, now, true).or_exit(Code::Configuration)?;
    let releases = directory::lineage(&config.directory).or_exit(Code::Configuration)?;
    let keks = keys::key_encryption_keys(&config.keys.kek).or_exit(Code::Configuration)?;
    let signing = keys::signing(&config.keys.directory).or_exit(Code::Configuration)?;
    let store = location(&config.store).or_exit(Code::Configuration)?;
    let path = store.to_string();
    let readers = Readers::open(store, 1).context(path).or_exit(Code::Configuration)?;
    let access_point = config.access_point;
    let look = move |tx: &mut Tx<'_>| {
        let case = match case {
            Case::Uid(uid) => Some(uid),
            Case::Of(party, referral) => evidence::case_of(tx, &party, referral)?,
        };
        let Some(case) = case else { return Ok(None) };
        let gathered = evidence::gather(Asked { access_point, keks, releases, case, now }, tx)?;
        Ok::<_, StoreError>(gathered.map(|gathered| (case, gathered)))
    };
    let gathered = readers.read(look).await.context("the store").or_exit(Code::Failed)?;
    let (case, gathered) = gathered.ok_or_else(|| Failure::because(Code::Usage, "no such case is held here"))?;
    let file = evidence::sign(&gathered, &signing);
    // Whoever gets it must be able to read it: it is read here as they will read it.
    let read = evidence::verify(&file, &config.directory.fingerprint, now);
    if matches!(read, Err(Refused::TooMuch)) {
        let (bytes, most) = (file.len(), evidence::FILE_LIMIT >> 20);
        let text = format!(
            "the evidence has {bytes} bytes; more than {most} MiB, or too many events, receipts or releases, nobody \
             reads"
        );
        return Err(Failure::because(Code::Failed, text));
    }
    read.context("the evidence in this store").or_exit(Code::Differs)?;
    Ok((case, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_named_by_itself_or_by_what_belongs_to_it() {
        let uid = "0191d8a4-7f00-8000-8000-000000000001";
        assert!(matches!(uid.parse(), Ok(Case::Uid(_))));
        for name in [format!("parties/moh/referrals/{uid}"), format!("parties/moh/referrals/{uid}/branches/{uid}")] {
            assert!(matches!(name.parse(), Ok(Case::Of(party, _)) if party.as_str() == "moh"), "{name}");
        }
        for other in ["", "moh", "parties/moh", "parties/M O H/referrals/1", "parties/moh/referrals/1"] {
            assert!(other.parse::<Case>().is_err(), "{other}");
        }
    }
}
