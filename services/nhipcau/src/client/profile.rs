//! The profile of a calling system: where it calls, whom it trusts, and the certificate that is its name.
//!
//! ```toml
//! endpoint = "https://localhost:7443"
//! authority = "localhost"               # name in the access point's certificate
//! certificate = "cert.pem"              # carries nhipcau://PARTY/SYSTEM
//! key = "key.pem"                       # readable by its owner alone
//! root_certificates = "ca.pem"
//!
//! [directory]                           # where files are checked before they are sent
//! path = "../../moha/directory"
//! fingerprint = "…"
//! ```
//!
//! Paths are relative to the file.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use nhipcau_runtime::{caller::SystemName, private_file};
use serde::Deserialize;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::exit::{Code, Failure, OrExit as _};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take: longer than an access point lets a call take.
const ANSWER: Duration = Duration::from_secs(60);
/// How often a quiet connection is tried, so that a dead one is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    endpoint: String,
    authority: Option<String>,
    certificate: PathBuf,
    key: PathBuf,
    root_certificates: PathBuf,
    directory: Option<SignedDirectory>,
}

/// Where the signed directory lies, and how it is known to be the right one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignedDirectory {
    /// Holds `releases/` and `attachments/`.
    pub(crate) path: PathBuf,
    /// Fingerprint of the first root.
    pub(crate) fingerprint: String,
}

/// A profile with the files that it names.
#[derive(Clone)]
pub(crate) struct Profile {
    endpoint: String,
    authority: Option<String>,
    certificate: Vec<u8>,
    key: zeroize::Zeroizing<Vec<u8>>,
    root_certificates: Vec<u8>,
    directory: Option<SignedDirectory>,
    system: SystemName,
}

impl Profile {
    /// Reads a profile and its files.
    ///
    /// # Errors
    /// A configuration failure that names the file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).with_context(|| format!("the profile {}", path.display()));
        let document: Document = toml::from_str(&text.or_exit(Code::Configuration)?)
            .with_context(|| format!("the profile {}", path.display()))
            .or_exit(Code::Configuration)?;
        let base = path.parent().unwrap_or(Path::new("."));
        let file = |named: &Path| {
            let path = base.join(named);
            fs::read(&path).with_context(|| path.display().to_string()).or_exit(Code::Configuration)
        };
        let certificate = file(&document.certificate)?;
        let key_path = base.join(&document.key);
        let key = private_file::read(&key_path).with_context(|| key_path.display().to_string());
        let system = SystemName::in_certificate(&certificate).ok_or_else(|| {
            let text = "the certificate of the profile does not carry exactly one name nhipcau://PARTY/SYSTEM";
            Failure::because(Code::Configuration, text)
        })?;
        let directory = document
            .directory
            .map(|directory| SignedDirectory { path: base.join(&directory.path), fingerprint: directory.fingerprint });
        Ok(Self {
            endpoint: document.endpoint,
            authority: document.authority,
            key: key.or_exit(Code::Configuration)?,
            root_certificates: file(&document.root_certificates)?,
            certificate,
            directory,
            system,
        })
    }

    /// Who calls.
    pub(crate) fn system(&self) -> &SystemName {
        &self.system
    }

    /// Where it calls.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Where the signed directory lies, if the profile says so.
    pub(crate) fn directory(&self) -> Option<&SignedDirectory> {
        self.directory.as_ref()
    }

    /// The caller's party as calls name it.
    pub(crate) fn parent(&self) -> String {
        format!("parties/{}", self.system.party)
    }

    pub(super) fn channel(&self) -> Result<Channel, Failure> {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.root_certificates))
            .identity(Identity::from_pem(&self.certificate, &*self.key));
        let tls = self.authority.iter().fold(tls, |tls, name| tls.domain_name(name));
        let endpoint = || -> Result<Endpoint, tonic::transport::Error> {
            Endpoint::from_shared(self.endpoint.clone())?.tls_config(tls)
        };
        if !self.endpoint.starts_with("https://") {
            return Err(Failure::because(Code::Configuration, "the endpoint of the profile must begin with https://"));
        }
        let endpoint =
            endpoint().context("the endpoint or a certificate of the profile").or_exit(Code::Configuration)?;
        let endpoint = endpoint.connect_timeout(CONNECT).timeout(ANSWER).http2_keep_alive_interval(KEEP_ALIVE);
        Ok(endpoint.connect_lazy())
    }
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile")
            .field("endpoint", &self.endpoint)
            .field("system", &self.system)
            .finish_non_exhaustive()
    }
}
