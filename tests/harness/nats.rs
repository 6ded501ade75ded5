//! A real nats-server under the shipped configuration: its own directory, free ports, ended when dropped.
//!
//! What differs from `deploy/nats` is only what must: paths, ports, and the keys in `users.conf`, whose private
//! halves the tests hold. The certificates beside this file belong to the tests and are trusted nowhere else.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use anyhow::{Context, Result, bail};
use async_nats::{Client, ConnectOptions};
use aws_lc_rs::signature::Ed25519KeyPair;
use nhipcau_messaging::nats::{ClientCertificate, Connection, Credential};
use tempfile::TempDir;

use crate::wait;

/// A NATS user of the shipped configuration, in the order of `users.conf`.
#[derive(Clone, Copy, Debug)]
pub struct User {
    /// Name of the access point, or `operator`; its inbox is `_INBOX_` and this name.
    pub name: &'static str,
    public: &'static str,
    seed: &'static str,
}

/// The access point `moha`.
pub const MOHA: User = User {
    name: "moha",
    public: "UDOHGJ3J5TZHXXV3KUAFWVPFT6WWWWM6VXVXN7E43RAZD4VPFA764GH4",
    seed: "SUAKX23JS7BWORRBVQ4EOMCVGRYNOFWC6ONYPQNPOVJF4C2XCGL665XJOI",
};

/// The access point `vwu`.
pub const VWU: User = User {
    name: "vwu",
    public: "UBJIICM5OVVGHHZAVSUWQ4HXEMAAYNPKUVP4VM4ER5MIQSYPUJNCCVWO",
    seed: "SUAD7WW42BTDP32M5H437IVOQ6WY7KBXVBHRSE5EJE5BJDQR2UQ73X767Q",
};

/// The access point `moha` with the key that follows its first one.
pub const MOHA_RENEWED: User = User {
    name: "moha",
    public: "UDVEU3DD4KOFECV66VIHWEZOYX4ZKR3WV27L464SIIPOU2IUI3JCYSJF",
    seed: "SUAAOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBZ5FE",
};

/// The operator, who makes streams and consumers.
pub const OPERATOR: User = User {
    name: "operator",
    public: "UAXKTLME46OQLPC4ISEPUZTH7OTNPQTVZDVNTDOI5GGVOSFDG6FHDOTR",
    seed: "SUAMTRAMVQMNMXDZJDZGKR7T6TDBBZRHP7Y7KOEP7YMNDMS45ZGS25YVAI",
};

impl User {
    /// The public half of its key.
    #[must_use]
    pub fn public(&self) -> &'static str {
        self.public
    }

    /// The secret half of its key.
    #[must_use]
    pub fn seed(&self) -> &'static str {
        self.seed
    }

    /// Its key, for a client that signs by itself.
    ///
    /// # Panics
    /// Never: the seeds of the harness are seeds.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the seeds are constants of the harness")]
    pub fn key(&self) -> Ed25519KeyPair {
        // A seed is base32 over two bytes that say what it is, 32 bytes of key and a checksum.
        let bits = self.seed.bytes().flat_map(|digit| {
            let value = if digit.is_ascii_digit() { digit - b'2' + 26 } else { digit - b'A' };
            (0..5).rev().map(move |bit| value >> bit & 1)
        });
        let bits: Vec<u8> = bits.collect();
        let bytes: Vec<u8> = bits.chunks(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit)).collect();
        let key = bytes.get(2..34).expect("a seed of the harness");
        Ed25519KeyPair::from_seed_unchecked(key).expect("a seed of the harness")
    }
}

/// The shipped configuration, made to run here.
#[derive(Debug)]
pub struct Config {
    directory: TempDir,
}

