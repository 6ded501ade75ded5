//! `nhipcau verify`: verifies the evidence in an access point's directory, without its process and also beside it: the
//! signature of every stored envelope, the chain of every channel, every receipt and what it speaks of, and the chain
//! of access records. Prints what was looked at and everything that does not fit; exit code 6 when anything does not.
//!
//! Reads the signed directory, the store and the key-encryption keys, and writes nothing; SQLite may leave its two
//! empty side files beside a store that nobody has open, so that a store on a read-only medium must be copied first.
//!
//! Cannot find: rows taken away at the end of a channel together with all that speaks of them (`reconcile` asks the
//! other side for that); access records that were rewritten together with their head, of which another side knows
//! nothing; figures and cases that differ from the messages that brought them; and bodies whose key-encryption key is
//! not at hand, which are counted as not opened. Whoever has the access point's signing key can make evidence of its
//! own side anew, and of no other side.

use std::{fmt, path::PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use nhipcau_domain::id::AccessPointId;
use nhipcau_messaging::{
    audit::{Auditor, Counts, Finding},
    message::Lane,
    store::{Error as StoreError, Location, Readers, Server, Tx, operations},
};
use nhipcau_runtime::{
    access::{Chain, Error as ChainError},
    access_point::location,
    config, directory, keys,
};
use serde::Serialize;

use crate::{
    evidence,
    exit::{Code, Failure, OrExit as _},
    settings,
    terminal::{self, counted},
};

/// Differences shown; all are counted.
const SHOWN: usize = 1000;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Directory of an access point, with its nhipcau.toml, or a file of evidence, with the fingerprint.
    #[arg(required_unless_present = "store", conflicts_with = "store")]
    home: Option<PathBuf>,
    /// The file of the store, or the address of a database of a PostgreSQL server on this machine.
    #[arg(long, value_name = "FILE|URL", requires_all = ["access_point", "directory", "fingerprint"])]
    store: Option<String>,
    /// Whose store it is.
    #[arg(long, value_name = "NAME")]
    access_point: Option<AccessPointId>,
    /// The signed directory, with releases/ in it.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Fingerprint of the first root, as it was compared out of band; of a home, instead of the configured one.
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<String>,
    /// The key-encryption keys. Without them sealed envelopes are not opened.
    #[arg(long, value_name = "DIR")]
    kek: Option<PathBuf>,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

/// What is verified, against what.
struct Subject {
    access_point: AccessPointId,
    store: Location,
    directory: config::Directory,
    kek: Option<PathBuf>,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    access_point: String,
    directory_version: u64,
    channels: u64,
    sent: u64,
    received: u64,
    envelopes_verified: u64,
    envelopes_erased: u64,
    unopened: u64,
    receipts_issued: u64,
    receipts_held: u64,
    /// Records of who was shown what; none when referrals were never served here.
    access_records: Option<u64>,
    /// Digest of the last of them; none when they do not hold. Noted elsewhere, it shows what is rewritten later.
    access_head: Option<String>,
    /// The same of contacts of a switchboard.
    contact_access_records: Option<u64>,
    contact_access_head: Option<String>,
    difference_count: u64,
    differences: Vec<Difference>,
}

#[derive(Debug, Serialize)]
struct Difference {
    /// The channel, such as `moh → vwu messages`, or what else is meant.
    of: String,
    /// Where in it.
    place: String,
    /// What is wrong.
    fault: String,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let as_json = args.json;
    if let Some(file) = args.home.as_ref().filter(|home| home.is_file()) {
        return file_of_evidence(file, args.fingerprint.as_deref(), as_json);
    }
    let subject = Subject::of(args)?;
    let release = directory::load(&subject.directory, Timestamp::now(), true).or_exit(Code::Configuration)?;
    let keks = match &subject.kek {
        Some(path) => keys::key_encryption_keys(path).or_exit(Code::Configuration)?,
        None => Vec::new(),
    };
    let path = subject.store.to_string();
    let readers = Readers::open(subject.store, 1).context(path).or_exit(Code::Configuration)?;
    let (me, version) = (subject.access_point, release.version());
    terminal::progress(format_args!("verifying the store of {me} under release {version}"));
    let name = me.to_string();
    let look = move |tx: &mut Tx<'_>| {
        let found = Auditor::new(&me, &release, keks).audit(tx)?;
        let referrals = accesses("referral_branch", nhipcau_referrals::verify_access, &me, tx)?;
        let contacts = accesses("switchboard_contact", nhipcau_switchboard::verify_access, &me, tx)?;
        Ok::<_, StoreError>((found, referrals, contacts))
    };
    let (found, referrals, contacts) = readers.read(look).await.context("the store").or_exit(Code::Failed)?;
    let mut differences: Vec<_> = found.findings.iter().map(Difference::of).collect();
    let mut shown = |of: &str, chain: Option<Result<Chain, u64>>| match chain {
        Some(Err(record)) => {
            let fault = "is missing or was changed, or the head is not its; later ones were not looked at".to_owned();
            differences.push(Difference { of: of.to_owned(), place: format!("record {record}"), fault });
            (Some(record.saturating_sub(1)), None)
        }
        Some(Ok(chain)) => (Some(chain.records), Some(hex::encode(chain.head))),
        None => (None, None),
    };
    let (access_records, access_head) = shown("access records", referrals);
    let (contact_access_records, contact_access_head) = shown("access records of contacts", contacts);
    let difference_count = differences.len() as u64;
    differences.truncate(SHOWN);
    let Counts { channels, sent, received, envelopes, erased, unopened, issued, held } = found.counts;
    let report = Report {
        access_point: name,
        directory_version: version,
        channels,
        sent,
        received,
        envelopes_verified: envelopes,
        envelopes_erased: erased,
        unopened,
        receipts_issued: issued,
        receipts_held: held,
        access_records,
        access_head,
        contact_access_records,
        contact_access_head,
        difference_count,
        differences,
    };
    terminal::result(as_json, &report)?;
    if difference_count == 0 {
        return Ok(());
    }
    Err(Failure::because(Code::Differs, format_args!("{} in the evidence", counted(difference_count, "difference"))))
}

