//! The sandbox on disk, and what is started from it.
//!
//! A sandbox appears at its home whole or not at all, is never made over one that is there, and is run by one program
//! at a time. What its files say is made by the modules beside this one.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    net::TcpListener,
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use nhipcau_messaging::{
    SystemEntropy,
    provision::{self, Change, Layout, Plan},
};
use nhipcau_runtime::{config::Config, directory as kept};

use super::{
    broker,
    child::Running,
    endpoints::{AccessPoint, AllPorts, Endpoints, address},
    error::Error,
    health, homes,
    pki::Authority,
    plan::MEMBERS,
    programme::{self, Amendment},
    tied,
};
use crate::directory::{files, install};

/// Written last.
const ENDPOINTS: &str = "endpoints.json";
/// How long a process has to become ready.
const READY: Duration = Duration::from_secs(60);
/// How long a process has to end: more than an access point gives itself.
const END: Duration = Duration::from_secs(25);

/// A sandbox on disk.
#[derive(Debug, Clone)]
pub(crate) struct World {
    endpoints: Endpoints,
    program: PathBuf,
}

/// Whether a sandbox was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// It was made just now.
    Made,
    /// It was there and was left as it is.
    Kept,
}

impl World {
    /// Opens the sandbox at a home, or makes it. A sandbox appears there whole or not at all.
    ///
    /// # Errors
    /// [`Error`]; what was there is untouched.
    pub(crate) fn open(home: &Path, now: Timestamp) -> Result<(Self, Found), Error> {
        Self::open_with(home, now, None)
    }

    /// The same, with a directory whose files take the place of those of the same name in the directory's source.
    ///
    /// # Errors
    /// [`Error`]; what was there is untouched.
    pub(crate) fn open_with(home: &Path, now: Timestamp, source: Option<&Path>) -> Result<(Self, Found), Error> {
        let home = std::path::absolute(home).map_err(files::Error::read(home))?;
        let program = env::current_exe().map_err(files::Error::read(Path::new("nhipcau")))?;
        let path = home.join(ENDPOINTS);
        let (endpoints, found) = match fs::read(&path) {
            Ok(bytes) => {
                let read = serde_json::from_slice(&bytes);
                (read.map_err(|source| Error::Endpoints { path, source })?, Found::Kept)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (make(&home, now, source)?, Found::Made),
            Err(error) => return Err(files::Error::read(&path)(error).into()),
        };
        let same = |a: &Path, b: &Path| fs::canonicalize(a).ok().is_some_and(|a| fs::canonicalize(b).ok() == Some(a));
        if !same(&endpoints.home, &home) {
            return Err(Error::Moved { made: endpoints.home });
        }
        Ok((Self { endpoints, program }, found))
    }

    /// What is where.
    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The home.
    pub(crate) fn home(&self) -> &Path {
        &self.endpoints.home
    }

    /// The program that access points run.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// A path of [`Endpoints`], from the home.
    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.home().join(relative)
    }

    /// Keeps other processes from running this sandbox, until what is given is dropped.
    pub(crate) fn hold(&self) -> Result<File, Error> {
        let path = self.path("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(files::Error::write(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(Error::InUse),
            Err(TryLockError::Error(error)) => Err(files::Error::write(&path)(error).into()),
        }
    }

    /// Starts the broker and brings it to what the directory says.
    pub(crate) async fn start_broker(&self) -> Result<Running, Error> {
        let running = self.start_empty_broker().await?;
        self.provision().await?;
        Ok(running)
    }

    /// Starts the broker and leaves it as it is; new, or after losing its disk, it has no streams.
    pub(crate) async fn start_empty_broker(&self) -> Result<Running, Error> {
        let broker = &self.endpoints.broker;
        let mut command = tied::command(&self.program, &broker::server()?);
        command.arg("--config").arg(self.path(&broker.config));
        free("nats-server", &[&broker.address, &broker.monitor])?;
        let mut running = Running::start("nats-server", command, &self.path(&broker.log))?;
        // The operator's login rather than a bare connection, which the server would log as a fault.
        let operator = broker::operator(&self.endpoints);
        running.ready(READY, || async { operator.connect().await.is_ok() }).await?;
        Ok(running)
    }

