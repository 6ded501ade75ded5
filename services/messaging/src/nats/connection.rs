//! Connecting to the broker: TLS always, a login from a file, an inbox of one's own, bounded buffers.

use std::{
    future::ready,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use async_nats::{Client, ConnectOptions, Event};

use super::{MINIMUM_SERVER, Version, login::Secret};

/// Messages that may wait in a subscription until they are read; more are dropped and counted.
pub(super) const SUBSCRIPTION_CAPACITY: usize = 128;

/// Commands that may wait for the socket.
const COMMAND_CAPACITY: usize = 64;

/// After two unanswered pings the connection counts as lost.
const PING_INTERVAL: Duration = Duration::from_secs(10);

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// How to reach the broker. Holds paths, never secrets.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Access point, or `operator`; its inbox is `_INBOX_` and this name.
    pub name: String,
    /// Addresses of the servers, such as `tls://nats-1.example:4222`.
    pub servers: Vec<String>,
    /// Certificates that the server's must be signed by, PEM.
    pub root_certificates: PathBuf,
    /// Certificate shown to the server, where it asks for one.
    pub client_certificate: Option<ClientCertificate>,
    /// Login.
    pub credential: Credential,
}

/// A certificate with its key, both PEM.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// Certificate chain.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// A login at the broker, read from a file at the start and when it is renewed.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A file with an nkey seed.
    Nkey(PathBuf),
    /// A user with a file that holds its password.
    Password {
        /// User name.
        user: String,
        /// File with the password.
        file: PathBuf,
    },
}

impl Credential {
    /// The file that holds the secret.
    #[must_use]
    pub fn file(&self) -> &Path {
        match self {
            Self::Nkey(file) | Self::Password { file, .. } => file,
        }
    }
}

/// Why there is no connection to the broker.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The login cannot be read.
    #[error("the file with the NATS login could not be read")]
    Credential(#[source] io::Error),
    /// The broker cannot be reached, is not who it should be, or lets this login not in.
    #[error("the NATS server could not be connected to")]
    Connect(#[source] async_nats::ConnectError),
    /// The server has published faults.
    #[error("the NATS server has version {found}, at least {MINIMUM_SERVER} is needed")]
    TooOld {
        /// Version that the server states.
        found: String,
    },
}

impl Connection {
    /// Connects once, for work that ends, such as provisioning.
    ///
    /// # Errors
    /// [`Error`] when the server cannot be used now.
    pub async fn connect(&self) -> Result<Client, Error> {
        self.connect_with(&Secret::read(self.credential.file()).await?).await
    }

    /// The same with a secret that was read already.
    pub(super) async fn connect_with(&self, secret: &Secret) -> Result<Client, Error> {
        let options = self.options(secret);
        let client = options.connect(&self.servers).await.map_err(Error::Connect)?;
        let found = client.server_info().version;
        match Version::parse(&found) {
            Some(version) if version >= MINIMUM_SERVER => Ok(client),
            _ => Err(Error::TooOld { found }),
        }
    }

    /// Opens a connection that is made whenever the server can be reached, and made again whenever it was lost.
    pub(super) async fn keep(
        &self,
        secret: &Secret,
        hear: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Client, Error> {
        let options = self.options(secret).retry_on_initial_connect().event_callback(move |event| {
            hear(event);
            ready(())
        });
        options.connect(&self.servers).await.map_err(Error::Connect)
    }

    fn options(&self, secret: &Secret) -> ConnectOptions {
        let user = match &self.credential {
            Credential::Nkey(_) => None,
            Credential::Password { user, .. } => Some(user.clone()),
        };
        let secret = secret.clone();
        let options =
            ConnectOptions::with_auth_callback(move |challenge| ready(secret.answer(user.as_deref(), &challenge)));
        let name = self.name.clone();
        let options = options
            .name(&self.name)
            .custom_inbox_prefix(inbox_prefix(&self.name))
            .require_tls(true)
            .add_root_certificates(self.root_certificates.clone())
            .subscription_capacity(SUBSCRIPTION_CAPACITY)
            .client_capacity(COMMAND_CAPACITY)
            .ping_interval(PING_INTERVAL)
            .connection_timeout(CONNECT_WITHIN)
            .ignore_discovered_servers()
            .reconnect_delay_callback(move |attempts| pause(attempts, &name));
        match &self.client_certificate {
            Some(own) => options.add_client_certificate(own.certificate.clone(), own.key.clone()),
            None => options,
        }
    }
}

/// What the inboxes of a client begin with; its permissions name it.
pub(crate) fn inbox_prefix(name: &str) -> String {
    format!("_INBOX_{name}")
}

/// Twice as long after each attempt, and longer for some names than for others, so that a broker that comes back is
/// not met by everybody at once.
fn pause(attempts: usize, name: &str) -> Duration {
    let Some(doublings) = attempts.checked_sub(2) else { return Duration::ZERO };
    let base = Duration::from_millis(50).saturating_mul(1 << doublings.min(16)).min(LONGEST_PAUSE);
    let spread: u32 = name.bytes().map(u32::from).sum::<u32>() % 32;
    base + base * spread / 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded_and_differ_by_name() {
        assert_eq!(pause(1, "moh"), Duration::ZERO);
        let pauses: Vec<Duration> = (1..40).map(|attempts| pause(attempts, "moh")).collect();
        assert!(pauses.is_sorted());
        assert!(pauses.iter().all(|pause| *pause <= LONGEST_PAUSE * 3 / 2));
        assert_ne!(pause(20, "moh"), pause(20, "moha"));
    }

    #[tokio::test]
    async fn a_missing_login_is_named_before_anything_is_tried() {
        let connection = Connection {
            name: "moh".to_owned(),
            servers: vec!["tls://127.0.0.1:1".to_owned()],
            root_certificates: PathBuf::new(),
            client_certificate: None,
            credential: Credential::Nkey(PathBuf::from("/nonexistent/login.nk")),
        };
        assert!(matches!(connection.connect().await, Err(Error::Credential(_))));
    }
}
