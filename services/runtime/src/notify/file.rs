//! A file as a way of telling people: one line of JSON for each notice, on the disk before it counts as told.
//!
//! For whoever reads the file and tells people by means of their own. It has addresses, and its owner alone reads it.
//! It may be taken away at any time; the next notice begins another.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use jiff::Timestamp;
use tokio::task::spawn_blocking;

use super::{Error, Notice, Notifier};

/// The way.
pub(super) struct Lines {
    path: PathBuf,
}

impl Lines {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }
}

impl Notifier for Lines {
    fn notify<'n>(&'n self, notice: &'n Notice, _: Timestamp) -> BoxFuture<'n, Result<(), Error>> {
        let (path, line) = (self.path.clone(), notice.body() + "\n");
        let write = spawn_blocking(move || append(&path, line.as_bytes()));
        async move { write.await.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(Error::File) }.boxed()
    }
}

fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(line)?;
    file.sync_all()?;
    crate::private_file::sync_parent(path)
}
