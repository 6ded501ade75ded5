//! `nhipcau keys`: the keys of an access point, made where they are used and never overwritten; epochs begun by hand.
//!
//! Private halves go from the operating system's generator into files of mode 600 and nowhere else. What is printed are
//! public halves with their fingerprints: sent to the signers of the directory by one way, compared by another.

mod retire;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use aws_lc_rs::digest;
use clap::Subcommand;
use jiff::tz::TimeZone;
use nhipcau_domain::id::{KeyId, PartyId};
use nhipcau_messaging::{SystemEntropy, crypto::seal};
use nhipcau_runtime::{
    clock::Clock,
    keys::{self, Occasion},
    private_file,
};
use nkeys::KeyPair;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    exit::{Code, Failure, OrExit as _},
    settings, terminal,
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes the keys of a new access point and shows their public halves.
    Generate {
        #[command(flatten)]
        place: Place,
    },
    /// Shows the public halves of the keys that are there.
    Show {
        #[command(flatten)]
        place: Place,
    },
    /// Begins a sealing epoch now and announces it: makes its key and signs a bulletin, which a running access point
    /// takes into use when it reloads, and hands on.
    Rotate {
        /// The configuration file.
        #[arg(long, value_name = "FILE", env = "NHIPCAU_CONFIG")]
        config: Option<PathBuf>,
        /// Writes JSON.
        #[arg(long)]
        json: bool,
    },
    /// Makes the key of another sealing epoch for the next release of the directory. Where the access point announces
    /// its epochs itself, those of releases no longer count: use `rotate`.
    AddSealing {
        #[command(flatten)]
        place: Place,
        /// Its name; by default `e-` and today's date.
        #[arg(long, value_name = "NAME")]
        id: Option<KeyId>,
    },
    /// Makes another key-encryption key, used for new cases from the next start on.
    AddKek {
        #[command(flatten)]
        place: Place,
        /// Its name, which must sort behind the others; by default this month.
        #[arg(long, value_name = "NAME")]
        id: Option<KeyId>,
    },
    /// Destroys a key-encryption key under which no case key lies any more, and with it whatever the disk of the store
    /// may still hold of cases that were erased.
    RetireKek {
        /// Its name.
        id: KeyId,
        /// The configuration file.
        #[arg(long, value_name = "FILE", env = "NHIPCAU_CONFIG")]
        config: Option<PathBuf>,
        /// Writes JSON.
        #[arg(long)]
        json: bool,
    },
    /// Makes an alarm key of a party, used for devices that are registered from then on. The first is made by itself.
    AddAlarm {
        #[command(flatten)]
        place: Place,
        /// Party whose devices are made with it.
        #[arg(long, value_name = "PARTY")]
        party: PartyId,
        /// Its name, which must sort behind the others; by default `a-` and today's date.
        #[arg(long, value_name = "NAME")]
        id: Option<KeyId>,
    },
    /// Makes the key by which a party finds earlier contacts of the same person, or another one: contacts are recorded
    /// by the newest, and the one before it still finds. While a party has none, nothing is kept to find by.
    AddPseudonym {
        #[command(flatten)]
        place: Place,
        /// Party whose contacts are found.
        #[arg(long, value_name = "PARTY")]
        party: PartyId,
        /// Its name, which must sort behind the others; by default `p-` and today's date.
        #[arg(long, value_name = "NAME")]
        id: Option<KeyId>,
    },
    /// Makes a login at the broker and shows its public half, for the broker's operator.
    Login {
        /// File for the seed, which is the login.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Writes JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Where the keys are.
#[derive(Debug, clap::Args)]
struct Place {
    /// Home of the access point; its keys are in `keys/`.
    #[arg(long, value_name = "DIR")]
    home: PathBuf,
    /// Directory of the key-encryption keys, best on another disk than the store; by default `kek/` in the home.
    #[arg(long, value_name = "DIR")]
    kek: Option<PathBuf>,
    /// Writes JSON.
    #[arg(long)]
    json: bool,
}

impl Place {
    fn keys(&self) -> PathBuf {
        self.home.join("keys")
    }

    fn kek(&self) -> PathBuf {
        self.kek.clone().unwrap_or_else(|| self.home.join("kek"))
    }

    fn show(&self) -> Result<(), Failure> {
        let ring = keys::load(&self.keys(), &self.kek()).or_exit(Code::Configuration)?;
        let signing_keys = vec![PublicKey::new(ring.signing.id(), &ring.signing.public())];
        let public = |secret: &nhipcau_messaging::keys::SealingSecret| {
            seal::public_key(&secret.private).map(|public| PublicKey::new(&secret.id, &public))
        };
        let sealing_keys = ring.sealing.iter().map(public).collect::<Result<_, _>>().or_exit(Code::Configuration)?;
        let kek = ring.kek.iter().map(|key| key.id.clone()).collect();
        terminal::result(self.json, &Shown { signing_keys, sealing_keys, kek })
    }

    /// Whether there is any key already.
    fn is_used(&self) -> bool {
        let holds_keys = |directory: &Path| fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
        let keys = self.keys();
        [keys.join("signing.key"), keys.join("id.key"), keys.join("start")].iter().any(|file| file.exists())
            || holds_keys(&keys.join("sealing"))
            || holds_keys(&self.kek())
    }
}

/// What may be shown of the keys.
#[derive(Debug, Serialize)]
struct Shown {
    signing_keys: Vec<PublicKey>,
    sealing_keys: Vec<PublicKey>,
    /// Names of the key-encryption keys; they have no public half.
    kek: Vec<String>,
}

/// A public key, named as the source of a release names it.
#[derive(Debug, Serialize)]
struct PublicKey {
    key_id: String,
    public_key: String,
    fingerprint: String,
}

impl PublicKey {
    fn new(id: &KeyId, public: &[u8; 32]) -> Self {
        let digits = hex::encode(digest::digest(&digest::SHA256, public));
        let groups: Vec<&str> = digits.as_bytes().chunks(4).filter_map(|group| str::from_utf8(group).ok()).collect();
        Self { key_id: id.to_string(), public_key: hex::encode(public), fingerprint: groups.join(" ") }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, keys) in [("signing_keys", &self.signing_keys), ("sealing_keys", &self.sealing_keys)] {
            for PublicKey { key_id, public_key, fingerprint } in keys {
                writeln!(f, "{kind}: key_id = \"{key_id}\", public_key = \"{public_key}\"")?;
                writeln!(f, "  fingerprint {fingerprint}")?;
            }
        }
        write!(f, "key-encryption keys {}", self.kek.join(", "))
    }
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let today = TimeZone::UTC.to_datetime(Clock::system().now()).date();
    let named = |text: String| text.parse::<KeyId>().or_exit(Code::Failed);
    let place = match args.command {
        Command::Generate { place } => {
            if place.is_used() {
                let home = place.home.display();
                let text = format!("{home} has keys already, or had; nothing was changed");
                return Err(Failure::because(Code::Configuration, text));
            }
            let ids = [
                named(format!("s-{today}"))?,
                named(format!("e-{today}"))?,
                named(today.strftime("%Y-%m").to_string())?,
            ];
            let [signing, sealing, month] = &ids;
            keys::generate(&place.keys(), &place.kek(), [signing, sealing, month], &mut SystemEntropy)
                .or_exit(Code::Configuration)?;
            place
        }
        Command::Show { place } => place,
        Command::AddSealing { place, id } => {
            let id = id.map_or_else(|| named(format!("e-{today}")), Ok)?;
            keys::add_sealing_key(&place.keys(), &id, &mut SystemEntropy).or_exit(Code::Configuration)?;
            place
        }
        Command::AddKek { place, id } => {
            let id = id.map_or_else(|| named(today.strftime("%Y-%m").to_string()), Ok)?;
            keys::add_key_encryption_key(&place.kek(), &id, &mut SystemEntropy).or_exit(Code::Configuration)?;
            place
        }
        Command::AddAlarm { place, party, id } => {
            let id = id.map_or_else(|| named(format!("a-{today}")), Ok)?;
            keys::add_alarm_key(&place.keys(), &party, &id, &mut SystemEntropy).or_exit(Code::Configuration)?;
            place
        }
        Command::AddPseudonym { place, party, id } => {
            let id = id.map_or_else(|| named(format!("p-{today}")), Ok)?;
            keys::add_pseudonym_key(&place.keys(), &party, &id, &mut SystemEntropy).or_exit(Code::Configuration)?;
            place
        }
        Command::Login { out, json } => return login(&out, json),
        Command::RetireKek { id, config, json } => return retire::run(config.as_deref(), &id, json).await,
        Command::Rotate { config, json } => return rotate(config.as_deref(), json),
    };
    place.show()
}