/// Verifies a file of evidence, which needs nothing but the fingerprint.
fn file_of_evidence(file: &std::path::Path, fingerprint: Option<&str>, as_json: bool) -> Result<(), Failure> {
    let missing = || Failure::because(Code::Usage, "a file of evidence is verified under --fingerprint");
    let report = evidence::report(file, &read_fingerprint(fingerprint.ok_or_else(missing)?)?)?;
    terminal::result(as_json, &report)?;
    match report.finding_count {
        0 => Ok(()),
        count => Err(Failure::because(Code::Differs, format_args!("{} in the evidence", counted(count, "finding")))),
    }
}

/// The access records of a service if all hold, or the first that does not; none when it was never served here.
fn accesses(
    table: &str,
    verify: fn(&AccessPointId, &mut Tx<'_>) -> Result<Chain, ChainError>,
    me: &AccessPointId,
    tx: &mut Tx<'_>,
) -> Result<Option<Result<Chain, u64>>, StoreError> {
    // Not by the records' own table, which somebody may have taken away.
    if !operations::has_table(tx, table)? {
        return Ok(None);
    }
    match verify(me, tx) {
        Ok(chain) => Ok(Some(Ok(chain))),
        Err(ChainError::Broken { record }) => Ok(Some(Err(record))),
        Err(ChainError::Store(error)) => Err(error),
    }
}

impl Subject {
    fn of(args: Args) -> Result<Self, Failure> {
        let (home, fingerprint) = (args.home.clone(), args.fingerprint.clone());
        let mut subject = match home {
            Some(home) => Self::of_home(&home)?,
            None => Self::named(&args)?,
        };
        if let Some(text) = fingerprint {
            subject.directory.fingerprint = read_fingerprint(&text)?;
        }
        subject.kek = args.kek.or(subject.kek);
        Ok(subject)
    }

    /// By the configuration in a home.
    fn of_home(home: &std::path::Path) -> Result<Self, Failure> {
        let config = settings::home(home)?;
        Ok(Self {
            access_point: config.access_point,
            store: location(&config.store).or_exit(Code::Configuration)?,
            directory: config.directory,
            kek: Some(config.keys.kek),
        })
    }

    fn named(args: &Args) -> Result<Self, Failure> {
        let missing =
            || Failure::because(Code::Usage, "name a home, or store, access point, directory and fingerprint");
        let (Some(store), Some(access_point), Some(path), Some(text)) =
            (&args.store, &args.access_point, &args.directory, &args.fingerprint)
        else {
            return Err(missing());
        };
        let directory = config::Directory { path: path.clone(), fingerprint: read_fingerprint(text)? };
        let store = match store.contains("://") {
            true => Server::new(store, None, None).or_exit(Code::Usage)?.into(),
            false => Location::File(store.into()),
        };
        Ok(Self { access_point: access_point.clone(), store, directory, kek: None })
    }
}

fn read_fingerprint(text: &str) -> Result<nhipcau_domain::directory::Fingerprint, Failure> {
    text.parse().map_err(|_| Failure::because(Code::Usage, "the fingerprint must be 64 hexadecimal digits"))
}

impl Difference {
    fn of(finding: &Finding) -> Self {
        let lane = match finding.lane {
            Some(Lane::Messages) => "messages",
            Some(Lane::Bulk) => "bulk",
            None => "of an unknown lane",
        };
        Self {
            of: format!("{} → {} {lane}", finding.sender, finding.recipient),
            place: finding.place.to_string(),
            fault: finding.fault.to_string(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} under release {}:", self.access_point, self.directory_version)?;
        for (count, one, more) in [
            (Some(self.channels), "channel", ""),
            (Some(self.sent), "position", " sent"),
            (Some(self.received), "position", " received"),
            (Some(self.envelopes_verified), "envelope", " verified"),
            (Some(self.envelopes_erased).filter(|count| *count > 0), "envelope", " erased"),
            (Some(self.unopened).filter(|count| *count > 0), "position", " not opened"),
            (Some(self.receipts_issued), "receipt", " issued and verified"),
            (Some(self.receipts_held), "receipt", " held and verified"),
        ] {
            if let Some(count) = count {
                writeln!(f, "{count:>10}  {}{more}", counted(count, one).word())?;
            }
        }
        for (records, head, of) in [
            (self.access_records, &self.access_head, ""),
            (self.contact_access_records, &self.contact_access_head, " of contacts"),
        ] {
            if let Some(count) = records {
                writeln!(f, "{count:>10}  {}{of} in one chain", counted(count, "access record").word())?;
            }
            if let Some(head) = head {
                writeln!(f, "{:>10}  {head}", "head")?;
            }
        }
        write!(f, "{:>10}  {}", self.difference_count, counted(self.difference_count, "difference").word())?;
        for Difference { of, place, fault } in &self.differences {
            write!(f, "\n  {of}, {place}: {fault}")?;
        }
        let more = self.difference_count.saturating_sub(self.differences.len() as u64);
        if more > 0 {
            write!(f, "\n  … and {more} more")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use nhipcau_messaging::store::Store;

    use super::*;
    use crate::sandbox::World;

    fn of(home: PathBuf) -> Args {
        let (store, access_point, directory, fingerprint, kek) = (None, None, None, None, None);
        Args { home: Some(home), store, access_point, directory, fingerprint, kek, json: true }
    }

    #[tokio::test]
    async fn a_home_is_verified_wherever_it_lies_and_a_foreign_row_is_a_difference() {
        let here = tempfile::tempdir().unwrap();
        let (world, _) = World::open(&here.path().join("sandbox"), Timestamp::now()).unwrap();
        let moved = here.path().join("copy");
        fs::rename(world.home().join("moh"), &moved).unwrap();
        let missing = run(of(moved.clone())).await.unwrap_err();
        assert_eq!(missing.code(), Code::Configuration, "there is no store yet");
        fs::create_dir_all(moved.join("store")).unwrap();
        let mut store = Store::open(moved.join("store/store.db").as_path()).unwrap();
        run(of(moved.clone())).await.unwrap();
        let row = "INSERT INTO received (sender, recipient, lane, branch, sequence, incarnation, id, correlation, \
                   contract, kind, digest, content_digest, outcome, spent, envelope, receive_time, expected) \
                   VALUES ('moha', 'all', 2, 0, 1, 1, zeroblob(16), x'', '', '', zeroblob(32), x'', 0, 1, x'00', 0, 0)";
        store.transaction(|tx| tx.execute(row, &[])).unwrap();
        let differs = run(of(moved.clone())).await.unwrap_err();
        assert_eq!(differs.code(), Code::Differs);
        let other = Args { fingerprint: Some("00".repeat(32)), ..of(moved) };
        assert_eq!(run(other).await.unwrap_err().code(), Code::Configuration, "the directory has another root");
    }
}
