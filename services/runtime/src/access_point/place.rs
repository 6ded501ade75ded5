//! The place of the one process that has a store: taken at once, or waited for.
//!
//! A store in a file belongs to whoever has its lock, and a second process is told so. At a server the second process
//! stands by: it becomes the active one when the first has ended, however that was, or is silent for long.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use nhipcau_messaging::store::{self, Claim, Location, Server, Store};
use tokio::{task::spawn_blocking, time::sleep};
use tokio_util::sync::CancellationToken;

use super::Error;
use crate::{config, private_file};

/// How often a process that stands by asks.
const ASKING: Duration = Duration::from_millis(500);

/// The place of the active process.
#[derive(Debug)]
pub struct Place(Held);

#[derive(Debug)]
enum Held {
    File(PathBuf, File),
    Server(Claim),
}

/// Where a store lies, with what opens it.
///
/// # Errors
/// [`Error::Password`] when the password cannot be read.
pub fn location(store: &config::Store) -> Result<Location, Error> {
    Ok(match server(store)? {
        Some(server) => server.into(),
        None => Location::File(store.path.clone()),
    })
}

fn server(store: &config::Store) -> Result<Option<Server>, Error> {
    let Some(config::StoreServer { url, password_file, root_certificates }) = &store.server else { return Ok(None) };
    let password = password_file.as_deref().map(private_file::read).transpose().map_err(Error::Password)?;
    let password = password.as_deref().map(|bytes| bytes.trim_ascii_end());
    Ok(Some(Server::new(url, password, root_certificates.clone())?))
}

impl Place {
    /// Takes the place.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has it; other [`Error`]s when the store cannot be reached.
    pub fn take(store: &config::Store) -> Result<Self, Error> {
        let Some(server) = server(store)? else { return Ok(Self(Held::File(store.path.clone(), lock(&store.path)?))) };
        let claim = Claim::on(&server)?;
        if claim.try_take()? { Ok(Self(Held::Server(claim))) } else { Err(Error::InUse) }
    }

    /// Takes the place, or stands by until it is free and its server there; none when told to stop before.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has a store in a file; other [`Error`]s when it cannot be reached.
    pub async fn awaited(store: &config::Store, stop: &CancellationToken) -> Result<Option<Self>, Error> {
        let Some(server) = server(store)? else { return Self::take(store).map(Some) };
        let (mut claim, mut told) = (None::<Claim>, "");
        loop {
            let (known, server) = (claim.take(), server.clone());
            let ask = move || -> Result<_, store::Error> {
                let claim = known.map_or_else(|| Claim::on(&server), Ok)?;
                let is_taken = claim.try_take()?;
                Ok((claim, is_taken))
            };
            let state = match spawn_blocking(ask).await.map_err(|error| Error::Home(io::Error::other(error)))? {
                Ok((claim, true)) => return Ok(Some(Self(Held::Server(claim)))),
                Ok((asked, false)) => {
                    claim = Some(asked);
                    "Another process is active on the store; this one stands by."
                }
                Err(store::Error::Unreachable(_)) => {
                    "The server of the store cannot be reached; it is being tried for as long as it takes."
                }
                Err(error) => return Err(error.into()),
            };
            if told != state {
                tracing::warn!("{state}");
                told = state;
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(None),
                () = sleep(ASKING) => {}
            }
        }
    }

    /// Opens the store in it. The lock of a file is to be held for as long as the store.
    pub(super) fn open(self) -> Result<(Store, Option<File>), store::Error> {
        match self.0 {
            Held::File(path, lock) => Ok((Store::open(&path)?, Some(lock))),
            Held::Server(claim) => Ok((Store::open_in(claim)?, None)),
        }
    }
}

/// One process a store. The lock goes with the process, however it ends.
fn lock(store: &Path) -> Result<File, Error> {
    let directory = store.parent().map_or_else(PathBuf::new, ToOwned::to_owned);
    if !fs::exists(&directory).map_err(Error::Home)? {
        private_file::create_directory(&directory).map_err(|error| Error::Home(io::Error::other(error)))?;
    }
    let path = store.with_extension("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(Error::Home)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse),
        Err(TryLockError::Error(error)) => Err(Error::Home(error)),
    }
}