/// What a rotation did.
#[derive(Debug, Serialize)]
struct RotationDone {
    key_id: String,
    start_time: String,
    expire_time: String,
    /// Number of the bulletin that announces it.
    bulletin: u64,
    /// Epochs that ended long enough ago.
    destroyed: Vec<String>,
}

impl fmt::Display for RotationDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key_id, start_time, expire_time, bulletin, destroyed } = self;
        writeln!(f, "sealing epoch {key_id} from {start_time} to {expire_time}, announced by bulletin {bulletin}")?;
        for key in destroyed {
            writeln!(f, "destroyed the private half of {key}")?;
        }
        write!(f, "reload the access point if it runs: until then nobody knows of it")
    }
}

fn rotate(config: Option<&Path>, as_json: bool) -> Result<(), Failure> {
    let config = settings::load(config)?;
    let due = (Occasion::Command, config.keys.epoch.unwrap_or(keys::EPOCH));
    let (id, directory, now) = (&config.access_point, &config.directory, Clock::system().now());
    let rotated = keys::rotate(id, &config.keys.directory, directory, due, now, &mut SystemEntropy);
    let rotated = rotated.or_exit(Code::Configuration)?;
    let nothing = || Failure::because(Code::Failed, "no epoch was made");
    let (made, bulletin) = rotated.made.zip(rotated.bulletin).ok_or_else(nothing)?;
    let done = RotationDone {
        key_id: made.id.to_string(),
        start_time: made.start.to_string(),
        expire_time: made.expire.to_string(),
        bulletin,
        destroyed: rotated.destroyed.iter().map(KeyId::to_string).collect(),
    };
    terminal::result(as_json, &done)
}