impl Config {
    /// Copies `deploy/nats` into a directory of its own.
    ///
    /// # Errors
    /// When a file cannot be read or written, or `users.conf` names other users than the tests know.
    pub fn shipped() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let here = directory.path();
        for file in ["server.conf", "cluster.conf", "bus.conf", "users.conf"] {
            let shipped = fs::read_to_string(root().join("deploy/nats").join(file)).context(file)?;
            fs::write(here.join(file), adapt(&shipped, here)?)?;
        }
        let tls = here.join("tls");
        fs::create_dir(&tls)?;
        let ours = certificates();
        for (from, to) in [
            ("peer.pem", "server.pem"),
            ("peer.key", "server.key"),
            ("ca.pem", "ca.pem"),
            ("peer.pem", "node.pem"),
            ("peer.key", "node.key"),
            ("ca.pem", "nodes-ca.pem"),
        ] {
            fs::copy(ours.join(from), tls.join(to)).context(to)?;
        }
        Ok(Self { directory })
    }

    /// Adds lines to one of the files, to show what a change does.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn append(&self, file: &str, lines: &str) -> Result<()> {
        let path = self.directory.path().join(file);
        let text = fs::read_to_string(&path)?;
        Ok(fs::write(path, format!("{text}\n{lines}\n"))?)
    }

    /// Puts another text in the place of `users.conf`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn users(&self, text: &str) -> Result<()> {
        Ok(fs::write(self.directory.path().join("users.conf"), text)?)
    }

    /// Has the server check a file without running it.
    ///
    /// # Errors
    /// When the server cannot be started.
    pub fn check(&self, file: &str) -> Result<Output> {
        Ok(self.command(file)?.arg("-t").output()?)
    }

    /// Starts a single server and waits until it listens.
    ///
    /// # Errors
    /// When it does not come up; the message holds its log.
    pub async fn start(self) -> Result<Server> {
        let (child, address) = self.launch(None).await?;
        Ok(Server { child, config: self, address })
    }

    async fn launch(&self, port: Option<&str>) -> Result<(Child, String)> {
        let mut command = self.command("server.conf")?;
        let here = self.directory.path();
        command.arg("--ports_file_dir").arg(here).arg("--log").arg(here.join("log"));
        if let Some(port) = port {
            command.arg("--port").arg(port);
        }
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let ports = here.join(format!("nats-server_{}.ports", child.id()));
        match wait::until("the nats-server to listen", || address(&ports)).await {
            Ok(address) => Ok((child, address)),
            Err(error) => {
                end(&mut child);
                Err(error.context(self.log()))
            }
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    fn command(&self, file: &str) -> Result<Command> {
        let mut command = Command::new(binary()?);
        command.arg("--config").arg(self.directory.path().join(file));
        command.env("NHIPCAU_NATS_NODE", "nhipcau-1");
        Ok(command)
    }
}

/// A running nats-server; dropping it kills it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    config: Config,
    address: String,
}

impl Server {
    /// Where it listens, as a NATS URL.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Connects as one of the users, over TLS with a certificate. `on_error` hears what the server refuses.
    ///
    /// # Errors
    /// When the server does not let the user in.
    pub async fn connect(&self, user: User, on_error: impl Fn(String) + Send + Sync + 'static) -> Result<Client> {
        let ours = certificates();
        let options = ConnectOptions::with_nkey(user.seed.to_owned())
            .name(user.name)
            .custom_inbox_prefix(format!("_INBOX_{}", user.name))
            .add_root_certificates(ours.join("ca.pem"))
            .add_client_certificate(ours.join("peer.pem"), ours.join("peer.key"))
            .require_tls(true)
            .event_callback(move |event| {
                if let async_nats::Event::ServerError(error) = event {
                    on_error(error.to_string());
                }
                async {}
            });
        Ok(options.connect(&self.address).await?)
    }

