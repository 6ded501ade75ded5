//! The broker of the sandbox: the shipped configuration of `deploy/nats` with other paths, ports and logins, and the
//! nats-server that runs under it.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::Command,
};

use nhipcau_messaging::{
    nats::{ClientCertificate, Connection, Credential, MINIMUM_SERVER, Version},
    provision::{self, Account, Login},
};
use nkeys::KeyPair;

use super::{
    endpoints::{AllPorts, Endpoints},
    error::Error,
    pki::{Authority, For, write_secret},
    plan::{MEMBERS, OPERATOR},
};
use crate::directory::files;

const SERVER: &str = include_str!("../../../../deploy/nats/server.conf");
const BUS: &str = include_str!("../../../../deploy/nats/bus.conf");

/// Name of the bus's account in the shipped configuration.
const ACCOUNT: &str = "BUS";

/// The logins of the access points by name: the seeds, which are their secrets.
pub(super) type Seeds = BTreeMap<&'static str, String>;

/// Writes the broker's files below `root`, with the paths that they will have below `home`. Gives the logins.
pub(super) fn make(root: &Path, home: &Path, ports: &AllPorts, bus: &Authority) -> Result<Seeds, Error> {
    let place = root.join("nats");
    let final_place = home.join("nats").display().to_string();
    let adapt = |text: &str| {
        text.replace("/etc/nhipcau-nats", &final_place)
            .replace("/var/lib/nhipcau-nats", &format!("{final_place}/store"))
            .replace("0.0.0.0:4222", &format!("127.0.0.1:{}", ports.nats))
            .replace("127.0.0.1:8222", &format!("127.0.0.1:{}", ports.monitor))
    };
    files::write(&place.join("server.conf"), adapt(SERVER))?;
    files::write(&place.join("bus.conf"), adapt(BUS))?;

    let (operator_seed, operator) = login()?;
    let mut seeds = Seeds::new();
    let mut logins = BTreeMap::new();
    for member in MEMBERS {
        let (seed, login) = login()?;
        seeds.insert(member.name, seed);
        logins.insert(member.name.parse().map_err(|_| Error::NoSuchMember)?, login);
    }
    let account = Account { name: ACCOUNT.to_owned(), domain: None };
    files::write(&place.join("users.conf"), provision::permissions(&account, &operator, &logins)?)?;

    write_secret(&place.join("operator.nk"), operator_seed.as_bytes())?;
    let tls = place.join("tls");
    bus.issue(&For::Server, &tls.join("server.pem"), &tls.join("server.key"))?;
    bus.issue(&For::Bus(OPERATOR), &tls.join("operator.pem"), &tls.join("operator.key"))?;
    bus.write_certificate(&tls.join("ca.pem"))?;
    Ok(seeds)
}

/// A new login: its seed, and its public half for the broker.
fn login() -> Result<(String, Login), Error> {
    let pair = KeyPair::new_user();
    let seed = pair.seed().map_err(|error| Error::Login(Box::new(error)))?;
    let login = Login::nkey(&pair.public_key()).map_err(|error| Error::Login(Box::new(error)))?;
    Ok((seed, login))
}

/// How the operator connects.
pub(super) fn operator(endpoints: &Endpoints) -> Connection {
    let (home, broker) = (&endpoints.home, &endpoints.broker);
    Connection {
        name: broker.operator.clone(),
        servers: vec![broker.address.clone()],
        root_certificates: home.join(&broker.root_certificates),
        client_certificate: Some(ClientCertificate {
            certificate: home.join(&broker.certificate),
            key: home.join(&broker.key),
        }),
        credential: Credential::Nkey(home.join(&broker.login)),
    }
}

/// The nats-server to run: what NHIPCAU_NATS_SERVER names, else the one on PATH; new enough.
pub(super) fn server() -> Result<PathBuf, Error> {
    let named = env::var_os("NHIPCAU_NATS_SERVER").map(PathBuf::from);
    let on_path = || {
        let path = env::var_os("PATH")?;
        env::split_paths(&path).map(|place| place.join("nats-server")).find(|file| file.is_file())
    };
    let path = named.or_else(on_path).filter(|path| path.is_file()).ok_or(Error::ServerMissing)?;
    let start = |source| Error::Start { name: path.display().to_string(), source };
    let output = Command::new(&path).arg("--version").output().map_err(start)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found = text.trim().rsplit(' ').next().unwrap_or_default();
    match Version::parse(found) {
        Some(version) if version >= MINIMUM_SERVER => Ok(path),
        _ => Err(Error::ServerTooOld { path, found: found.to_owned() }),
    }
}