/// The public half of a login at the broker.
#[derive(Debug, Serialize)]
struct Login {
    login: String,
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.login)
    }
}

fn login(out: &Path, as_json: bool) -> Result<(), Failure> {
    let pair = KeyPair::new_user();
    let seed = Zeroizing::new(pair.seed().or_exit(Code::Failed)?);
    let made = private_file::create(out, seed.as_bytes());
    made.with_context(|| out.display().to_string()).or_exit(Code::Configuration)?;
    terminal::result(as_json, &Login { login: pair.public_key() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generate(home: &Path) -> Args {
        Args { command: Command::Generate { place: Place { home: home.to_owned(), kek: None, json: true } } }
    }

    #[tokio::test]
    async fn keys_are_made_once_and_never_overwritten() {
        let home = tempfile::tempdir().unwrap();
        run(generate(home.path())).await.unwrap();
        let made = fs::read(home.path().join("keys/signing.key")).unwrap();
        let refused = run(generate(home.path())).await.unwrap_err();
        assert_eq!(refused.code(), Code::Configuration);
        assert_eq!(fs::read(home.path().join("keys/signing.key")).unwrap(), made);
    }

    #[tokio::test]
    async fn an_alarm_key_is_added_beside_the_others_and_never_over_one() {
        let home = tempfile::tempdir().unwrap();
        run(generate(home.path())).await.unwrap();
        let add = || {
            let place = Place { home: home.path().to_owned(), kek: None, json: true };
            let (party, id) = (PartyId::new("moh").unwrap(), Some("a-2".parse().unwrap()));
            run(Args { command: Command::AddAlarm { place, party, id } })
        };
        add().await.unwrap();
        let made = fs::read(home.path().join("keys/alarm/moh/a-2.key")).unwrap();
        assert_eq!(add().await.unwrap_err().code(), Code::Configuration);
        assert_eq!(fs::read(home.path().join("keys/alarm/moh/a-2.key")).unwrap(), made);
    }

    #[tokio::test]
    async fn keys_are_not_made_where_there_were_some() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join("keys")).unwrap();
        fs::write(home.path().join("keys/start"), "7\n").unwrap();
        assert!(run(generate(home.path())).await.is_err());
        assert!(!home.path().join("keys/signing.key").exists());
    }

    #[tokio::test]
    async fn a_login_is_a_seed_that_only_its_owner_reads_and_is_never_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("broker.nk");
        let make = || run(Args { command: Command::Login { out: out.clone(), json: false } });
        make().await.unwrap();
        let seed = private_file::read(&out).unwrap();
        assert!(seed.starts_with(b"SU") && seed.len() == 58);
        assert_eq!(make().await.unwrap_err().code(), Code::Configuration);
        assert_eq!(*private_file::read(&out).unwrap(), *seed);
    }

    #[test]
    fn a_fingerprint_is_read_aloud_in_groups() {
        let key = PublicKey::new(&"s-1".parse().unwrap(), &[7; 32]);
        assert_eq!(key.fingerprint.split(' ').count(), 16);
        assert_eq!(key.public_key, "07".repeat(32));
    }
}