    /// How an access point or the operator connects as one of the users, as its own configuration would say it.
    ///
    /// # Errors
    /// When the file with the login cannot be written.
    pub fn connection(&self, user: User) -> Result<Connection> {
        let login = self.config.directory.path().join(format!("{}.nk", user.name));
        fs::write(&login, user.seed)?;
        let ours = certificates();
        Ok(Connection {
            name: user.name.to_owned(),
            servers: vec![self.address.clone()],
            root_certificates: ours.join("ca.pem"),
            client_certificate: Some(ClientCertificate {
                certificate: ours.join("peer.pem"),
                key: ours.join("peer.key"),
            }),
            credential: Credential::Nkey(login),
        })
    }

    /// Puts another key in the place of a user's, for the next start.
    ///
    /// # Errors
    /// When `users.conf` cannot be read or written.
    pub fn replace_key(&self, old: User, new: User) -> Result<()> {
        let text = fs::read_to_string(self.config.directory.path().join("users.conf"))?;
        self.config.users(&text.replace(old.public, new.public))
    }

    /// Writes what is in the file that a user's login is read from.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_login(&self, user: User, text: &str) -> Result<()> {
        Ok(fs::write(self.config.directory.path().join(format!("{}.nk", user.name)), text)?)
    }

    /// Kills the server in the middle of whatever it does.
    pub fn kill(&mut self) {
        end(&mut self.child);
    }

    /// Starts the server again on the same port and disk, after [`Server::kill`].
    ///
    /// # Errors
    /// When it does not come up; the message holds its log.
    pub async fn restart(&mut self) -> Result<()> {
        let port = self.address.rsplit(':').next().context("the address ends in a port")?.to_owned();
        (self.child, self.address) = self.config.launch(Some(&port)).await?;
        Ok(())
    }

    /// Takes everything that the server stored, after [`Server::kill`].
    ///
    /// # Errors
    /// When the files cannot be removed.
    pub fn lose_disk(&self) -> Result<()> {
        Ok(fs::remove_dir_all(self.config.directory.path().join("store"))?)
    }

    /// What the server logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.config.log()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // Nothing is left to do about a failure here; a server that is gone already is what is wanted.
    drop(child.kill());
    drop(child.wait());
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn certificates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("harness/tls")
}

/// The server that `make setup` brought, unless NHIPCAU_NATS_SERVER names another.
///
/// # Errors
/// When there is none.
pub fn binary() -> Result<PathBuf> {
    let named = env::var_os("NHIPCAU_NATS_SERVER").map(PathBuf::from);
    let path = named.unwrap_or_else(|| root().join("target/tools/nats-server"));
    if !path.is_file() {
        bail!("no nats-server at {}: run `make setup`", path.display());
    }
    Ok(path)
}

fn adapt(shipped: &str, here: &Path) -> Result<String> {
    let here = here.to_str().context("the temporary directory has a plain name")?;
    let mut text = shipped
        .replace("/etc/nhipcau-nats", here)
        .replace("/var/lib/nhipcau-nats", &format!("{here}/store"))
        .replace("0.0.0.0:4222", "127.0.0.1:-1")
        .replace("127.0.0.1:8222", "127.0.0.1:-1")
        .replace("0.0.0.0:6222", "127.0.0.1:-1");
    if shipped.contains("nc.v1.") {
        let keys: Vec<String> = shipped
            .split_whitespace()
            .filter(|word| word.starts_with('U') && word.len() == MOHA.public.len())
            .map(str::to_owned)
            .collect();
        let users = [MOHA, VWU, OPERATOR];
        if keys.len() != users.len() {
            bail!("users.conf names {} users and the tests know {}", keys.len(), users.len());
        }
        for (key, user) in keys.iter().zip(users) {
            text = text.replace(key, user.public);
        }
    }
    Ok(text)
}

/// The first client address in a ports file, once it is there and whole.
fn address(ports: &Path) -> Option<String> {
    let text = fs::read(ports).ok()?;
    let ports: serde_json::Value = serde_json::from_slice(&text).ok()?;
    ports.get("nats")?.get(0)?.as_str().map(str::to_owned)
}
