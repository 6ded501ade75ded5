//! Four access points and a broker, each a real process, in the sandbox that the program itself makes.
//!
//! What is kept is in a directory that goes away with the world. Processes are killed, started again and given other
//! disks here; what they are asked is for the tests.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Output},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use nhipcau_messaging::store;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::{
    nats,
    process::{Process, output, program},
};

/// How long one call may take; a test asks again.
const ANSWER: Duration = Duration::from_secs(5);

/// The world of a test.
#[derive(Debug)]
pub struct World {
    home: TempDir,
    endpoints: Value,
    broker: Option<Process>,
    operated: String,
    access_points: BTreeMap<String, Process>,
}

impl World {
    /// Makes the files of a world; nothing runs.
    ///
    /// # Errors
    /// When the program is not built or cannot make a sandbox.
    pub fn make() -> Result<Self> {
        let home = tempfile::tempdir()?;
        let made = output(program()?.args(["sandbox", "--create-only", "--home"]).arg(home.path()))?;
        ensure!(made.status.success(), "no sandbox: {}", String::from_utf8_lossy(&made.stderr));
        let endpoints = serde_json::from_slice(&fs::read(home.path().join("endpoints.json"))?)?;
        Ok(Self { home, endpoints, broker: None, operated: String::new(), access_points: BTreeMap::new() })
    }

    /// Makes a world and starts the broker, provisioned, and the access points.
    ///
    /// # Errors
    /// When something does not come up.
    pub async fn start(names: &[&str]) -> Result<Self> {
        let mut world = Self::make()?;
        world.start_broker().await?;
        world.provision()?;
        for name in names {
            world.start_access_point(name).await?;
        }
        Ok(world)
    }

