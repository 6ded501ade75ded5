//! `endpoints.json`: what of a sandbox is where, for whoever uses it. Paths are relative to `home`.
//!
//! ```json
//! { "home": "/srv/sandbox", "fingerprint": "3f0a …",
//!   "broker": { "address": "tls://localhost:4222", "monitor": "http://127.0.0.1:8222", "config": "nats/server.conf",
//!               "log": "nats/log", "operator": "operator", "login": "nats/operator.nk",
//!               "root_certificates": "nats/tls/ca.pem", "certificate": "nats/tls/operator.pem",
//!               "key": "nats/tls/operator.key" },
//!   "access_points": { "moh": { "home": "moh", "config": "moh/nhipcau.toml", "log": "moh/log",
//!     "grpc": "https://localhost:7443", "metrics": "http://127.0.0.1:9464/metrics",
//!     "system": "moh/hotline", "profile": "systems/moh-hotline/profile.toml",
//!     "certificate": "systems/moh-hotline/cert.pem", "key": "systems/moh-hotline/key.pem",
//!     "root_certificates": "systems/moh-hotline/ca.pem" } } }
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fs::{self, OpenOptions},
    io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use nhipcau_messaging::Entropy;
use serde::{Deserialize, Serialize};

use super::plan::{MEMBERS, Member, OPERATOR};

/// Ports are taken from here: below the range from which outgoing connections get theirs, so that a port is still
/// free when the sandbox is started again.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 12_000;
/// Directory beside other temporary ones with a file for each port that a sandbox has just chosen and nobody may listen
/// at yet, and how long such a choice counts: longer than a sandbox takes to start.
const CHOSEN: &str = "nhipcau-sandbox-ports";
const START: Duration = Duration::from_secs(300);

/// What is where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Endpoints {
    /// Where the sandbox was made; it cannot be moved.
    pub(crate) home: PathBuf,
    /// Fingerprint of the directory's first root.
    pub(crate) fingerprint: String,
    /// The broker.
    pub(crate) broker: Broker,
    /// The access points by name.
    pub(crate) access_points: BTreeMap<String, AccessPoint>,
}

/// Where the broker is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Broker {
    /// NATS address.
    pub(crate) address: String,
    /// Monitoring of nats-server.
    pub(crate) monitor: String,
    /// Its configuration.
    pub(crate) config: PathBuf,
    /// What it logs.
    pub(crate) log: PathBuf,
    /// Login that provisions.
    pub(crate) operator: String,
    /// The nkey seed of that login.
    pub(crate) login: PathBuf,
    /// Authority of the certificates at the broker.
    pub(crate) root_certificates: PathBuf,
    /// Certificate for that login.
    pub(crate) certificate: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
}

/// Where an access point is, and who may call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessPoint {
    /// Its home.
    pub(crate) home: PathBuf,
    /// Its configuration.
    pub(crate) config: PathBuf,
    /// What it logs.
    pub(crate) log: PathBuf,
    /// The gRPC door.
    pub(crate) grpc: String,
    /// Its metrics.
    pub(crate) metrics: String,
    /// The calling system, `party/system`.
    pub(crate) system: String,
    /// Profile of that system for the commands that call.
    pub(crate) profile: PathBuf,
    /// Certificate of that system.
    pub(crate) certificate: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
    /// Authority of the access point's certificate.
    pub(crate) root_certificates: PathBuf,
}

/// The ports of an access point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) grpc: u16,
    pub(super) metrics: u16,
}

/// The ports of a sandbox, free when they were chosen.
#[derive(Debug, Clone)]
pub(super) struct AllPorts {
    pub(super) nats: u16,
    pub(super) monitor: u16,
    /// In the order of [`MEMBERS`].
    pub(super) members: Vec<Ports>,
}