    /// Makes what is missing at the broker.
    pub(crate) async fn provision(&self) -> Result<Vec<Change>, Error> {
        let release = self.release()?;
        let client = broker::operator(&self.endpoints).connect().await?;
        Ok(provision::apply(client, &Plan::of(&release, Layout::default())?).await?)
    }

    /// Starts an access point and waits until it serves.
    pub(crate) async fn start_access_point(&self, name: &str) -> Result<Running, Error> {
        let access_point = self.access_point(name)?;
        let mut command = tied::command(&self.program, &self.program);
        command.arg("serve").arg("--config").arg(self.path(&access_point.config));
        let clock = self.clock(name);
        if clock.exists() {
            command.arg("--clock").arg(clock);
        }
        // What is set for the sandbox must not reach into the access points' configuration.
        let ours = env::vars_os().map(|(name, _)| name);
        for name in ours.filter(|name| name.as_encoded_bytes().starts_with(b"NHIPCAU_")) {
            command.env_remove::<&OsStr>(&name);
        }
        free(name, &[&access_point.grpc, &access_point.metrics])?;
        let mut running = Running::start(name, command, &self.path(&access_point.log))?;
        let channel = health::channel(self.home(), access_point)?;
        running.ready(READY, || health::serves(channel.clone())).await?;
        Ok(running)
    }

    /// Amends the directory's source, and gives the file of the release that follows.
    ///
    /// # Errors
    /// Everything that is wrong with the source then.
    pub(crate) fn amend(&self, amendments: &[Amendment<'_>]) -> Result<PathBuf, Error> {
        programme::amend(&self.path("programme"), amendments, Timestamp::now())
    }

    /// Installs a release at an access point, whether it runs or not.
    pub(crate) fn install(&self, release: &Path, name: &str) -> Result<(), Error> {
        let config = Config::load(Some(&self.path(&self.access_point(name)?.config)), &Default::default());
        install::install(release, &config.map_err(Error::Config)?.directory, Timestamp::now())?;
        Ok(())
    }

    /// Sets the clock of an access point, also while it runs.
    pub(crate) fn set_clock(&self, name: &str, ahead: SignedDuration) -> Result<(), Error> {
        let path = self.clock(name);
        let new = path.with_extension("new");
        files::write(&new, ahead.as_secs().to_string())?;
        Ok(fs::rename(&new, &path).map_err(files::Error::write(&path))?)
    }

    fn clock(&self, name: &str) -> PathBuf {
        self.path(Path::new(name).join("clock"))
    }

    /// Starts everything.
    pub(crate) async fn start(&self) -> Result<Everything, Error> {
        let hold = self.hold()?;
        let broker = self.start_broker().await?;
        let mut members = Vec::with_capacity(MEMBERS.len());
        for member in MEMBERS {
            members.push(self.start_access_point(member.name).await?);
        }
        Ok(Everything { members, broker, _hold: hold })
    }

    /// Where an access point is.
    pub(crate) fn access_point(&self, name: &str) -> Result<&AccessPoint, Error> {
        self.endpoints.access_points.get(name).ok_or(Error::NoSuchMember)
    }

    fn release(&self) -> Result<nhipcau_domain::directory::Release, Error> {
        let first = self.access_point(MEMBERS.map(|member| member.name).first().copied().unwrap_or_default())?;
        let config = Config::load(Some(&self.path(&first.config)), &Default::default()).map_err(Error::Config)?;
        let release = kept::load(&config.directory, Timestamp::UNIX_EPOCH, true);
        release.map_err(|error| Error::Directory(crate::directory::Error::Directory(error)))
    }
}

/// Everything that runs.
#[derive(Debug)]
pub(crate) struct Everything {
    /// The access points, in the order of their start.
    pub(crate) members: Vec<Running>,
    /// The broker.
    pub(crate) broker: Running,
    _hold: File,
}

impl Everything {
    /// Waits until one of the processes has ended by itself, and says which.
    pub(crate) async fn ended(&mut self) -> Error {
        let each = self.members.iter_mut().chain([&mut self.broker]).map(|running| Box::pin(running.ended()));
        let (error, ..) = futures_util::future::select_all(each).await;
        error
    }

