//! Why there is no sandbox, each with what to do about it.

use std::{io, path::PathBuf, process::ExitStatus};

use nhipcau_messaging::{nats, provision};
use nhipcau_runtime::{config, keys, private_file};

use crate::{
    directory::{self, files},
    exit::{Code, Failure},
};

/// Why the sandbox is not made or does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The home holds something else.
    #[error("{0} is not empty and holds no sandbox; name another home, or remove it")]
    Occupied(PathBuf),
    /// The sandbox was moved.
    #[error("the sandbox was made at {made} and cannot be moved; move it back, or make another")]
    Moved {
        /// Where it was made.
        made: PathBuf,
    },
    /// The home cannot stand in configuration files.
    #[error("the path {0:?} holds characters that configuration files cannot; name another home")]
    Path(PathBuf),
    /// What is where cannot be read.
    #[error("{path} is not what this version of the sandbox writes; remove the home and make it anew")]
    Endpoints {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Another process runs this sandbox.
    #[error("another process runs this sandbox")]
    InUse,
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] files::Error),
    /// A secret cannot be written.
    #[error("{path}")]
    Secret {
        /// Which.
        path: PathBuf,
        /// Why.
        source: private_file::Error,
    },
    /// Keys of an access point cannot be made.
    #[error("the keys of an access point cannot be made")]
    Keys(#[from] keys::Error),
    /// The directory cannot be made.
    #[error("the directory cannot be made")]
    Directory(#[from] directory::Error),
    /// Certificates cannot be made.
    #[error("certificates cannot be made")]
    Certificate(#[from] rcgen::Error),
    /// NATS keys cannot be made.
    #[error("logins at the broker cannot be made")]
    Login(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The clock shows a time without neighbours.
    #[error("the clock of this machine shows a time that cannot be")]
    Time(#[source] jiff::Error),
    /// No ports.
    #[error("there are too few free ports between 20000 and 31999")]
    Ports,
    /// A configuration that the sandbox wrote is refused.
    #[error("the configuration of an access point is refused: {0}")]
    Config(config::Problems),
    /// There is no nats-server.
    #[error(
        "there is no nats-server: run `make setup` and set NHIPCAU_NATS_SERVER=target/tools/nats-server, or put one on PATH"
    )]
    ServerMissing,
    /// The nats-server is too old.
    #[error("{path} has version {found}, at least {least} is needed: run `make setup`", least = nats::MINIMUM_SERVER)]
    ServerTooOld {
        /// Which.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// A port is taken.
    #[error(
        "{name} cannot listen at {address}: end what listens there, perhaps left over from a sandbox that was killed, or make another sandbox"
    )]
    PortTaken {
        /// Which process.
        name: String,
        /// Where it would listen.
        address: String,
    },
    /// A process cannot be started.
    #[error("{name} cannot be started")]
    Start {
        /// Which.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// A process has ended.
    #[error("{name} has ended ({status}); its log {log} ends with:\n{tail}")]
    Ended {
        /// Which.
        name: String,
        /// How.
        status: ExitStatus,
        /// Where it logs.
        log: PathBuf,
        /// The last lines.
        tail: String,
    },
    /// A process is not ready in time.
    #[error("{name} is not ready after {seconds} seconds; its log {log} ends with:\n{tail}")]
    NotReady {
        /// Which.
        name: String,
        /// How long it had.
        seconds: u64,
        /// Where it logs.
        log: PathBuf,
        /// The last lines.
        tail: String,
    },
    /// No access point has this name.
    #[error("the sandbox has no access point of this name")]
    NoSuchMember,
    /// The broker cannot be connected to.
    #[error("the broker cannot be connected to")]
    Broker(#[from] nats::Error),
    /// The broker cannot be provisioned.
    #[error("the broker cannot be provisioned")]
    Provision(#[from] provision::Error),
    /// An access point has a name that the broker's set-up needs.
    #[error(transparent)]
    Reserved(#[from] provision::ReservedName),
    /// A channel to an access point cannot be prepared.
    #[error("an access point cannot be called")]
    Call(#[from] tonic::transport::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Occupied(_) | Error::Path(_) => Code::Usage,
            Error::Moved { .. } | Error::Endpoints { .. } | Error::ServerMissing | Error::ServerTooOld { .. } => {
                Code::Configuration
            }
            Error::NotReady { .. } | Error::Broker(_) => Code::Unavailable,
            _ => Code::Failed,
        };
        Self::new(code, error)
    }
}