    /// A path below the home of the world.
    #[must_use]
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.home.path().join(relative)
    }

    /// Starts the broker on whatever its disk holds.
    ///
    /// # Errors
    /// When it does not listen.
    pub async fn start_broker(&mut self) -> Result<()> {
        let mut command = Command::new(nats::binary()?);
        command.arg("--config").arg(self.path(self.text("/broker/config")?));
        let log = self.path(self.text("/broker/log")?);
        let address = self.broker_address()?.trim_start_matches("tls://").to_owned();
        let mut process = Process::start("nats-server", command, &log)?;
        process.ready(|| async { TcpStream::connect(&address).await.is_ok() }).await?;
        self.broker = Some(process);
        Ok(())
    }

    /// Where the broker listens, as a NATS URL.
    ///
    /// # Errors
    /// When the world does not say so.
    pub fn broker_address(&self) -> Result<&str> {
        self.text("/broker/address")
    }

    /// The running broker.
    ///
    /// # Errors
    /// When it does not run.
    pub fn broker(&mut self) -> Result<&mut Process> {
        self.broker.as_mut().context("the broker does not run")
    }

    /// Kills the broker in the middle of whatever it does.
    pub fn kill_broker(&mut self) {
        self.broker = None;
    }

    /// Takes everything that the broker stored, after [`World::kill_broker`].
    ///
    /// # Errors
    /// When the files cannot be removed.
    pub fn lose_broker_disk(&self) -> Result<()> {
        Ok(fs::remove_dir_all(self.path("nats/store"))?)
    }

    /// The same where the place is a file system of its own, which stays.
    ///
    /// # Errors
    /// When the files cannot be removed.
    pub fn empty_broker_disk(&self) -> Result<()> {
        for entry in fs::read_dir(self.path("nats/store"))? {
            let path = entry?.path();
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
        Ok(())
    }

    /// Brings the broker to what the directory says, by the operator's own command.
    ///
    /// # Errors
    /// When the command fails; the message holds what it wrote.
    pub fn provision(&self) -> Result<()> {
        let done = self.operator("apply")?;
        ensure!(done.status.success(), "not provisioned: {}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    }

    /// Has the operator's settings say more from now on, such as how many copies of a stream there are.
    pub fn operate(&mut self, settings: impl Into<String>) {
        self.operated = settings.into();
    }

    /// Runs `nhipcau provision` with the operator's login.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn operator(&self, command: &str) -> Result<Output> {
        let settings = self.path("operator.toml");
        let broker = |key: &str| self.text(&format!("/broker/{key}"));
        let text = format!(
            "[broker]\nservers = [\"{}\"]\nroot_certificates = \"{}\"\ncertificate = \"{}\"\nkey = \"{}\"\nnkey = \"{}\"\n",
            broker("address")?,
            broker("root_certificates")?,
            broker("certificate")?,
            broker("key")?,
            broker("login")?,
        );
        fs::write(&settings, text + &self.operated)?;
        let mut command_line = program()?;
        command_line.args(["provision", command, "--json", "--config"]).arg(settings);
        command_line.arg("--directory").arg(self.path("moh/directory"));
        output(command_line.arg("--fingerprint").arg(self.text("/fingerprint")?))
    }

    /// Starts an access point and waits until it serves.
    ///
    /// # Errors
    /// When it does not come up; the message holds its log.
    pub async fn start_access_point(&mut self, name: &str) -> Result<()> {
        self.start_access_point_with(name, |_| {}).await
    }

    /// Starts an access point under other settings, in its environment, and waits until it serves.
    ///
    /// # Errors
    /// When it does not come up; the message holds its log.
    pub async fn start_access_point_with(&mut self, name: &str, set: impl FnOnce(&mut Command)) -> Result<()> {
        let mut process = self.process(name, set)?;
        let channel = self.channel(name)?;
        process.ready(|| serves(channel.clone())).await?;
        self.access_points.insert(name.to_owned(), process);
        Ok(())
    }

    /// Starts an access point and does not wait.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn launch(&mut self, name: &str, set: impl FnOnce(&mut Command)) -> Result<()> {
        let process = self.process(name, set)?;
        self.access_points.insert(name.to_owned(), process);
        Ok(())
    }

    /// Waits until an access point serves that was launched. One that does not come up runs no longer.
    ///
    /// # Errors
    /// When it does not come up; the message holds its log.
    pub async fn served_by(&mut self, name: &str) -> Result<()> {
        let mut process = self.access_points.remove(name).with_context(|| format!("{name} does not run"))?;
        let channel = self.channel(name)?;
        process.ready(|| serves(channel.clone())).await?;
        self.access_points.insert(name.to_owned(), process);
        Ok(())
    }

    fn process(&self, name: &str, set: impl FnOnce(&mut Command)) -> Result<Process> {
        let mut command = program()?;
        command.arg("serve").arg("--config").arg(self.config(name));
        set(&mut command);
        Process::start(name, command, &self.path(name).join("log"))
    }

    /// Takes in an access point that was made beside the sandbox, as `endpoints.json` would describe it.
    ///
    /// # Errors
    /// When there are no others.
    pub fn adopt(&mut self, name: &str, endpoint: Value) -> Result<()> {
        let known = self.endpoints.get_mut("access_points").and_then(Value::as_object_mut).context("access points")?;
        known.insert(name.to_owned(), endpoint);
        Ok(())
    }

    /// Has an access point keep its store at the PostgreSQL server for tests, before it is started.
    ///
    /// # Errors
    /// When there is no server, or the file cannot be written.
    pub fn store_at_server(&self, name: &str) -> Result<()> {
        let path = self.config(name);
        let text = fs::read_to_string(&path)?;
        Ok(fs::write(path, format!("{text}\n[store]\nurl = \"{}\"\n", store::scratch_url()?))?)
    }

    /// Starts a second process of an access point, on a copy of its home as another machine would have, and waits until
    /// it stands by. From then on callers are sent to it.
    ///
    /// # Errors
    /// When it does not stand by; the message holds its log.
    pub async fn stand_by(&mut self, name: &str) -> Result<Process> {
        let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let home = self.path(format!("{name}-{}", address.port()));
        copy_tree(&self.path(name), &home)?;
        let mut command = program()?;
        command.arg("serve").arg("--config").arg(home.join("nhipcau.toml"));
        command.env("NHIPCAU_ACCESS_POINT__HOME", &home).env("NHIPCAU_METRICS__LISTEN", "");
        command.env("NHIPCAU_SERVER__LISTEN", address.to_string());
        let log = home.join("log");
        let mut process = Process::start(&format!("{name}-standby"), command, &log)?;
        let is_told = || async { fs::read_to_string(&log).is_ok_and(|text| text.contains("this one stands by")) };
        process.ready(is_told).await?;
        let url = self.endpoints.pointer_mut(&format!("/access_points/{name}/grpc")).context("no such access point")?;
        *url = Value::from(format!("https://{address}"));
        Ok(process)
    }

    /// Waits until callers of an access point are served.
    ///
    /// # Errors
    /// When the process ends before, or does not serve in time.
    pub async fn serves(&self, name: &str, process: &mut Process) -> Result<()> {
        let channel = self.channel(name)?;
        process.ready(|| serves(channel.clone())).await
    }

    /// Kills an access point in the middle of whatever it does.
    pub fn kill(&mut self, name: &str) {
        self.access_points.remove(name);
    }

    /// Asks an access point to end and waits for it.
    ///
    /// # Errors
    /// When it does not run or does not end in time.
    pub async fn stop(&mut self, name: &str) -> Result<ExitStatus> {
        self.access_points.remove(name).with_context(|| format!("{name} does not run"))?.stop().await
    }

    /// Copies the store of an access point that does not run, as a backup would.
    ///
    /// # Errors
    /// When a file cannot be copied.
    pub fn keep_store(&self, name: &str) -> Result<PathBuf> {
        let copy = self.path(format!("{name}-older-store"));
        copy_files(&self.path(name).join("store"), &copy)?;
        Ok(copy)
    }

    /// Puts a copy in the place of the store of an access point that does not run.
    ///
    /// # Errors
    /// When a file cannot be removed or copied.
    pub fn restore_store(&self, name: &str, copy: &Path) -> Result<()> {
        let store = self.path(name).join("store");
        fs::remove_dir_all(&store)?;
        copy_files(copy, &store)
    }

    /// A running access point.
    ///
    /// # Errors
    /// When it does not run.
    pub fn running(&mut self, name: &str) -> Result<&mut Process> {
        self.access_points.get_mut(name).with_context(|| format!("{name} does not run"))
    }

    /// The configuration of an access point.
    #[must_use]
    pub fn config(&self, name: &str) -> PathBuf {
        self.path(name).join("nhipcau.toml")
    }

    /// Adds lines to the end of the configuration of an access point, for its next start.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure(&self, name: &str, lines: &str) -> Result<()> {
        let mut text = fs::read_to_string(self.config(name))?;
        text.push_str(lines);
        Ok(fs::write(self.config(name), text)?)
    }

    /// A command of the calling system of an access point.
    ///
    /// # Errors
    /// When the program is not built.
    pub fn system(&self, name: &str) -> Result<Command> {
        let profile = self.file(name, "profile")?;
        let mut command = program()?;
        command.env("NHIPCAU_PROFILE", profile);
        Ok(command)
    }

    /// A way to call an access point as its system; connects when it is used, and again whenever it must.
    ///
    /// # Errors
    /// When a file of the system cannot be read.
    pub fn channel(&self, name: &str) -> Result<Channel> {
        let of = |key: &str| self.text(&format!("/access_points/{name}/{key}"));
        let file = |key: &str| Ok::<_, anyhow::Error>(fs::read(self.file(name, key)?)?);
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(file("root_certificates")?))
            .identity(Identity::from_pem(file("certificate")?, file("key")?))
            .domain_name("localhost");
        let endpoint = Endpoint::from_shared(of("grpc")?.to_owned())?.tls_config(tls)?;
        Ok(endpoint.connect_timeout(ANSWER).timeout(ANSWER).connect_lazy())
    }

    /// A file of an access point or its calling system, such as the `certificate` of the latter.
    ///
    /// # Errors
    /// When the world does not say so.
    pub fn file(&self, name: &str, key: &str) -> Result<PathBuf> {
        Ok(self.path(self.text(&format!("/access_points/{name}/{key}"))?))
    }

    /// The port of an access point's door.
    ///
    /// # Errors
    /// When the world does not say so.
    pub fn port(&self, name: &str) -> Result<u16> {
        let url = self.text(&format!("/access_points/{name}/grpc"))?;
        Ok(url.rsplit(':').next().context("a port")?.parse()?)
    }

    /// Every port that the world's processes listen at.
    ///
    /// # Errors
    /// When the world does not say so.
    pub fn ports(&self) -> Result<Vec<u16>> {
        let doors = self.endpoints.get("access_points").and_then(Value::as_object).context("access points")?.keys();
        let urls = doors.flat_map(|name| ["grpc", "metrics"].map(|door| format!("/access_points/{name}/{door}")));
        let urls = urls.chain(["/broker/address", "/broker/monitor"].map(str::to_owned));
        urls.map(|url| {
            let port = self.text(&url)?.rsplit(':').next().and_then(|port| port.split('/').next());
            Ok(port.context("a port")?.parse()?)
        })
        .collect()
    }

    /// The page of metrics of an access point.
    ///
    /// # Errors
    /// When it is not served.
    pub async fn metrics(&self, name: &str) -> Result<String> {
        let url = self.text(&format!("/access_points/{name}/metrics"))?;
        let address = url.trim_start_matches("http://").trim_end_matches("/metrics");
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut page = String::new();
        stream.read_to_string(&mut page).await?;
        Ok(page)
    }

    /// What `endpoints.json` says under a pointer, such as `/access_points/moh/system`.
    ///
    /// # Errors
    /// When it says nothing there.
    pub fn text(&self, pointer: &str) -> Result<&str> {
        self.endpoints.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no {pointer} in the world"))
    }
}

async fn serves(channel: Channel) -> bool {
    let request = HealthCheckRequest { service: String::new() };
    let answer = HealthClient::new(channel).check(request).await;
    answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
}

/// All that is below a home, but neither its store nor its log.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == "store" || entry.file_name() == "log" {
            continue;
        }
        if path.is_dir() {
            copy_tree(&path, &copy)?;
        } else {
            fs::copy(path, copy)?;
        }
    }
    Ok(())
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
