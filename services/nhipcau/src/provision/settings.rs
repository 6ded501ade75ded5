//! The operator's configuration: how to reach the broker, and what the operator decides about its streams.
//!
//! The keys of `[broker]` are those of an access point's configuration. Paths start at the file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use nhipcau_messaging::{
    nats::{ClientCertificate, Connection, Credential},
    provision::{Layout, OPERATOR},
};
use nhipcau_runtime::private_file;
use serde::Deserialize;

use crate::exit::{Code, Failure, OrExit as _};

/// What the file says.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) broker: Connection,
    pub(super) layout: Layout,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    broker: Broker,
    #[serde(default)]
    layout: Wanted,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Broker {
    servers: Vec<String>,
    root_certificates: PathBuf,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    nkey: Option<PathBuf>,
    user: Option<String>,
    password_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    replicas: Option<usize>,
    share: Option<i64>,
    broadcasts: Option<i64>,
}

impl Settings {
    /// Reads the file and looks at the files that it names.
    ///
    /// # Errors
    /// [`Code::Configuration`] with what is wrong; a file's syntax first, then everything else at once.
    pub(super) fn load(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()));
        let settings = Self::parse(&text.or_exit(Code::Configuration)?, path.parent().unwrap_or(Path::new("")))?;
        let (Credential::Nkey(login) | Credential::Password { file: login, .. }) = &settings.broker.credential;
        private_file::read(login).context("the file with the operator's login").or_exit(Code::Configuration)?;
        Ok(settings)
    }

    fn parse(text: &str, here: &Path) -> Result<Self, Failure> {
        let File { broker, layout } = toml::from_str(text).or_exit(Code::Configuration)?;
        let mut problems = Vec::new();
        if broker.servers.is_empty() || broker.servers.iter().any(|server| !server.starts_with("tls://")) {
            problems.push("broker.servers: must be addresses that begin with tls://");
        }
        let client_certificate = match (broker.certificate, broker.key) {
            (Some(certificate), Some(key)) => {
                Some(ClientCertificate { certificate: here.join(certificate), key: here.join(key) })
            }
            (None, None) => None,
            _ => {
                problems.push("broker.certificate: and broker.key must be given together");
                None
            }
        };
        let credential = match (broker.nkey, broker.user, broker.password_file) {
            (Some(nkey), None, None) => Some(Credential::Nkey(here.join(nkey))),
            (None, Some(user), Some(file)) => Some(Credential::Password { user, file: here.join(file) }),
            _ => {
                problems.push("broker.nkey: is required, or broker.user with broker.password_file instead");
                None
            }
        };
        let given = Layout::default();
        let layout = Layout {
            replicas: layout.replicas.unwrap_or(given.replicas),
            share: layout.share.unwrap_or(given.share),
            broadcasts: layout.broadcasts.unwrap_or(given.broadcasts),
        };
        if !matches!(layout.replicas, 1 | 3 | 5) {
            problems.push("layout.replicas: must be 1 on one host, 3 or 5 on as many");
        }
        if layout.share < 1 || layout.broadcasts < 1 {
            problems.push("layout.share: and layout.broadcasts must be at least 1");
        }
        match credential {
            Some(credential) if problems.is_empty() => {
                let broker = Connection {
                    name: OPERATOR.to_owned(),
                    servers: broker.servers,
                    root_certificates: here.join(broker.root_certificates),
                    client_certificate,
                    credential,
                };
                Ok(Self { broker, layout })
            }
            _ => Err(Failure::because(Code::Configuration, problems.join("\n"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_at_the_file_and_limits_have_defaults() {
        let text = "[broker]\nservers = [\"tls://nats:4222\"]\nroot_certificates = \"ca.pem\"\nnkey = \"operator.nk\"\n\
                    [layout]\nreplicas = 3\n";
        let settings = Settings::parse(text, Path::new("/etc/nats")).unwrap();
        assert_eq!(settings.broker.root_certificates, Path::new("/etc/nats/ca.pem"));
        assert_eq!(settings.layout, Layout { replicas: 3, ..Layout::default() });
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let text = "[broker]\nservers = [\"nats://nats:4222\"]\nroot_certificates = \"ca.pem\"\nkey = \"k\"\n\
                    [layout]\nreplicas = 2\nshare = 0\n";
        let failure = Settings::parse(text, Path::new("")).unwrap_err();
        assert_eq!((failure.code(), failure.to_string().lines().count()), (Code::Configuration, 5));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let text = "[broker]\nservers = []\nroot_certificates = \"ca.pem\"\nnkey = \"n\"\npassword = \"p\"\n";
        let failure = Settings::parse(text, Path::new("")).unwrap_err();
        assert!(failure.to_string().contains("password"), "{failure}");
    }
}