impl AllPorts {
    /// Chooses ports that nobody listens at and no other sandbox is about to; none when there are too few.
    pub(super) fn choose(entropy: &mut dyn Entropy) -> Option<Self> {
        let mut seen = BTreeSet::new();
        let mut free = (0..10_000).filter_map(|_| {
            let mut bytes = [0; 2];
            entropy.fill(&mut bytes);
            let port = FIRST_PORT + u16::from_le_bytes(bytes) % PORTS;
            let is_free = || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
            (seen.insert(port) && is_free() && is_ours(&env::temp_dir().join(CHOSEN), port)).then_some(port)
        });
        let (nats, monitor) = (free.next()?, free.next()?);
        let members = MEMBERS.iter().map(|_| Some(Ports { grpc: free.next()?, metrics: free.next()? }));
        Some(Self { nats, monitor, members: members.collect::<Option<_>>()? })
    }
}

/// Whether no other sandbox has chosen a port a moment ago. Where that cannot be noted, nobody's choice is known.
fn is_ours(chosen: &Path, port: u16) -> bool {
    let file = chosen.join(port.to_string());
    let age = || fs::metadata(&file).and_then(|it| it.modified()).ok().and_then(|time| time.elapsed().ok());
    if age().is_some_and(|age| age > START) {
        drop(fs::remove_file(&file));
    }
    if fs::create_dir_all(chosen).is_err() {
        return true;
    }
    let made = OpenOptions::new().write(true).create_new(true).open(&file);
    !made.is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
}

impl Endpoints {
    /// What is where, for a home and its ports.
    pub(super) fn new(home: &Path, fingerprint: String, ports: &AllPorts) -> Self {
        let nats = Path::new("nats");
        let broker = Broker {
            address: format!("tls://localhost:{}", ports.nats),
            monitor: format!("http://127.0.0.1:{}", ports.monitor),
            config: nats.join("server.conf"),
            log: nats.join("log"),
            operator: OPERATOR.to_owned(),
            login: nats.join("operator.nk"),
            root_certificates: nats.join("tls/ca.pem"),
            certificate: nats.join("tls/operator.pem"),
            key: nats.join("tls/operator.key"),
        };
        let members = MEMBERS.into_iter().zip(&ports.members);
        let access_points = members.map(|(member, ports)| (member.name.to_owned(), AccessPoint::new(member, *ports)));
        Self { home: home.to_owned(), fingerprint, broker, access_points: access_points.collect() }
    }
}

impl AccessPoint {
    fn new(member: Member, ports: Ports) -> Self {
        let (home, system) = (Path::new(member.name), member.system_directory());
        Self {
            home: home.to_owned(),
            config: home.join("nhipcau.toml"),
            log: home.join("log"),
            grpc: format!("https://localhost:{}", ports.grpc),
            metrics: format!("http://127.0.0.1:{}/metrics", ports.metrics),
            system: member.system_name(),
            profile: system.join("profile.toml"),
            certificate: system.join("cert.pem"),
            key: system.join("key.pem"),
            root_certificates: system.join("ca.pem"),
        }
    }
}

/// Where the process of a URL listens on this machine.
pub(super) fn address(url: &str) -> String {
    let port = url.rsplit(':').next().unwrap_or_default();
    format!("127.0.0.1:{}", port.split('/').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes};

    use super::*;

    #[test]
    fn a_port_that_another_sandbox_is_about_to_use_is_not_chosen_until_that_is_long_ago() {
        let place = tempfile::tempdir().unwrap();
        let chosen = place.path().join(CHOSEN);
        assert!(is_ours(&chosen, 20_001));
        assert!(!is_ours(&chosen, 20_001) && is_ours(&chosen, 20_002));
        let file = File::options().write(true).open(chosen.join("20001")).unwrap();
        let then = file.metadata().unwrap().modified().unwrap() - START - Duration::from_secs(1);
        file.set_times(FileTimes::new().set_modified(then)).unwrap();
        assert!(is_ours(&chosen, 20_001) && !is_ours(&chosen, 20_001));
        let file = place.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(is_ours(&file, 20_001), "nothing can be noted there");
    }
}
