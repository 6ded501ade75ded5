//! Where a store lies: in a file of this machine, or at a PostgreSQL server.
//!
//! A server's address holds no password, and a server that is not on this machine is reached over TLS only, so that
//! neither a log nor a network shows what would open the store.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio_postgres::config::{Config, Host, SslMode, TargetSessionAttrs};

use super::Error;

/// How long a server may take to let in, and to show a sign of life while something is under way.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a store lies.
#[derive(Debug, Clone)]
pub enum Location {
    /// A file of SQLite.
    File(PathBuf),
    /// A PostgreSQL server.
    Server(Box<Server>),
}

/// A database of a PostgreSQL server.
#[derive(Debug, Clone)]
pub struct Server {
    pub(super) config: Config,
    /// Certificates that the server's must be signed by, PEM; none when it is reached without TLS.
    pub(super) roots: Option<PathBuf>,
}

impl Server {
    /// Reads an address such as `postgres://nhipcau@db.example/nhipcau`.
    ///
    /// # Errors
    /// [`Error::Address`]: what is wrong with it. The address is not repeated.
    pub fn new(url: &str, password: Option<&[u8]>, roots: Option<PathBuf>) -> Result<Self, Error> {
        let is_url = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        let config: Config = if is_url { url.parse().ok() } else { None }
            .ok_or(Error::Address("is not of the form postgres://user@host/database"))?;
        if config.get_password().is_some() {
            return Err(Error::Address("must not contain a password; name the file that holds it"));
        }
        if roots.is_none()
            && !(config.get_hosts().iter().all(is_local) && config.get_hostaddrs().iter().all(is_loopback))
        {
            return Err(Error::Address("is of another machine, whose certificates must be signed by given ones"));
        }
        if config.get_hosts().is_empty() {
            return Err(Error::Address("names no host"));
        }
        let mut server = Self { config, roots };
        let config = &mut server.config;
        config
            .ssl_mode(if server.roots.is_some() { SslMode::Require } else { SslMode::Disable })
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .connect_timeout(PATIENCE)
            .tcp_user_timeout(PATIENCE)
            .keepalives_idle(PATIENCE);
        if config.get_application_name().is_none() {
            config.application_name("nhipcau");
        }
        if let Some(password) = password {
            config.password(password);
        }
        Ok(server)
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address| is_loopback(&address)),
    }
}

fn is_loopback(address: &IpAddr) -> bool {
    address.is_loopback()
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<&PathBuf> for Location {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
    }
}

impl From<&Self> for Location {
    fn from(location: &Self) -> Self {
        location.clone()
    }
}

impl From<Server> for Location {
    fn from(server: Server) -> Self {
        Self::Server(Box::new(server))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = match self {
            Self::File(path) => return path.display().fmt(f),
            Self::Server(server) => &server.config,
        };
        let hosts = config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let hosts = hosts.collect::<Vec<_>>().join(",");
        write!(f, "database {} at {hosts}", config.get_dbname().or(config.get_user()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(url: &str) -> &'static str {
        match Server::new(url, None, None) {
            Err(Error::Address(fault)) => fault,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_address_holds_no_password_and_another_machine_is_not_reached_without_tls() {
        for local in ["postgres://n@localhost/n", "postgres://n@127.0.0.1/n", "postgresql:///n?host=/run/postgresql"] {
            assert!(Server::new(local, Some(b"secret"), None).is_ok(), "{local}");
        }
        assert!(fault("postgres://n:secret@localhost/n").contains("password"));
        for foreign in ["postgres://n@db.example/n", "postgres://n@10.0.0.7/n", "postgres://n@localhost,db/n"] {
            assert!(fault(foreign).contains("another machine"), "{foreign}");
        }
        let server = Server::new("postgres://n@db.example/n", None, Some("ca.pem".into())).unwrap();
        assert_eq!(server.config.get_ssl_mode(), SslMode::Require);
        for other in ["mysql://n@localhost/n", "store.db", "postgres://n@localhost:x/n"] {
            assert!(fault(other).contains("form"), "{other}");
        }
    }

    #[test]
    fn nothing_that_is_shown_of_a_location_holds_its_password() {
        let server = Server::new("postgres://n@localhost/cases", Some(b"hunter2"), None).unwrap();
        let location = Location::from(server);
        assert_eq!(location.to_string(), "database cases at localhost");
        assert!(!format!("{location:?}").contains("hunter2"));
    }
}
