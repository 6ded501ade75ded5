//! Configuration: embedded defaults, then a file, then the environment, read into types.
//!
//! Every problem is reported at once and no value is repeated in a report. Secrets are paths. The environment is
//! handed in as a map, so that nothing here depends on the process it runs in.

mod document;
mod duty;
mod problem;
mod section;
#[cfg(test)]
mod tests;
mod value;

use std::{collections::BTreeMap, fs, net::SocketAddr, path::Path, path::PathBuf, time::Duration};

use jiff::SignedDuration;
use nhipcau_domain::{
    directory::Fingerprint,
    id::{AccessPointId, Purpose},
};
use nhipcau_messaging::{
    engine::Limits,
    nats::{ClientCertificate, Connection},
    quota::Rate,
};
use tracing_subscriber::filter::Targets;

pub use self::{
    document::DEFAULTS,
    duty::{Duty, DutyPage, Notifier},
    problem::{Problem, Problems},
};
use crate::{caller::Systems, private_file};

/// The effective configuration of an access point.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its name in the directory.
    pub access_point: AccessPointId,
    /// Where it keeps its files.
    pub home: PathBuf,
    /// Services of this process; empty means all.
    pub services: Vec<String>,
    /// The store.
    pub store: Store,
    /// What may wait for a recipient.
    pub outbox: Limits,
    /// Where the keys are.
    pub keys: Keys,
    /// Where the directory is.
    pub directory: Directory,
    /// How to reach the broker.
    pub broker: Connection,
    /// The gRPC door.
    pub server: Server,
    /// Where metrics are served, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// How people on duty are told.
    pub duty: Duty,
    /// How an alarm of a device with an alarm key is sent.
    pub alarm: Alarm,
    /// What is logged and how.
    pub telemetry: Telemetry,
    /// How the process ends.
    pub shutdown: Shutdown,
    /// Who may call.
    pub systems: Systems,
    printed: String,
}

/// How an alarm of a device with an alarm key is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The service that is needed, as the directory names it.
    pub service: String,
    /// Purpose of the agreements.
    pub purpose: Purpose,
    /// The article on vital interests.
    pub citation: String,
}

/// The store.
#[derive(Debug, Clone)]
pub struct Store {
    /// The SQLite file.
    pub path: PathBuf,
    /// The PostgreSQL server that has the store instead.
    pub server: Option<StoreServer>,
    /// Connections that read.
    pub readers: usize,
    /// Free space in bytes below which nothing new is accepted.
    pub floor: u64,
}

/// A PostgreSQL server, and how it is reached.
#[derive(Debug, Clone)]
pub struct StoreServer {
    /// Its address, without a password.
    pub url: String,
    /// File with the password.
    pub password_file: Option<PathBuf>,
    /// Certificates that the server's must be signed by, PEM.
    pub root_certificates: Option<PathBuf>,
}

/// Where the keys are.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Signing, sealing and id keys and the start counter.
    pub directory: PathBuf,
    /// Key-encryption keys.
    pub kek: PathBuf,
    /// How long a sealing epoch lasts, where they are made by schedule.
    pub epoch: Option<SignedDuration>,
}

/// Where the directory is.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Holds `releases/`, `revocations/`, `bulletins/` and `attachments/`.
    pub path: PathBuf,
    /// Fingerprint of the first root.
    pub fingerprint: Fingerprint,
}

/// The gRPC door.
#[derive(Debug, Clone)]
pub struct Server {
    /// Address to listen at.
    pub listen: SocketAddr,
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// Authorities of client certificates, PEM.
    pub client_authorities: PathBuf,
    /// Longest time until a call begins to answer.
    pub timeout: Duration,
    /// How often one system may call.
    pub rate: Rate,
    /// Connections of one system.
    pub connections: usize,
    /// Calls answered at once, of which one system may have a quarter.
    pub concurrency: usize,
    /// Streams of one connection.
    pub streams: u32,
    /// Calls of one system whose answer is a stream.
    pub watches: usize,
    /// Largest request in bytes; services set it as their `max_decoding_message_size`.
    pub message_bytes: usize,
    /// Bytes of all requests that are being answered, of which one system may have a quarter.
    pub requests_bytes: usize,
    /// Whether the contracts can be asked for.
    pub reflection: bool,
}