    /// Has an access point read its directory and its files anew.
    pub(crate) fn reload(&self, name: &str) -> Result<(), Error> {
        let mut members = self.members.iter().zip(MEMBERS);
        let (running, _) = members.find(|(_, member)| member.name == name).ok_or(Error::NoSuchMember)?;
        running.reload()
    }

    /// Kills an access point and starts it again.
    pub(crate) async fn restart(&mut self, world: &World, at: usize) -> Result<(), Error> {
        let (Some(running), Some(member)) = (self.members.get_mut(at), MEMBERS.get(at)) else {
            return Err(Error::NoSuchMember);
        };
        running.kill().await?;
        *running = world.start_access_point(member.name).await?;
        Ok(())
    }

    /// Ends all in order: the access points together, then the broker, so that what they still send arrives.
    pub(crate) async fn stop(self) -> io::Result<()> {
        let members = self.members.into_iter().map(|running| running.stop(END));
        let ended = futures_util::future::join_all(members).await;
        self.broker.stop(END).await?;
        ended.into_iter().try_for_each(|status| status.map(drop))
    }
}

/// Whether a process can listen where it has to. Its own words about it would be less clear.
fn free(name: &str, urls: &[&str]) -> Result<(), Error> {
    let taken = urls.iter().map(|url| address(url)).find(|address| TcpListener::bind(address).is_err());
    taken.map_or(Ok(()), |address| Err(Error::PortTaken { name: name.to_owned(), address }))
}

/// Makes a sandbox beside its place and moves it there.
fn make(home: &Path, now: Timestamp, source: Option<&Path>) -> Result<Endpoints, Error> {
    let plain = |text: &str| !text.chars().any(|c| c.is_control() || matches!(c, '"' | '\\' | '$'));
    if !home.to_str().is_some_and(plain) {
        return Err(Error::Path(home.to_owned()));
    }
    if fs::read_dir(home).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Error::Occupied(home.to_owned()));
    }
    let parent = home.parent().unwrap_or(Path::new("/"));
    files::create_directory(parent)?;
    let name = home.file_name().unwrap_or_default().to_string_lossy();
    let new = parent.join(format!(".{name}.{}", process::id()));
    let endpoints = fill(&new, home, now, source).inspect_err(|_| drop(fs::remove_dir_all(&new)))?;
    fs::rename(&new, home).map_err(files::Error::write(home))?;
    Ok(endpoints)
}

/// Writes all files below `root`, as they have to be below `home`.
fn fill(root: &Path, home: &Path, now: Timestamp, source: Option<&Path>) -> Result<Endpoints, Error> {
    let entropy = &mut SystemEntropy;
    let ports = AllPorts::choose(entropy).ok_or(Error::Ports)?;
    let pki = root.join("pki");
    let (bus, systems) = (Authority::new("bus", &pki, now)?, Authority::new("systems", &pki, now)?);
    let seeds = broker::make(root, home, &ports, &bus)?;

    let mut publics = Vec::with_capacity(MEMBERS.len());
    for member in MEMBERS {
        publics.push(homes::make_keys(&root.join(member.name), now, entropy)?);
    }
    let office = root.join("programme");
    let first = programme::found(&office, source, &publics, now, entropy)?;

    let endpoints = Endpoints::new(home, first.fingerprint().to_string(), &ports);
    for member in MEMBERS {
        let login = seeds.get(member.name).map(String::as_str).unwrap_or_default();
        homes::issue(root, member, login, &bus, &systems)?;
        homes::configure(root, member, &endpoints)?;
        programme::bring(&office, &first, &root.join(member.name).join("directory"), now)?;
    }
    let path = root.join(ENDPOINTS);
    let text =
        serde_json::to_vec_pretty(&endpoints).map_err(|source| Error::Endpoints { path: path.clone(), source })?;
    files::write(&path, text)?;
    Ok(endpoints)
}