/// What is logged and how.
#[derive(Debug, Clone)]
pub struct Telemetry {
    /// What.
    pub filter: Targets,
    /// How.
    pub format: Format,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// How the process ends.
#[derive(Debug, Clone, Copy)]
pub struct Shutdown {
    /// Between NOT_SERVING and closing.
    pub pause: Duration,
    /// For calls in progress.
    pub grace: Duration,
}

/// A file that the configuration names.
#[derive(Debug, Clone, Copy)]
pub struct Named<'c> {
    /// Under which key.
    pub key: &'static str,
    /// Where it is.
    pub path: &'c Path,
    /// Whether only its owner may read it.
    pub is_secret: bool,
}

impl Config {
    /// Reads the file, if one is given, and the environment over the defaults.
    ///
    /// # Errors
    /// [`Problems`], all of them.
    pub fn load(file: Option<&Path>, environment: &BTreeMap<String, String>) -> Result<Self, Problems> {
        let text = match file.map(fs::read_to_string).transpose() {
            Ok(text) => text,
            Err(error) => {
                let mut problems = Problems::default();
                problems.add("configuration file", format!("cannot be read: {}", error.kind()));
                return Err(problems);
            }
        };
        Self::parse(text.as_deref(), environment)
    }

    /// Reads the text of a file, if one is given, and the environment over the defaults.
    ///
    /// # Errors
    /// [`Problems`], all of them.
    pub fn parse(file: Option<&str>, environment: &BTreeMap<String, String>) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let document = document::merged(file, environment, &mut problems);
        match section::read(&document, &mut problems) {
            Some(config) if problems.is_empty() => Ok(Self { printed: document::printed(document), ..config }),
            _ => Err(problems),
        }
    }

    /// The effective configuration as a file that could be given, without secrets.
    #[must_use]
    pub fn printed(&self) -> &str {
        &self.printed
    }

    /// The certificates and secrets that the configuration names.
    #[must_use]
    pub fn files(&self) -> Vec<Named<'_>> {
        let named = |key, path, is_secret| Named { key, path, is_secret };
        let mut files = vec![
            named("server.certificate", self.server.certificate.as_path(), false),
            named("server.client_authorities", &self.server.client_authorities, false),
            named("broker.root_certificates", &self.broker.root_certificates, false),
            named("server.key", &self.server.key, true),
            named("broker login", self.broker.credential.file(), true),
        ];
        if let Some(ClientCertificate { certificate, key }) = &self.broker.client_certificate {
            files.extend([named("broker.certificate", certificate, false), named("broker.key", key, true)]);
        }
        if let Some(StoreServer { password_file, root_certificates, .. }) = &self.store.server {
            files.extend(password_file.as_ref().map(|path| named("store.password_file", path, true)));
            files.extend(root_certificates.as_ref().map(|path| named("store.root_certificates", path, false)));
        }
        if let Some(DutyPage { certificate, key, .. }) = &self.duty.page {
            files.extend([named("duty_page.certificate", certificate, false), named("duty_page.key", key, true)]);
        }
        for notifier in self.duty.notifiers.values() {
            if let Notifier::Webhook { secret_file, root_certificates, .. } = notifier {
                files.push(named("notifiers secret_file", secret_file, true));
                files.push(named("notifiers root_certificates", root_certificates, false));
            }
        }
        files
    }

    /// Looks at the files that the configuration names: whether they can be read, and secrets by their owner alone.
    ///
    /// # Errors
    /// [`Problems`], all of them.
    pub fn check_files(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        for Named { key, path, is_secret } in self.files() {
            let read = if is_secret {
                private_file::read(path).map(drop).map_err(|error| error.to_string())
            } else {
                fs::File::open(path).map(drop).map_err(|error| format!("cannot be read: {}", error.kind()))
            };
            if let Err(problem) = read {
                problems.add(key, problem);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}
